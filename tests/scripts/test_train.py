"""`edgetrack train`: from a folder of graphs to a checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shuffled_graph import shuffled
from straight_tracks import tracks

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.graph_sets import PARTS, graph_numbers, load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.devices import end_other_processes
from edgetrack.models.hypertrack.edge_objective import HyperTrackEdges
from edgetrack.models.inference import edge_logits
from edgetrack.models.interaction_network import InteractionNetworkConfig
from edgetrack.models.named_networks import describe
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.config import ConfigError, load_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import chosen_graphs
from edgetrack.scripts.quantize import QuantizeRunConfig, quantize
from edgetrack.scripts.run import RunConfig
from edgetrack.scripts.train import TrainRunConfig, train
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.track_threshold import best_track_threshold

QUIET = Console(quiet=True)
SPLIT = SplitConfig(train=0.5, validation=0.25, test=0.25)


def ladder(seed: int, num_tracks: int = 12, num_layers: int = 5) -> HitGraph:
    """Straight tracks at evenly spread φ through `num_layers` layers; edges to the same and the next track's hit."""
    rng = np.random.default_rng(seed)
    layer, track = np.meshgrid(np.arange(num_layers), np.arange(num_tracks), indexing="ij")
    phi = -1 + 2 * track / num_tracks + rng.uniform(0, 0.01)
    x = np.stack([0.03 + 0.03 * layer, phi, 0.1 * layer], axis=-1).reshape(-1, 3)
    inner = np.arange((num_layers - 1) * num_tracks)
    same, following = inner + num_tracks, inner // num_tracks * num_tracks + num_tracks + (inner + 1) % num_tracks
    edge_index = np.concatenate([np.stack([inner, same]), np.stack([inner, following])], axis=1)
    particle = track.ravel() + 1
    return HitGraph(
        x,
        edge_index,
        y=particle[edge_index[0]] == particle[edge_index[1]],
        particle_id=particle,
        name=f"event{seed:09d}",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(8):
        save_graph(shuffled(ladder(seed), np.random.default_rng(seed)), tmp_path / "graphs" / f"event{seed:09d}.npz")
    return tmp_path


@pytest.fixture
def config(folder: Path) -> TrainRunConfig:
    return TrainRunConfig(
        graphs=str(folder / "graphs"),
        name="toy",
        split=SPLIT,
        network=InteractionNetworkConfig(hidden=6, edge_scale=(4.0, 8.0, 0.5, 0.5)),
        training=TrainConfig(epochs=20, schedule=ScheduleConfig(learning_rate=0.02)),
    )


def test_train_writes_a_checkpoint_that_finds_the_tracks(config: TrainRunConfig, folder: Path) -> None:
    result = train(config, folder / "run", QUIET)
    assert result["checkpoint"] == str(folder / "run" / "toy.safetensors")
    assert result["graphs"] == 2
    assert result["edge_accuracy"] == result["double_majority"] == 1.0
    checkpoint = load_checkpoint(result["checkpoint"])
    assert checkpoint.threshold == result["threshold"]
    assert checkpoint.logit_for_tracks == result["track_threshold"]
    assert checkpoint.config["training"]["epochs"] == 20
    sets = load_graph_sets(folder / "graphs", SPLIT)
    assert checkpoint.metrics["test_graphs"] == [graph.name for graph in sets.test]
    kept = edge_logits(float_network(checkpoint), sets.test)[0] > checkpoint.threshold
    labels = sets.test[0].y
    assert labels is not None
    assert np.array_equal(kept, labels)


def test_hypertrack_is_trained_for_its_own_objective(tmp_path: Path) -> None:
    for seed in range(8):
        save_graph(tracks(seed), tmp_path / "graphs" / f"event{seed:09d}.npz")
    file = tmp_path / "hypertrack.yaml"
    file.write_text(
        "network: {kind: hypertrack, layers: 2, hidden: 16, message: 16, latent: 16}\n"
        "objective: {kind: hypertrack_edges, gamma: 2.0}\n"
        "training: {epochs: 10, keep: best, schedule: {kind: cosine_restarts, optimizer: adamw, learning_rate: 0.01}}\n"
        "split: {train: 0.5, validation: 0.25, test: 0.25}\n"
    )
    config = load_config(TrainRunConfig, file, [f"graphs={tmp_path / 'graphs'}"])
    assert config.objective == HyperTrackEdges(gamma=2.0)
    result = train(config, tmp_path / "run", QUIET)
    assert result["auc"] > 0.8
    checkpoint = load_checkpoint(result["checkpoint"])
    assert checkpoint.description == describe(config.network)
    assert checkpoint.config["objective"]["kind"] == "hypertrack_edges"
    gentle = TrainConfig(epochs=1, schedule=ScheduleConfig(learning_rate=1e-6))
    onward = train(replace(config, start=result["checkpoint"], training=gentle), tmp_path / "onward", QUIET)
    assert onward["auc"] == pytest.approx(result["auc"], abs=0.02)


def test_training_goes_on_from_the_weights_of_a_checkpoint(config: TrainRunConfig, folder: Path) -> None:
    first = train(config, folder / "first", QUIET)
    gentle = TrainConfig(epochs=1, schedule=ScheduleConfig(learning_rate=1e-6))
    second = train(replace(config, start=first["checkpoint"], training=gentle), folder / "second", QUIET)
    cold = train(replace(config, training=gentle), folder / "cold", QUIET)
    weights = [load_checkpoint(run["checkpoint"]).state["mlps.phi_r1.0.weight"] for run in (first, second, cold)]
    assert 0 < (weights[1] - weights[0]).abs().max() < 1e-3 < (weights[2] - weights[0]).abs().max()
    with pytest.raises(ValueError, match="holds a network of another shape"):
        train(
            replace(config, start=first["checkpoint"], network=InteractionNetworkConfig(hidden=7)),
            folder / "other",
            QUIET,
        )


def test_validation_graphs_of_training_and_retraining_may_have_a_folder_of_their_own(
    config: TrainRunConfig, folder: Path
) -> None:
    save_graph(ladder(100), folder / "validation" / "event000000100.npz")
    own = replace(config, validation_graphs=str(folder / "validation"), training=TrainConfig(epochs=1))
    first = train(own, folder / "own", QUIET)
    again = QuantizeRunConfig(
        own.graphs,
        first["checkpoint"],
        validation_graphs=own.validation_graphs,
        recipe=PrecisionRecipe(weight_bits=8, bias_bits=24),
        training=TrainConfig(epochs=1),
    )
    for result in (first, quantize(again, folder / "few", QUIET)):
        assert (len(result["train_graphs"]), result["test_graphs"]) == (8, [])
        assert result["validation_graphs"] == ["event000000100"]
    with pytest.raises(ValueError, match="are training and validation graphs"):
        train(replace(own, validation_graphs=own.graphs), folder / "other", QUIET)


def is_kept(weight: torch.Tensor, result: dict[str, Any]) -> bool:
    return any(torch.equal(weight, other) for other in load_checkpoint(result["checkpoint"]).state.values())


def test_calibration_alone_leaves_the_float_weights_and_no_resume_point(config: TrainRunConfig, folder: Path) -> None:
    first = train(replace(config, training=TrainConfig(epochs=1)), folder / "first", QUIET)
    alone = QuantizeRunConfig(
        config.graphs,
        first["checkpoint"],
        input_scales={},
        equalise=False,
        retrain=False,
        recipe=PrecisionRecipe(weight_bits=8, bias_bits=24),
        split=SPLIT,
    )
    result = quantize(alone, folder / "alone", QUIET)
    assert [path.name for path in (folder / "alone").iterdir()] == ["quantised.safetensors"]
    retrained = quantize(replace(alone, retrain=True, training=TrainConfig(epochs=1)), folder / "retrained", QUIET)
    weights = list(load_checkpoint(first["checkpoint"]).state.values())
    assert all(is_kept(weight, result) for weight in weights)
    assert not all(is_kept(weight, retrained) for weight in weights)


@pytest.mark.slow
def test_two_devices_from_the_command_line_end_with_one_line_of_json(folder: Path) -> None:
    """Twice: a finished training is taken up again and gives the same checkpoint."""
    command = [
        sys.executable,
        "-m",
        "edgetrack.scripts.main",
        "train",
        f"--graphs={folder / 'graphs'}",
        "--json",
        f"--folder={folder / 'run'}",
        "--set=network.hidden=6",
        "--set=split.train=0.5",
        "--set=split.validation=0.25",
        "--set=split.test=0.25",
        "--set=training.epochs=2",
        "--set=training.devices=2",
    ]
    runs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    first, again = ([json.loads(line) for line in run.stdout.splitlines()] for run in runs)
    assert first == again
    assert len(first) == 1
    assert "Traceback" not in runs[0].stderr
    assert load_checkpoint(first[0]["checkpoint"]).config["training"]["devices"] == 2


def test_only_processes_after_the_first_end(monkeypatch: pytest.MonkeyPatch) -> None:
    two = TrainConfig(devices=2)
    end_other_processes(two)
    monkeypatch.setenv("LOCAL_RANK", "1")
    end_other_processes(TrainConfig(devices=1))
    with pytest.raises(SystemExit) as end:
        end_other_processes(two)
    assert end.value.code == 0


def test_defaults_scale_the_features_and_train_with_muon() -> None:
    config = TrainRunConfig(graphs="graphs")
    assert config.network == InteractionNetworkConfig(hidden=40, node_scale=(4, 1, 0.5), edge_scale=(4, 32, 0.5, 0.125))
    assert config.training.schedule.optimizer == "muon"
    job = RunConfig()
    assert (job.network, job.training) == (config.network, config.training)
    assert job.compact == replace(config.network, hidden=16)
    assert job.compact_training == config.training
    retraining = QuantizeRunConfig(graphs="graphs", checkpoint="float")
    assert (job.retraining, job.input_scales) == (retraining.training, retraining.input_scales)


def test_a_config_names_its_kind_of_network() -> None:
    given = ["graphs=graphs", "network.kind=interaction_network", "network.hidden=7"]
    assert load_config(TrainRunConfig, None, given).network == InteractionNetworkConfig(hidden=7)
    for override in ("network.kind=transformer", "network.hidden=0", "network.node_scale=[3, 1, 0.5]"):
        with pytest.raises(ConfigError, match="network"):
            load_config(TrainRunConfig, None, ["graphs=graphs", override])


def test_graph_sets_are_disjoint_and_complete(folder: Path) -> None:
    sets = load_graph_sets(folder / "graphs", SPLIT)
    names = [[graph.name for graph in part] for part in (sets.train, sets.validation, sets.test)]
    assert [len(part) for part in names] == [4, 2, 2]
    assert sorted(name for part in names for name in part) == [f"event{seed:09d}" for seed in range(8)]


def test_graphs_are_numbered_by_their_names_or_else_by_their_places() -> None:
    assert graph_numbers(["event000001000", "event000001002"]) == [1000, 1002]
    assert graph_numbers(["a", "b"]) == [0, 1]
    assert graph_numbers(["a1", "b1"]) == [0, 1]
    assert graph_numbers(["1_2", "1_3"]) == [0, 1]


def test_the_track_threshold_lies_where_no_false_edge_merges_tracks() -> None:
    """True edges at logit 3, false ones at 1: with δ* = 0, any threshold in [1, 3) finds all tracks."""
    graph = ladder(0)
    assert graph.y is not None
    logits = np.where(graph.y, 3.0, 1.0)
    components = EvaluationConfig(building=TrackBuildingConfig(method="connected_components"))
    threshold = best_track_threshold([graph], [logits], 0.0, components)
    assert threshold is not None
    assert 1.0 <= threshold < 3.0
    assert best_track_threshold([graph], [logits], 0.0) == 0.0  # best neighbours find them at any: the nearest to δ*
    assert best_track_threshold([replace(graph, particle_id=None)], [logits], 0.0) is None


def test_parts_are_those_that_the_checkpoint_names_whatever_was_added_to_the_folder(
    config: TrainRunConfig, folder: Path
) -> None:
    short = replace(config, training=TrainConfig(epochs=1))
    checkpoint = load_checkpoint(train(short, folder / "run", QUIET)["checkpoint"])
    before = load_graph_sets(config.graphs, SPLIT).names()
    for seed in range(8, 16):
        save_graph(ladder(seed), folder / "graphs" / f"event{seed:09d}.npz")
    assert load_graph_sets(config.graphs, SPLIT).names() != before
    for part in PARTS:
        names = [graph.name for graph in chosen_graphs(config.graphs, part, checkpoint)]
        assert names == before[f"{part}_graphs"]
    assert len(chosen_graphs(config.graphs, "all", checkpoint)) == 16
    (folder / "graphs" / f"{names[0]}.npz").unlink()
    with pytest.raises(ValueError, match=rf"lacks 1 of 2 graphs \({names[0]}, …\); .*give the folder"):
        chosen_graphs(config.graphs, "test", checkpoint)
    unnamed = replace(checkpoint, metrics={"test_graphs": names})
    with pytest.raises(ValueError, match="the checkpoint names no train graphs; take test or all"):
        chosen_graphs(config.graphs, "train", unnamed)


def test_a_retraining_is_not_tested_on_graphs_that_the_float_network_was_trained_on(
    config: TrainRunConfig, folder: Path
) -> None:
    start = train(replace(config, training=TrainConfig(epochs=1)), folder / "run", QUIET)["checkpoint"]
    other = QuantizeRunConfig(graphs=config.graphs, checkpoint=start, split=replace(SPLIT, seed=SPLIT.seed + 1))
    with pytest.raises(ValueError, match=r"of 2 test graphs .* were among the float network's training or validation"):
        quantize(other, folder / "quantized", QUIET)


@pytest.mark.parametrize("name", ["", "../../evil", "a/b", ".hidden", "/abs"])
def test_a_name_that_is_no_file_of_the_run_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="wanted letters, digits"):
        TrainRunConfig(graphs="graphs", name=name)
    with pytest.raises(ValueError, match="wanted letters, digits"):
        QuantizeRunConfig(graphs="graphs", checkpoint="float", name=name)
