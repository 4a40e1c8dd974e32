"""Reports of vendors' tools: each figure at its place, and none made up where a report is broken."""

import shutil
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edgetrack.export.synthesis.find_reports import find_reports, read_report
from edgetrack.export.synthesis.vendor_report import ReportError, VendorReport, tables
from edgetrack.export.synthesis.yosys import Resources

REPORTS = Path(__file__).parent / "reports"
HLS, ROUTED = "estimate before place and route", "Vivado, placed and routed"
SYNTHESISED = {"lut": 145678, "ff": 61234, "dsp": 12, "bram36": 48.5, "uram": 3}
SMALL = {"lut": 56789, "ff": 23456, "dsp": 0, "bram36": 6, "uram": 0}

WANTED = {
    "vitis_2024.2_csynth.xml": VendorReport(
        Path(),
        "Vitis HLS 2024.2",
        "interaction_network",
        "xcvu13p-flga2577-2-e",
        f"Vitis HLS, {HLS}",
        SYNTHESISED,
        (512, 516),
        (170, 171),
        5.0,
        3.412,
    ),
    "vitis_2023.1_csynth.rpt": VendorReport(
        Path(),
        "Vitis HLS 2023.1",
        "interaction_network",
        "xcvu13p-flga2577-2-e",
        f"Vitis HLS, {HLS}",
        SYNTHESISED,
        (512, 516),
        (170, 171),
        5.0,
        3.412,
    ),
    "vivado_hls_2019.2_csynth.xml": VendorReport(
        Path(),
        "Vivado HLS 2019.2",
        "interaction_network",
        "xcvu9p-flga2104-2L-e",
        f"Vivado HLS, {HLS}",
        SMALL,
        None,
        (85, 85),
        5.0,
        4.366,
    ),
    "vivado_hls_2019.1_csynth.rpt": VendorReport(
        Path(),
        "Vivado HLS 2019.1",
        "interaction_network",
        "xcvu9p-flga2104-2L-e",
        f"Vivado HLS, {HLS}",
        SMALL,
        None,
        (85, 85),
        5.0,
        4.366,
    ),
    "utilization_routed_2023.2.rpt": VendorReport(
        Path(),
        "Vivado 2023.2",
        "interaction_network",
        "xcvu13p-flga2577-2-e",
        ROUTED,
        {"lut": 101234, "lutram": 3222, "ff": 60321, "carry4": 2 * 9876, "bram36": 48.5, "uram": 3, "dsp": 12},
    ),
    "utilization_synth_2019.2_7series.rpt": VendorReport(
        Path(),
        "Vivado 2019.2",
        "myproject",
        "7z020clg400-1",
        f"Vivado, synthesised, {HLS}",
        {"lut": 4321, "lutram": 21, "ff": 2109, "carry4": 345, "bram36": 1.5, "uram": 0, "dsp": 0},
    ),
    "timing_routed_2023.2.rpt": VendorReport(
        Path(),
        "Vivado 2023.2",
        "interaction_network",
        "xcvu13p-flga2577",
        ROUTED,
        clock_period_ns=5.0,
        achieved_period_ns=4.127,
        timing_met=True,
    ),
    "timing_violated_2021.2.rpt": VendorReport(
        Path(),
        "Vivado 2021.2",
        "interaction_network",
        "xcvu13p-flga2577",
        ROUTED,
        clock_period_ns=5.0,
        achieved_period_ns=5.421,
        timing_met=False,
    ),
    "timing_placed_2021.2.rpt": VendorReport(
        Path(),
        "Vivado 2021.2",
        "interaction_network",
        "xcvu13p-flga2577",
        "Vivado, not known to be routed",
        clock_period_ns=5.0,
        achieved_period_ns=4.127,
        timing_met=True,
    ),
    "vitis_2024.2_export_impl.xml": VendorReport(
        Path(),
        "Vivado 2024.2",
        "interaction_network",
        "xcvu13p-flga2577-2-e",
        ROUTED,
        {"lut": 101234, "ff": 60321, "dsp": 12, "bram36": 48.5, "uram": 3},
        clock_period_ns=5.0,
        achieved_period_ns=4.127,
        timing_met=True,
    ),
    "oneapi_summary.ndjson": VendorReport(
        Path(), "oneAPI", "Phi_r1", "", f"oneAPI, {HLS}", {"lut": 4386, "ff": 12023, "m20k": 21, "dsp": 0, "mlab": 9}
    ),
    "oneapi_quartus.ndjson": VendorReport(
        Path(),
        "Quartus",
        "Phi_r1",
        "",
        "Quartus, placed and routed",
        {"lut": 4099, "ff": 10990, "dsp": 0, "m20k": 20, "mlab": 7, "alm": 4020},
        achieved_period_ns=2.0833,
    ),
}


