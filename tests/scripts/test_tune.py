"""`edgetrack tune`: a track threshold from validation graphs, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.files import load_graph, save_graph
from edgetrack.graphs.graph_sets import load_graph_sets, sample_graphs
from edgetrack.models.checkpoint import load_checkpoint, save_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.tune import TuneConfig, tune

QUIET = Console(quiet=True)


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    for path in sorted(sample_graphs().glob("*.npz"))[:8]:
        save_graph(load_graph(path), tmp_path / "graphs" / path.name)
    return tmp_path / "graphs"


@pytest.mark.parametrize("name", ["in-2gev-float", "in-2gev-quantised"])
def test_only_the_track_threshold_and_figures_change_and_test_graphs_play_no_part(
    name: str, graphs: Path, tmp_path: Path
) -> None:
    before = load_checkpoint(checkpoint_path(name))
    first = tune(TuneConfig(str(graphs), name), tmp_path / "first", QUIET)
    after = load_checkpoint(first["checkpoint"])
    assert all(torch.equal(after.state[key], value) for key, value in before.state.items())
    assert replace(after, state={}) == replace(
        before, state={}, track_threshold=first["track_threshold"], metrics=after.metrics
    )
    sets = load_graph_sets(graphs, SplitConfig(**before.config["split"]))
    assert after.metrics["test_graphs"] == [graph.name for graph in sets.test]

    again = tune(TuneConfig(str(graphs), name), tmp_path / "again", QUIET)
    assert Path(again["checkpoint"]).read_bytes() == Path(first["checkpoint"]).read_bytes()

    for graph in sets.test:  # other truth in the test graphs: other figures, the same threshold
        assert graph.y is not None
        save_graph(replace(graph, particle_id=np.arange(graph.num_nodes) + 1), graphs / f"{graph.name}.npz")
    other = tune(TuneConfig(str(graphs), name), tmp_path / "other", QUIET)
    assert other["track_threshold"] == first["track_threshold"]
    assert other["double_majority"] != first["double_majority"]


def test_a_checkpoint_without_a_split_is_refused(graphs: Path, tmp_path: Path) -> None:
    save_checkpoint(replace(load_checkpoint(checkpoint_path("in-2gev-float")), config={}), tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="how its graphs were split"):
        tune(TuneConfig(str(graphs), str(tmp_path / "x.safetensors")), tmp_path / "run", QUIET)


def test_graphs_without_truth_are_refused(graphs: Path, tmp_path: Path) -> None:
    for path in graphs.glob("*.npz"):
        save_graph(replace(load_graph(path), particle_id=None), path)
    with pytest.raises(ValueError, match="particle_id"):
        tune(TuneConfig(str(graphs), "in-2gev-float"), tmp_path / "run", QUIET)
