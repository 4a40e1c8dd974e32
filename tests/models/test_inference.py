"""Logits of graphs and the balanced threshold, on hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.inference import balanced_threshold, edge_accuracy, edge_logits, torch_threads
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network


def test_balanced_threshold_of_separable_edges_lies_between_them() -> None:
    logits, y = np.array([-3.0, -1.0, 2.0, 5.0]), np.array([False, False, True, True])
    assert balanced_threshold(logits, y) == (-1.0 + 2.0) / 2
    assert edge_accuracy(logits, y, 0.5) == 4 / 4


def test_balanced_threshold_makes_both_rates_equal() -> None:
    #                 F    F    T    F    T    T
    logits = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    y = np.array([False, False, True, False, True, True])
    threshold = balanced_threshold(logits, y)
    assert threshold == (3.0 + 4.0) / 2  # TPR = 2 / 3 = TNR
    assert edge_accuracy(logits, y, threshold) == 4 / 6
    assert edge_accuracy(logits, y, 0.0) == 3 / 6


def test_one_kind_of_edges_has_no_balanced_threshold() -> None:
    for y in (np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)):
        with pytest.raises(ValueError, match="needs true and false ones"):
            balanced_threshold(np.zeros(len(y)), y)


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40).filter(
        lambda edges: len({truth for _, truth in edges}) == 2
    )
)
def test_no_other_threshold_balances_better(edges: list[tuple[int, bool]]) -> None:
    logits, y = np.array([logit for logit, _ in edges], float), np.array([truth for _, truth in edges])

    def imbalance(threshold: float) -> float:
        kept = logits > threshold
        return abs(kept[y].mean() - (~kept[~y]).mean())

    best = min(imbalance(value) for value in np.arange(-5.0, 5.01, 0.5))
    assert imbalance(balanced_threshold(logits, y)) == pytest.approx(best, abs=1e-12)


class Mode(nn.Module):
    """Logits that tell whether the module is in training mode."""

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        return torch.full((edge_index.shape[1],), 1.0 if self.training else -1.0)


def graph(num_edges: int) -> HitGraph:
    rng = np.random.default_rng(num_edges)
    return HitGraph(rng.uniform(0.1, 1.0, (4, 3)), rng.integers(0, 4, (2, num_edges)))


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
        direct = network(torch.from_numpy(one.x), torch.from_numpy(one.edge_index), torch.from_numpy(one.edge_attr))
    assert np.array_equal(edge_logits(network, [one])[0], direct.numpy())


def test_the_number_of_threads_comes_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
