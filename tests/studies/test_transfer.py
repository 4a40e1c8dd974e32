"""One entry of the transfer matrix against sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.studies.published_interaction_network import TRANSFER
from edgetrack.studies.transfer import Cuts, transfer_case


def two_tracks(name: str = "event") -> HitGraph:
    """Particles 1 and 2 of three hits at r = 40, 70, 110 mm, and a false edge from one to the other."""
    x = np.column_stack([np.tile([0.04, 0.07, 0.11], 2), np.repeat([0.1, 0.5], 3), np.zeros(6)])
    edges = np.array([(0, 1), (1, 2), (3, 4), (4, 5), (0, 4)]).T
    return HitGraph(x, edges, np.array([True] * 4 + [False]), np.repeat([1, 2], 3), name=name)


def test_loss_and_accuracy_are_means_over_graphs_and_the_rest_is_pooled() -> None:
    good, bad = np.array([2.0, 2.0, 2.0, 2.0, -2.0]), np.array([2.0, -2.0, 2.0, 2.0, -2.0])
    case = transfer_case("net", 2.0, 2.0, [two_tracks("a"), two_tracks("b")], [good, bad], Cuts(0.0, 0.0))
    right, wrong = np.log1p(np.exp(-2)), np.log1p(np.exp(2))
    losses = np.array([right, (4 * right + wrong) / 5])
    assert case["loss"] == pytest.approx(losses.mean())
    assert case["spread"]["loss"] == pytest.approx(losses.std(ddof=1))
    assert case["accuracy_of_graphs"] == pytest.approx((5 / 5 + 4 / 5) / 2)
    assert case["edge_accuracy"] == 9 / 10
    # the broken track keeps two of three hits in one candidate: a double majority, not perfect
    assert (case["double_majority"], case["perfect"], case["fake_rate"]) == (4 / 4, 3 / 4, 0.0)
    assert case["published"] == TRANSFER[2.0, 2.0]._asdict()


def test_each_cut_serves_its_own_figures() -> None:
    logits = np.array([2.0, 2.0, 2.0, 2.0, -2.0])
    strict = transfer_case("net", 1.0, 2.0, [two_tracks()], [logits], Cuts(0.0, 3.0))
    loose = transfer_case("net", 1.0, 2.0, [two_tracks()], [logits], Cuts(3.0, 0.0))
    assert (strict["edge_accuracy"], strict["double_majority"]) == (1.0, 0.0)
    assert (loose["edge_accuracy"], loose["double_majority"]) == (1 / 5, 1.0)
    assert strict["published"] is None


def test_graphs_without_truth_are_refused() -> None:
    graph = two_tracks("bare")
    with pytest.raises(ValueError, match="bare: no labelled edges"):
        transfer_case("net", 1.0, 1.0, [replace(graph, y=None)], [np.zeros(5)], Cuts(0.0, 0.0))
