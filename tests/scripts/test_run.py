"""The main job end to end on a few small collisions: every hop exact, and a second run that makes nothing again."""

import json
from pathlib import Path

import pytest

from edgetrack.export.forms import DEFAULT_FORMS
from edgetrack.scripts.config import load_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.run import RunConfig, run

SMALL = [
    "simulate.events=8",
    "simulate.simulation.pile_up=4",
    "training.epochs=6",
    "compact_training.epochs=6",
    "compact.hidden=8",
    "retraining.epochs=3",
    "vectors=4096",
    "verify_graphs=2",
    "settings.hls4ml.nodes=128",
    "settings.hls4ml.edges=256",
    "settings.accelerator.nodes=128",
    "settings.accelerator.edges=256",
]


@pytest.mark.slow
def test_the_whole_road_is_exact_and_is_not_walked_twice(tmp_path: Path) -> None:
    pytest.importorskip("acts", reason="simulation needs the extra edgetrack[sim]")
    pytest.importorskip("pythia8mc", reason="simulation needs the extra edgetrack[sim]")
    config = load_config(RunConfig, None, SMALL)
    result = run(config, tmp_path, Console(quiet=True))
    assert not result["failed"]
    assert set(result["forms"]) == set(DEFAULT_FORMS)
    for form in result["forms"].values():
        assert form["mismatches"] == 0
        assert form["vectors"] == 4096
        assert "skipped" not in form
    evaluation = json.loads((tmp_path / "evaluate" / "evaluation.json").read_text())["forms"]
    assert evaluation["hls4ml"] == evaluation["integer in hls4ml's sectors"]
    assert evaluation["accelerator"] == evaluation["integer in accelerator's sectors"]
    for exact in ("brevitas", "qonnx", "qcdq", "rtl"):
        assert evaluation[exact] == evaluation["integer"]
    assert (tmp_path / "report.html").stat().st_size > 100_000

    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/stage.json")}
    assert len(stamps) == 8
    run(config, tmp_path, Console(quiet=True))
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/stage.json")}
