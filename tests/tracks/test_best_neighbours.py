"""Mutual best neighbours: hand-made forks and ties, a brute-force twin, and the order of hits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.tracks.best_neighbours import best_neighbours

INF = np.inf


def by_definition(
    edge_index: NDArray[np.int64], logits: NDArray[np.float64], threshold: float, margin: float
) -> NDArray[np.bool_]:
    """The rule edge by edge: all rivals are looked at."""
    edges = [tuple(edge) for edge in edge_index.T]
    above = [index for index in range(len(edges)) if logits[index] > threshold]
    lead = {}
    for index in above:
        source, target = edges[index]
        rivals = [logits[j] for j in above if j != index and (edges[j][0] == source or edges[j][1] == target)]
        lead[index] = min((0.0 if logits[index] == rival else logits[index] - rival for rival in rivals), default=INF)
    best = [index for index in above if lead[index] > 0]
    arrives, leaves = {edges[index][1] for index in best}, {edges[index][0] for index in best}
    keep = np.zeros(len(edges), bool)
    for index in best:
        source, target = edges[index]
        keep[index] = (source in arrives and target in leaves) or lead[index] >= margin
    return keep


@st.composite
def scored_graphs(draw: st.DrawFn) -> tuple[int, NDArray[np.int64], NDArray[np.float64], np.random.Generator]:
    """Few hits, integer logits: forks and ties everywhere."""
    num_nodes, num_edges = draw(st.integers(1, 12)), draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = rng.integers(-3, draw(st.integers(-2, 8)), num_edges).astype(float)
    logits[rng.random(num_edges) < 0.1] = INF
    return num_nodes, rng.integers(0, num_nodes, (2, num_edges)), logits, rng


@given(scored_graphs(), st.sampled_from([-INF, -1.0, 0.5]), st.sampled_from([0.0, 1.0, 2.5]))
@settings(max_examples=300, deadline=None)
def test_equals_the_rule_edge_by_edge(
    graph: tuple[int, NDArray[np.int64], NDArray[np.float64], np.random.Generator], threshold: float, margin: float
) -> None:
    num_nodes, edge_index, logits, _ = graph
    found = best_neighbours(num_nodes, edge_index, logits, threshold, margin)
    assert np.array_equal(found.sure, by_definition(edge_index, logits, threshold, margin))
    assert np.array_equal(found.sure | found.ambiguous, by_definition(edge_index, logits, threshold, 0.0))
    assert not (found.sure & found.ambiguous).any()


@given(scored_graphs())
@settings(max_examples=100, deadline=None)
def test_kept_edges_are_paths_in_any_order_of_hits_and_edges(
    graph: tuple[int, NDArray[np.int64], NDArray[np.float64], np.random.Generator],
) -> None:
    num_nodes, edge_index, logits, rng = graph
    found = best_neighbours(num_nodes, edge_index, logits, -2.0, 1.0)
    for side in edge_index[:, found.sure | found.ambiguous]:
        assert len(np.unique(side)) == len(side)
    name, order = rng.permutation(num_nodes), rng.permutation(len(logits))
    shuffled = best_neighbours(num_nodes, name[edge_index][:, order], logits[order], -2.0, 1.0)
    assert np.array_equal(shuffled, np.stack(found)[:, order])


def test_the_better_of_two_ways_on_is_taken_and_the_loser_has_none() -> None:
    #     0 → 1 → 2 and 3 → 1: hit 1 belongs to the better of 0 and 3
    edges = np.array([[0, 1, 3], [1, 2, 1]])
    assert np.array_equal(best_neighbours(4, edges, np.array([5.0, 4.0, 3.0]), 0.0).sure, [True, True, False])
    assert np.array_equal(best_neighbours(4, edges, np.array([3.0, 4.0, 5.0]), 0.0).sure, [False, True, True])


def test_a_tie_is_taken_by_neither() -> None:
    edges = np.array([[0, 1, 3], [1, 2, 1]])
    assert np.array_equal(best_neighbours(4, edges, np.array([5.0, 4.0, 5.0]), 0.0).sure, [False, True, False])


def test_an_edge_at_or_below_the_threshold_is_no_rival() -> None:
    edges = np.array([[0, 0], [1, 2]])
    assert np.array_equal(best_neighbours(3, edges, np.array([2.0, 1.5]), 1.5, margin=9.0).sure, [True, False])


def test_a_small_lead_is_ambiguous_at_an_end_and_sure_inside() -> None:
    # 0 → 1 → 2 → 3; hit 4 is a rival for the place of 3, hit 5 for that of 2
    edges = np.array([[0, 1, 2, 2, 1], [1, 2, 3, 4, 5]])
    logits = np.array([6.0, 5.0, 4.0, 3.5, 4.5])
    assert np.array_equal(best_neighbours(6, edges, logits, 0.0, margin=0.5).sure, [True, True, True, False, False])
    assert np.array_equal(best_neighbours(6, edges, logits, 0.0, margin=0.75).sure, [True, True, False, False, False])
    assert np.array_equal(
        best_neighbours(6, edges, logits, 0.0, margin=0.75).ambiguous, [False, False, True, False, False]
    )


@pytest.mark.parametrize(
    ("num_nodes", "edges", "logits", "margin", "message"),
    [
        (2, [[0], [1]], [1.0, 2.0], 0.0, r"wanted \(1,\)"),
        (2, [[0], [2]], [1.0], 0.0, "rows of hits"),
        (2, [[0], [1]], [1.0], -1.0, "margin = -1.0"),
        (2, [[0], [1]], [1.0], float("nan"), "margin = nan"),
    ],
)
def test_bad_arguments_are_refused(
    num_nodes: int, edges: list[list[int]], logits: list[float], margin: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        best_neighbours(num_nodes, np.array(edges), np.array(logits), 0.0, margin)
