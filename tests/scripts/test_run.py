"""The main job end to end on a few small collisions: every hop exact, and a second run that makes nothing again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from run_folders import track_graph
from straight_tracks import tracks

from edgetrack.events.atomic_write import write_text
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.export.forms import DEFAULT_FORMS
from edgetrack.graphs.files import save_graph
from edgetrack.scripts.config import ConfigError, dump_config, load_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.hypertrack_stages import MASK_STAGES
from edgetrack.scripts.run import RunConfig, run
from edgetrack.scripts.simulate import SimulateConfig, simulate
from edgetrack.scripts.stage_record import StageRecord, write_record

SMALL = [
    "simulate.events=8",
    "simulate.simulation.pile_up=4",
    "training.epochs=6",
    "compact_training.epochs=6",
    "compact.hidden=8",
    "retraining.epochs=3",
    "vectors=4096",
    "verify_graphs=2",
    "settings.native.optimise=0",
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


OWN = [
    "forms=[integer, qonnx]",
    "network.hidden=6",
    "compact.hidden=4",
    "training.epochs=2",
    "compact_training.epochs=2",
    "retraining.epochs=1",
    "vectors=200",
    "verify_graphs=1",
]


@pytest.mark.slow
def test_graphs_of_ones_own_go_the_whole_road_and_the_page_names_them(tmp_path: Path) -> None:
    for seed in range(8):
        save_graph(track_graph(f"event{seed}", seed=seed), tmp_path / "mine" / f"event{seed}.npz")
    config = load_config(RunConfig, None, [*OWN, f"graphs={tmp_path / 'mine'}"])
    write_text(tmp_path / "run" / "run.yaml", dump_config(config))
    result = run(config, tmp_path / "run", Console(quiet=True))
    assert not result["failed"]
    assert sorted(path.parent.name for path in (tmp_path / "run").glob("*/stage.json")) == [
        *("evaluate", "export", "quantize", "train", "train_compact", "verify")
    ]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"<dd>{tmp_path / 'mine'}</dd>" in page
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*/stage.json")}
    save_graph(track_graph("event8", seed=8), tmp_path / "mine" / "event8.npz")
    run(config, tmp_path / "run", Console(quiet=True))
    assert all(path.stat().st_mtime_ns > before for path, before in stamps.items())  # one graph more is other data


@pytest.mark.slow
def test_events_of_ones_own_go_the_whole_road(tmp_path: Path) -> None:
    pytest.importorskip("acts", reason="simulation needs the extra edgetrack[sim]")
    pytest.importorskip("pythia8mc", reason="simulation needs the extra edgetrack[sim]")
    events = SimulateConfig(events=6, simulation=SimulationConfig(pile_up=4.0, seed=2, workers=1))
    simulate(events, tmp_path / "mine", Console(quiet=True))
    config = load_config(RunConfig, None, [*OWN, f"events={tmp_path / 'mine'}"])
    write_text(tmp_path / "run" / "run.yaml", dump_config(config))
    result = run(config, tmp_path / "run", Console(quiet=True))
    assert not result["failed"]
    assert {form["mismatches"] for form in result["forms"].values()} == {0}
    assert not (tmp_path / "run" / "simulate").exists()
    assert len(list((tmp_path / "run" / "build").glob("*.npz"))) == 6
    evaluation = json.loads((tmp_path / "run" / "evaluate" / "evaluation.json").read_text())
    assert evaluation["forms"]["qonnx"] == evaluation["forms"]["integer"]
    assert evaluation["perfect_scores"]["edge_accuracy"] == 1.0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"<dd>{tmp_path / 'mine'}</dd>" in page


@pytest.mark.parametrize("data", ["events", "graphs", "simulate.events"])
def test_too_few_events_are_refused_alike_and_before_any_work(tmp_path: Path, data: str) -> None:
    given = tmp_path / "mine"
    for seed in range(2):
        write_text(given / f"event{seed:09d}-hits.csv", "")
        save_graph(track_graph(f"event{seed}", seed=seed), given / f"event{seed}.npz")
    config = load_config(RunConfig, None, [f"{data}={2 if data == 'simulate.events' else given}"])
    with pytest.raises(ValueError, match="2 events cannot fill 3 parts; give at least 3"):
        run(config, tmp_path / "run", Console(quiet=True))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match=r"split.test is 0, but the run ends with figures on held-out events"):
        load_config(RunConfig, None, ["split={train: 0.5, validation: 0.5, test: 0}"])


def test_events_or_graphs_are_given_not_both_and_not_into_another_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--events and --graphs: give one of them"):
        RunConfig(events="a", graphs="b")
    with pytest.raises(ValueError, match="none: no such folder; give the folder of your data"):
        run(RunConfig(graphs=str(tmp_path / "none")), tmp_path / "run", Console(quiet=True))
    write_record(StageRecord("f"), tmp_path / "run" / "simulate")
    with pytest.raises(ValueError, match="simulate holds data of another run"):
        run(RunConfig(events=str(tmp_path)), tmp_path / "run", Console(quiet=True))


def test_hypertrack_goes_the_whole_way_with_masks(tmp_path: Path) -> None:
    for seed in range(8):
        save_graph(replace(tracks(seed), name=f"event{seed:09d}"), tmp_path / "graphs" / f"event{seed:09d}.npz")
    given = [
        f"graphs={tmp_path / 'graphs'}",
        "thinning.parts=0",
        "forms=[integer, qonnx]",
        "vectors=64",
        "verify_graphs=1",
        "split={train: 0.5, validation: 0.25, test: 0.25}",
        *(f"network.{size}" for size in ("layers=1", "hidden=8", "message=8", "latent=5")),
        *("compact.layers=1", "compact.latent=4"),
        "training.epochs=2",
        "compact_training.epochs=2",
        "masks.cut=-6",
        *("masks.clustering.min_graph=3", "masks.clustering.min_cluster_size=3"),
        "masks.clustering.pivots.diffuse_threshold=0.0",
        *("masks.transformer.width=8", "masks.transformer.heads=2", "masks.transformer.blocks=1"),
        *("masks.compact.latent=4", "masks.compact.width=8", "masks.compact.hidden=8"),
        "masks.training.epochs=1",
    ]
    config = load_config(RunConfig, Path("hypertrack.yaml"), given)
    result = run(config, tmp_path / "run", Console(quiet=True))
    assert not result["failed"]
    assert all(form["mismatches"] == 0 for form in result["forms"].values())
    evaluated = json.loads((tmp_path / "run" / "evaluate_masks" / "stage.json").read_text())["result"]
    assert set(evaluated) == {"float", "integer"}
    for pair in evaluated.values():
        assert pair["graphs"] == 2
        assert pair["vd_efficiency"] == 1.0
        assert pair["dms"] is not None
    stages = {path.parent.name for path in (tmp_path / "run").glob("*/stage.json")}
    assert stages >= set(MASK_STAGES)
    proven = json.loads((tmp_path / "run" / "verify_masks" / "verify.json").read_text())
    assert proven["forms"]["qonnx"]["mismatches"] == 0
    assert proven["forms"]["qonnx"]["special_graphs"] == 5
    page = (tmp_path / "run" / "report.html").read_text()
    assert all(words in page for words in ("arXiv:2309.14113", "integer, masks", "Bit accuracy of the quantised trans"))
    assert "in evaluation.json" not in page  # all figures follow from the logits
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*/stage.json")}
    run(config, tmp_path / "run", Console(quiet=True))
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*/stage.json")}


def test_masks_need_networks_with_a_latent_and_graphs_are_not_thinned() -> None:
    with pytest.raises(ConfigError, match="network 'interaction_network' has no latent"):
        load_config(RunConfig, None, ["masks.wanted=true"])
    with pytest.raises(ConfigError, match="graphs cannot be thinned"):
        load_config(RunConfig, Path("hypertrack"), ["graphs=somewhere"])
    with pytest.raises(ConfigError, match=r"does not exist.*own are .*hypertrack"):
        load_config(RunConfig, Path("hypertruck"))
    own = load_config(RunConfig, Path("hypertrack"))
    assert own.masks.training.epochs == 3
    assert own.network.kind == "hypertrack"
