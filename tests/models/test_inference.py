"""Logits of graphs, on hand-made cases."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.inference import edge_logits
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.rows import Rows, as_tensors, hit_rows
from edgetrack.models.threads import torch_threads


class Mode(nn.Module):
    """Logits that tell whether the module is in training mode."""

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        return torch.full((rows.counts["edge"],), 1.0 if self.training else -1.0)


def graph(num_edges: int) -> HitGraph:
    rng = np.random.default_rng(num_edges)
    return HitGraph(rng.uniform(0.1, 1.0, (4, 3)).astype(np.float32), rng.integers(0, 4, (2, num_edges)))


def test_logits_are_those_of_evaluation_mode_and_the_mode_comes_back() -> None:
    module = Mode().train()
    logits = edge_logits(module, [graph(3), graph(0)])
    assert np.array_equal(logits[0], [-1.0, -1.0, -1.0])
    assert logits[1].shape == (0,)
    assert module.training


def test_logits_equal_a_direct_call() -> None:
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=6)), 0)
    one = graph(5)
    with torch.no_grad():
        direct = network(as_tensors(hit_rows(one)))
    assert np.array_equal(edge_logits(network, [one])[0], direct.numpy())


def test_the_number_of_threads_comes_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
