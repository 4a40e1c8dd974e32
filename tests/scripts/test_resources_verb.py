"""`edgetrack resources` brings vendor reports into one table and says what stands behind each figure."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgetrack.scripts.main import main

REPORTS = Path(__file__).resolve().parents[1] / "export/synthesis/reports"


def call(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["resources", "--folder", str(tmp_path / "run"), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_routed_design_and_an_estimate_stand_side_by_side(tmp_path: Path) -> None:
    for name in ("utilization_routed_2023.2.rpt", "timing_routed_2023.2.rpt", "vitis_2024.2_csynth.xml"):
        shutil.copy(REPORTS / name, tmp_path)
    status, out, _ = call(tmp_path, "--report", str(tmp_path), "--json")
    assert status == 0
    timing, utilization, synthesis = json.loads(out)["reports"]
    assert utilization["basis"] == timing["basis"] == "Vivado, placed and routed"
    assert synthesis["basis"] == "Vitis HLS, estimate before place and route"
    assert utilization["resources"] == {
        "lut": 101234,
        "ff": 60321,
        "carry4": 19752,
        "dsp": 12,
        "bram36": 48.5,
        "lutram": 3222,
        "uram": 3,
    }
    assert utilization["shares"]["lut"] == 101234 / 1728000
    assert synthesis["resources"]["carry4"] is None
    assert "carry4" not in synthesis["shares"]
    assert synthesis["latency_cycles"] == {"min": 512, "max": 516}
    assert timing["resources"]["lut"] is None
    assert (timing["timing_met"], timing["achieved_period_ns"]) == (True, 4.127)
    assert timing["device"] == "xcvu13p-flga2577-2-e"


def test_the_table_says_met_or_not_and_leaves_unknown_figures_open(tmp_path: Path) -> None:
    status, out, _ = call(tmp_path, "--report", str(REPORTS / "timing_violated_2021.2.rpt"))
    assert status == 0
    assert "5.421 ns of 5 (184 MHz, not met)" in out
    assert "lut" not in out
    for name in ("timing_violated_2021.2.rpt", "utilization_routed_2023.2.rpt"):
        shutil.copy(REPORTS / name, tmp_path)
    _, out, _ = call(tmp_path, "--report", str(tmp_path))
    assert "│ –                                │ 101234 (5.86%)" in out


def test_another_part_gives_its_shares_but_not_of_intels_primitives(tmp_path: Path) -> None:
    _, out, _ = call(tmp_path, "--report", str(REPORTS / "vitis_2023.1_csynth.rpt"), "--part", "xcvu9p", "--json")
    (row,) = json.loads(out)["reports"]
    assert row["shares"]["bram36"] == 48.5 / 2160
    _, out, _ = call(tmp_path, "--report", str(REPORTS / "oneapi_quartus.ndjson"), "--part", "xcvu9p", "--json")
    (row,) = json.loads(out)["reports"]
    assert (row["shares"], row["resources"]["m20k"], row["resources"]["bram36"]) == ({}, 20, None)


@pytest.mark.parametrize(
    ("report", "complaint"), [("README.md", "none of the reports that are known"), ("none.rpt", "no such file")]
)
def test_what_is_no_report_ends_in_one_line(report: str, complaint: str, tmp_path: Path) -> None:
    status, out, err = call(tmp_path, "--report", str(REPORTS / report))
    assert (status, out) == (1, "")
    assert complaint in err
