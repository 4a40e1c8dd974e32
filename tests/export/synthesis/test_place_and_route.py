"""Place and route: the report is read right, and a design becomes a clock and a bitstream."""

import importlib.util
import json
from pathlib import Path

import pytest
from integer_networks import random_integer_model

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.form import FormUnavailable
from edgetrack.export.synthesis.nextpnr_report import CriticalPath, read_report
from edgetrack.export.synthesis.place_and_route import PRIMITIVES, PlaceConfig, place_and_route, place_streams
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

GOLDEN = Path(__file__).parent / "golden"
REPORT = (GOLDEN / "nextpnr_adder.json").read_text()
ADDER = {"adder.v": (GOLDEN / "adder.v").read_text()}


def test_stored_report_gives_clock_primitives_and_longest_path() -> None:
    report = read_report(REPORT)
    assert report.clock_mhz == pytest.approx(594.53, abs=0.01)
    assert {name: report.used[name] for name in PRIMITIVES} == {
        "TRELLIS_COMB": 16,
        "TRELLIS_FF": 25,
        "DP16KD": 0,
        "MULT18X18D": 0,
        "TRELLIS_RAMW": 0,
        "TRELLIS_IO": 26,
    }
    assert (report.available["TRELLIS_COMB"], report.available["DP16KD"]) == (83640, 208)
    path = report.critical_path
    assert path == CriticalPath("second", "sum", path.logic_ns, path.routing_ns, 10, ("second[1]", "sum"))
    assert path.logic_ns + path.routing_ns == pytest.approx(1000 / report.clock_mhz, abs=0.002)
    assert path.routing_ns == pytest.approx(0.709)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Info: Max frequency", "no report of nextpnr"),
        ("[]", "no report of nextpnr"),
        (json.dumps({"fmax": {}, "utilization": {}}), "critical_paths"),
        (json.dumps(json.loads(REPORT) | {"fmax": {}}), "no clock"),
        (json.dumps(json.loads(REPORT) | {"critical_paths": []}), "no clock"),
    ],
)
def test_what_is_no_report_of_a_clocked_design_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_report(text)


def test_the_clock_is_the_slowest_of_all() -> None:
    report = json.loads(REPORT)
    report["fmax"]["slow"] = {"achieved": 12.5, "constraint": 100}
    assert read_report(json.dumps(report)).clock_mhz == 12.5


def test_a_design_is_placed_once_and_deterministic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = place_and_route(ADDER, "adder", tmp_path / "first")
    again = place_and_route(ADDER, "adder", tmp_path / "second")
    assert placed.clock_mhz == read_report(REPORT).clock_mhz > 0
    assert placed.used["TRELLIS_FF"] == 25
    assert placed.shares["TRELLIS_FF"] == 25 / 83640
    assert set(placed.seconds) == {"Yosys", "nextpnr-ecp5", "ecppack"}
    assert placed.bitstream.stat().st_size > 1_000_000
    assert placed.bitstream.read_bytes() == again.bitstream.read_bytes()
    assert placed.report.read_bytes() == again.report.read_bytes() == REPORT.encode()
    assert "placed and routed" in placed.basis
    monkeypatch.setattr("edgetrack.export.synthesis.place_and_route.run_tool", None)
    assert place_and_route(ADDER, "adder", tmp_path / "first") == placed


def test_what_does_not_fit_is_an_error_with_the_tools_words(tmp_path: Path) -> None:
    wide = {"adder.v": ADDER["adder.v"].replace("[7:0]", "[149:0]").replace("[8:0]", "[150:0]")}
    with pytest.raises(RuntimeError, match=r"(?s)nextpnr-ecp5 ended with .* on module adder.*Unable to place"):
        place_and_route(wide, "adder", tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)Yosys ended with 1 on module other"):
        place_and_route(ADDER, "other", tmp_path)
    unclocked = "module adder (input wire a, input wire b, output wire c);\n    assign c = a & b;\nendmodule\n"
    with pytest.raises(ValueError, match="is the design clocked"):
        place_and_route({"adder.v": unclocked}, "adder", tmp_path)


def test_devices_and_settings_without_sense_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no open tool takes xcvu9p"):
        place_and_route(ADDER, "adder", tmp_path, PlaceConfig(device="xcvu9p"))
    with pytest.raises(ValueError, match="target_mhz is 0"):
        PlaceConfig(target_mhz=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FormUnavailable, match="pip install yowasp-"):
        place_and_route(ADDER, "adder", tmp_path)


@pytest.mark.slow
def test_an_accelerator_is_placed_behind_pins(tmp_path: Path) -> None:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=2, effects=1)), 1)
    form = export_accelerator(model, tmp_path, AcceleratorConfig(8, 16, 1, 1, 2, 1))
    placed = place_streams(dict(form.sources), TOP, tmp_path / "place")
    assert placed.top == f"{TOP}_pins"
    assert 20 < placed.clock_mhz < 400
    assert placed.used["TRELLIS_IO"] == 2 + 3 * (2 + 16)
    assert placed.used["TRELLIS_COMB"] > 1000
    assert placed.used["MULT18X18D"] == 0
    assert placed.bitstream.stat().st_size > 1_000_000
