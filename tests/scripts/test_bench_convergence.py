"""The bench of loss convergence: what it trains, and what it reads of trainings that are done."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.graphs.graph_sets import sample_graphs, split_paths
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.models.history import write_history
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.scripts.benches.convergence import ConvergenceBenchConfig, bench_convergence
from edgetrack.scripts.benches.threshold_graphs import folder_name, graph_folders, unseen_graphs
from edgetrack.scripts.console import Console

QUIET = Console(quiet=True)


def graphs_at(folder: Path, *thresholds: float) -> Path:
    for pt_min in thresholds:
        for graph in load_graphs(sample_graphs())[:6]:
            save_graph(graph, folder / folder_name(pt_min) / f"{graph.name}.npz")
    return folder


def test_trainings_run_at_each_threshold_and_are_there_when_asked_again(tmp_path: Path) -> None:
    given = str(graphs_at(tmp_path / "graphs", 2.0, 1.5))
    small = InteractionNetworkConfig(hidden=4)
    config = ConvergenceBenchConfig(given, thresholds=(2.0, 1.5), epochs=2, training_graphs=3, network=small)
    first = bench_convergence(config, tmp_path / "run", QUIET)["cases"]
    assert [case["pt_min"] for case in first] == [2.0, 1.5]
    assert all(len(case["train_loss"]) == case["epochs"] == 2 for case in first)
    assert first[0]["train_loss"] == first[1]["train_loss"]  # the same graphs, weights and order
    assert (tmp_path / "run/convergence.png").read_bytes().startswith(b"\x89PNG")
    runs = tuple(f"{pt}={tmp_path}/run/{folder_name(pt)}" for pt in (2.0, 1.5))
    read = bench_convergence(ConvergenceBenchConfig(runs=runs), tmp_path / "read", QUIET)["cases"]
    assert read == first


def test_run_folders_keep_their_numbers_and_their_published_neighbours(tmp_path: Path) -> None:
    records = [
        {"epoch": float(n), "train_loss": 0.1, "validation_loss": 0.0319 / (n + 1), "validation_accuracy": 0.9}
        for n in range(3)
    ]
    write_history(records, tmp_path)
    (case,) = bench_convergence(ConvergenceBenchConfig(runs=(f"2={tmp_path}",)), tmp_path / "out", QUIET)["cases"]
    assert case["ratios"][1] == pytest.approx(1.0)
    assert case["published"]["loss"][0] == 0.0319
    with pytest.raises(ValueError, match="2 GeV lacks train_loss"):
        bench_convergence(ConvergenceBenchConfig(runs=(f"2={tmp_path}/none",)), tmp_path / "out", QUIET)


@pytest.mark.parametrize("run", ["runs/a", "=runs/a", "2=", "0=a", "two=a"])
def test_a_run_without_its_threshold_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="wanted GeV=FOLDER"):
        ConvergenceBenchConfig(runs=(run,))


def test_a_threshold_given_twice_and_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="each threshold once"):
        ConvergenceBenchConfig(runs=("2=a", "2=b"))
    with pytest.raises(ValueError, match="--epochs = 0"):
        ConvergenceBenchConfig(epochs=0)


def test_a_missing_threshold_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="1gev"):
        graph_folders(str(graphs_at(tmp_path, 2.0)), (2.0, 1.0), 1, 0, tmp_path, QUIET)


def test_test_graphs_are_those_that_the_network_has_not_seen(tmp_path: Path) -> None:
    folder = graphs_at(tmp_path, 2.0) / "2gev"
    names = sorted(path.stem for path in folder.glob("*.npz"))
    seen = {"train_graphs": names[:3], "validation_graphs": names[3:4], "test_graphs": names[4:]}
    of_metrics = [
        tuple([graph.name for graph in part] for part in unseen_graphs(checkpoint(metrics), folder))
        for metrics in (seen, {name: ["other"] for name in seen}, {})
    ]
    assert of_metrics == [(names[3:4], names[4:]), (names[:1], names[1:]), (names[:1], names[1:])]
    with pytest.raises(ValueError, match="lacks 1 of 3 graphs"):
        unseen_graphs(checkpoint({**seen, "test_graphs": [*names[4:], "gone"]}), folder)


def test_validation_graphs_that_no_checkpoint_names_are_those_of_its_split(tmp_path: Path) -> None:
    folder = graphs_at(tmp_path, 2.0) / "2gev"
    split = {"train": 0.5, "validation": 0.25, "test": 0.25, "seed": 3}
    parts = {
        part: [path.stem for path in paths]
        for part, paths in split_paths(folder, SplitConfig(0.5, 0.25, 0.25, 3)).items()
    }
    validation, test = unseen_graphs(checkpoint({"test_graphs": parts["test"]}, split), folder)
    assert [graph.name for graph in validation] == parts["validation"]
    assert [graph.name for graph in test] == parts["test"]
    with pytest.raises(ValueError, match="other test graphs than the checkpoint names"):
        unseen_graphs(checkpoint({"test_graphs": parts["train"]}, split), folder)


def checkpoint(metrics: dict[str, list[str]], split: dict[str, float] | None = None) -> Checkpoint:
    description = interaction_network(InteractionNetworkConfig(hidden=2))
    return Checkpoint("float", description, {}, 0.0, config={"split": split or {}}, metrics=metrics)
