"""Figures of hardware in `edgetrack export`: what tools say reaches the result, with what stands behind it."""

from dataclasses import replace
from pathlib import Path

import pytest
from integer_networks import random_integer_model

from edgetrack.export.accelerator import kind as accelerator_kind
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form import FormUnavailable
from edgetrack.export.integer import INTEGER
from edgetrack.export.synthesis.hierarchy import DesignResources, PartResources
from edgetrack.export.synthesis.nextpnr_report import CriticalPath
from edgetrack.export.synthesis.place_and_route import PRIMITIVES, PlaceConfig, PlacedDesign
from edgetrack.export.synthesis.yosys import Resources
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.scripts.console import Console
from edgetrack.scripts.export import ExportConfig, export
from edgetrack.scripts.hardware_tables import FigureConfig, Figures, add_figures

QUIET = Console(quiet=True)
CONFIG = FigureConfig(estimate=True, slow_estimate=True, place=True, device="xcvu9p")
LANE = Resources(lut=1000, ff=500, carry4=10, dsp=0, bram36=0.5, lutram=100)
DESIGN = DesignResources(
    LANE * 2 + replace(LANE, uram=96),
    (PartResources("lane", 2, LANE), PartResources("accelerator", 1, replace(LANE, uram=96))),
)


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> AcceleratorForm:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=2, effects=1)), 1)
    return export_accelerator(model, tmp_path_factory.mktemp("form"), AcceleratorConfig(8, 16, 1, 1, 2, 1))


def placed(folder: Path) -> PlacedDesign:
    used = dict.fromkeys(PRIMITIVES, 10)
    path = CriticalPath("from", "to", 4.0, 6.0, 5, ("net",))
    return PlacedDesign(
        "accelerator_pins",
        "LFE5UM5G",
        100.0,
        PlaceConfig(seed=3),
        used,
        dict.fromkeys(PRIMITIVES, 40),
        path,
        {"Yosys": 1.0},
        folder / "design.bit",
        folder / "report.json",
        "placed and routed: tools",
    )


def test_estimate_and_place_and_route_are_labelled_apart(
    form: AcceleratorForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AcceleratorForm, "estimate", lambda self: DESIGN)
    monkeypatch.setattr(accelerator_kind, "place_streams", lambda *arguments: placed(tmp_path))
    found = Figures()
    add_figures(found, ACCELERATOR, form, CONFIG, QUIET)
    assert not found.skipped
    assert not found.impossible
    estimate, real = found.estimates["accelerator"], found.placed["accelerator"]
    assert "estimate without place and route" in estimate["basis"]
    assert estimate["total"] == {
        "lut": 3000,
        "ff": 1500,
        "carry4": 30,
        "dsp": 0,
        "bram36": 1.5,
        "lutram": 300,
        "uram": 96,
    }
    assert estimate["shares"]["lut"] == 3000 / 1182240
    assert estimate["shares"]["uram"] == 96 / 960
    assert estimate["blocks"]["lane"] == {
        "instances": 2,
        "lut": 2000,
        "ff": 1000,
        "carry4": 20,
        "dsp": 0,
        "bram36": 1.0,
        "lutram": 200,
        "uram": 0,
    }
    assert [(part["name"], part["instances"], part["each"]["lut"]) for part in estimate["parts"]] == [
        ("lane", 2, 1000),
        ("accelerator", 1, 1000),
    ]
    assert "placed and routed" in real["basis"]
    assert (real["clock_mhz"], real["seed"], real["shares"]["DP16KD"]) == (100.0, 3, 0.25)
    assert real["latency_us"] == form.formula.latency(8, 16) / 100
    assert real["critical_path"]["routing_ns"] == 6.0


def test_what_has_no_tool_or_does_not_route_is_told(form: AcceleratorForm, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: Exception) -> object:
        def call(*arguments: object) -> object:
            raise error

        return call

    monkeypatch.setattr(AcceleratorForm, "estimate", fails(FormUnavailable("Yosys is not installed")))
    no_room = RuntimeError("nextpnr-ecp5 ended with 1: no BELs remaining")
    monkeypatch.setattr(accelerator_kind, "place_streams", fails(no_room))
    found = Figures()
    add_figures(found, ACCELERATOR, form, CONFIG, QUIET)
    assert found == Figures(
        skipped={"accelerator estimate": "Yosys is not installed"},
        impossible={"accelerator placed": "nextpnr-ecp5 ended with 1: no BELs remaining"},
    )


def test_nothing_is_made_where_nothing_is_asked_for_or_a_form_is_not_able(form: AcceleratorForm) -> None:
    found = Figures()
    add_figures(found, ACCELERATOR, form, replace(CONFIG, estimate=False, place=False), QUIET)
    add_figures(found, ACCELERATOR, form, replace(CONFIG, slow_estimate=False, place=False), QUIET)
    add_figures(found, INTEGER, form, CONFIG, QUIET)
    assert found == Figures()


def test_place_without_the_accelerator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give --to accelerator"):
        export(ExportConfig(to=("rtl",), place=True), tmp_path, QUIET)