@cache
def content(name: str) -> str:
    return (REPORTS / name).read_text()


@pytest.mark.parametrize("name", WANTED)
def test_each_figure_stands_where_the_report_has_it(name: str) -> None:
    assert read_report(REPORTS / name) == replace(WANTED[name], path=REPORTS / name)


def test_every_example_is_tested() -> None:
    assert {path.name for path in REPORTS.iterdir()} == {*WANTED, "README.md"}


def test_a_whole_utilisation_is_a_row_of_the_projects_table() -> None:
    wanted = Resources(101234, 60321, 19752, 12, 48.5, 3222, 3, ROUTED)
    assert read_report(REPORTS / "utilization_routed_2023.2.rpt").resources == wanted
    with pytest.raises(ValueError, match="has no carry4, lutram"):
        _ = read_report(REPORTS / "vitis_2024.2_csynth.xml").resources


def figures(report: VendorReport) -> dict[str, object]:
    """What the report says, without the basis: a report cut short may not say how far the design had come."""
    made = {name: value for name, value in asdict(report).items() if name not in ("path", "basis", "amounts")}
    return {name: value for name, value in {**made, **report.amounts}.items() if value is not None}


def outcome(path: Path) -> VendorReport | str:
    """The report, or what is said about it."""
    try:
        return read_report(path)
    except ReportError as error:
        return str(error)


@given(name=st.sampled_from(sorted(WANTED)), share=st.floats(0, 1))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_report_cut_off_anywhere_gives_true_figures_or_an_error(name: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content(name)[: int(share * len(content(name)))])
    made = outcome(path)
    if isinstance(made, str):
        assert made.startswith(f"{path}: ")
        assert "; " in made
    else:
        assert figures(made).items() <= figures(WANTED[name]).items()
        assert made.basis == WANTED[name].basis or made.basis == "Vivado, not known to be routed"


@given(name=st.sampled_from(sorted(WANTED)), data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_report_without_some_lines_gives_true_figures_or_an_error(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    lines = content(name).splitlines(keepends=True)
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first + 1, min(first + 6, len(lines))))
    assume(not any("CARRY4" in line for line in lines[first:last]))  # a primitive without a row is a zero in Vivado
    path = tmp_path / name
    path.write_text("".join(lines[:first] + lines[last:]))
    made = outcome(path)
    if isinstance(made, str):
        assert made.startswith(f"{path}: ")
    else:
        true = figures(WANTED[name]) | {"design": made.design, "tool": made.tool, "part": made.part}
        assert figures(made).items() <= true.items()


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("vitis_2024.2_csynth.xml", "<LUT>145678</LUT>", "<LUT>many</LUT>", "LUT is 'many', wanted a number"),
        ("vitis_2024.2_csynth.xml", "<LUT>145678</LUT>", "", "no AreaEstimates/Resources/LUT"),
        ("vitis_2024.2_csynth.xml", "</profile>", "", "no whole XML"),
        ("vitis_2023.1_csynth.rpt", "|Total            |       97|", "|Sum              |       97|", "no total"),
        ("utilization_routed_2023.2.rpt", "| CLB LUTs ", "| LUTs ", "no row CLB LUTs or Slice LUTs"),
        ("utilization_routed_2023.2.rpt", "| DSPs           |   12 |", "| DSPs           |      |", "DSPs is ''"),
        ("utilization_routed_2023.2.rpt", "| DSPs           |   12 |", "| DSPs           |  -12 |", "number from 0"),
        ("timing_routed_2023.2.rpt", "ap_clk  {0.000 2.500}", "other   {0.000 2.500}", "no clock with a period"),
        ("timing_routed_2023.2.rpt", "All user specified", "Some", "no statement whether the timing"),
        ("timing_routed_2023.2.rpt", "      0.873        0.000  ", "         NA           NA  ", "create_clock"),
        ("oneapi_summary.ndjson", '"Total"', '"Sum"', "no total of the estimated resources"),
        ("oneapi_quartus.ndjson", '"kernel"', '"board"', "make fpga"),
        ("vitis_2024.2_export_impl.xml", "impl<", "map<", "RUN_TYPE is 'map'"),
    ],
)
def test_what_is_missing_is_named_with_the_file(name: str, old: str, new: str, complaint: str, tmp_path: Path) -> None:
    assert old in content(name)
    path = tmp_path / name
    path.write_text(content(name).replace(old, new))
    with pytest.raises(ReportError, match=complaint) as caught:
        read_report(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("state", "basis"),
    [
        ("Physopt postRoute", ROUTED),
        ("Fully Placed", "Vivado, fully placed, not routed"),
        ("Synthesized", f"Vivado, synthesised, {HLS}"),
        ("Optimized", "Vivado, optimized, not routed"),
    ],
)
def test_only_a_routed_design_is_called_so(state: str, basis: str, tmp_path: Path) -> None:
    path = tmp_path / "utilization.rpt"
    path.write_text(content("utilization_routed_2023.2.rpt").replace(": Routed", f": {state}"))
    assert read_report(path).basis == basis


