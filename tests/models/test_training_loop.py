"""`fit` on edges is the plain loop that one would write by hand, bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.graphs.files import load_graph
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.first_network import first_network
from edgetrack.models.pretrained_checkpoints import FOLDER
from edgetrack.models.rows import HIT_DOMAINS, Rows
from edgetrack.models.schedule import optimizer_and_scheduler
from edgetrack.models.threads import torch_threads
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.scripts.config import load_config
from edgetrack.scripts.train import TrainRunConfig


def trained_by_hand(network: nn.Module, graphs: list[HitGraph], config: TrainConfig) -> None:
    """One graph a step, turned and mirrored: the order of draws is part of what committed weights were made by."""
    optimizer, scheduler = optimizer_and_scheduler(network.parameters(), config.schedule, len(graphs), config.epochs)
    for epoch in range(config.epochs):
        for index in np.random.default_rng((config.seed, epoch)).permutation(len(graphs)):
            graph, rng = graphs[index], np.random.default_rng((config.seed, epoch, int(index)))
            turn = rng.uniform(-1.0, 1.0)
            mirror_z, mirror_phi = (1 - 2 * rng.integers(0, 2, size=2)).tolist()
            x, y = torch.from_numpy(graph.x), torch.from_numpy(graph.y).float()
            phi = torch.remainder(mirror_phi * x[:, 1] + (turn + 1.0), 2.0) - 1.0
            features = {
                "x": torch.stack([x[:, 0], phi, mirror_z * x[:, 2]], 1),
                "edge_attr": torch.from_numpy(graph.edge_attr) * torch.tensor([1.0, mirror_phi, mirror_z, 1.0]),
            }
            ends = dict(zip(("source", "target"), torch.from_numpy(graph.edge_index), strict=True))
            logits = network(Rows(HIT_DOMAINS, {"node": len(x), "edge": len(y)}, features, ends))
            optimizer.zero_grad()
            torch.autograd.backward(binary_cross_entropy_with_logits(logits, y))
            nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip or np.inf)
            optimizer.step()
            scheduler.step()


def assert_same_weights(folder: Path, names: list[str], tmp_path: Path) -> None:
    """Two epochs from the weights and by the config of in-2gev-float."""
    config = load_config(TrainRunConfig, FOLDER / "in-2gev-float.yaml", ["training.epochs=2"])
    graphs = [load_graph(folder / name) for name in names]
    network, by_hand = (first_network(config.network, config.training.seed) for _ in range(2))
    before = {name: value.clone() for name, value in by_hand.state_dict().items()}
    with torch_threads(config.training.threads):
        trained_by_hand(by_hand, graphs[:-1], config.training)
    result = fit(network, EdgeClassification(), graphs[:-1], graphs[-1:], config.training, tmp_path, progress=False)
    for name, value in by_hand.state_dict().items():
        assert np.array_equal(value.numpy(), result.state[name].numpy())
        assert not np.array_equal(value.numpy(), before[name].numpy())


def test_training_on_sample_graphs_is_the_plain_loop(tmp_path: Path) -> None:
    names = sorted(path.name for path in sample_graphs().glob("*.npz"))
    assert_same_weights(sample_graphs(), names[:4], tmp_path)


def test_training_on_real_graphs_is_the_plain_loop(trackml_hitgraphs: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in (trackml_hitgraphs / "2gev").glob("*.npz"))
    assert_same_weights(trackml_hitgraphs / "2gev", names[:5], tmp_path)