def test_a_project_folder_gives_the_reports_of_the_whole_design(tmp_path: Path) -> None:
    (tmp_path / "project.tcl").write_text('variable project_name\nset project_name "interaction_network"\n')
    synthesis = tmp_path / "interaction_network_prj/solution1/syn/report"
    hidden = tmp_path / "interaction_network_prj/solution1/.autopilot/db"
    for folder in (synthesis, hidden, tmp_path / "reports"):
        folder.mkdir(parents=True)
    for module in ("interaction_network", "sum_edges", "read_nodes"):
        shutil.copy(REPORTS / "vitis_2023.1_csynth.rpt", synthesis / f"{module}_csynth.rpt")
        shutil.copy(REPORTS / "vitis_2024.2_csynth.xml", synthesis / f"{module}_csynth.xml")
    shutil.copy(REPORTS / "vitis_2023.1_csynth.rpt", hidden / "interaction_network.verbose.rpt")
    shutil.copy(REPORTS / "utilization_routed_2023.2.rpt", tmp_path / "reports")
    shutil.copy(REPORTS / "timing_routed_2023.2.rpt", tmp_path / "reports")
    (tmp_path / "reports/hierarchy.rpt").write_text("Utilization Design Information\n1. Utilization by Hierarchy\n")
    (tmp_path / "reports/power.rpt").write_text("Power Report\n")
    assert [report.path.name for report in find_reports(tmp_path)] == [
        "interaction_network_csynth.xml",
        "timing_routed_2023.2.rpt",
        "utilization_routed_2023.2.rpt",
    ]

    shutil.copy(REPORTS / "vitis_2024.2_csynth.xml", synthesis / "csynth.xml")
    assert find_reports(tmp_path)[0].path.name == "csynth.xml"
    (synthesis / "csynth.xml").unlink()
    (tmp_path / "project.tcl").unlink()
    with pytest.raises(ValueError, match="6 C synthesis reports, and none is known as the top"):
        find_reports(tmp_path)


def test_a_folder_without_reports_and_an_unknown_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no report in 0 files"):
        find_reports(tmp_path)
    (tmp_path / "a.rpt").write_text("something else")
    with pytest.raises(ReportError, match="none of the reports that are known"):
        read_report(tmp_path / "a.rpt")


def test_a_table_ends_with_its_border() -> None:
    text = "+---+---+\n| a | b |\n+---+---+\n| 1 | 2 |\n+---+---+\n"
    assert [table.rows for table in tables(text)] == [(("a", "b"), ("1", "2"))]
    assert list(tables(text[:-10])) == []
