"""The cut graph against a dense matrix and a plain walk."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_clustering import components, neighbours_of

from edgetrack.tracks.hypertrack.subgraphs import Subgraphs, cut_into_subgraphs, cut_of_mean_degree

# A triangle 0 1 2, a pair 3 4, a path 5 6 7 8 and the lone hit 9.
EDGES = [(0, 1, 2.0), (2, 1, 1.0), (0, 2, 3.0), (3, 4, 5.0), (8, 7, 1.0), (6, 7, 0.5), (5, 6, 4.0), (4, 5, -1.0)]


def subgraphs_of(edges: list[tuple[int, int, float]], num_nodes: int, cut: float, min_graph: int) -> Subgraphs:
    index = np.array([[a, b] for a, b, _ in edges], np.int64).reshape(-1, 2).T
    return cut_into_subgraphs(num_nodes, index, np.array([logit for *_, logit in edges]), cut, min_graph)


def rows(subgraphs: Subgraphs) -> list[list[tuple[int, float]]]:
    starts, neighbours, logits = subgraphs.adjacency
    pairs = list(zip(neighbours.tolist(), logits.tolist(), strict=True))
    return [pairs[a:b] for a, b in pairwise(starts.tolist())]


def members(subgraphs: Subgraphs) -> list[list[int]]:
    cuts = subgraphs.offsets[1:-1]
    return [part.tolist() for part in np.split(subgraphs.nodes, cuts)] if len(subgraphs) else []


def test_components_stand_by_size_and_the_small_ones_are_left_out() -> None:
    assert members(subgraphs_of(EDGES, 10, 0.0, 3)) == [[0, 1, 2], [5, 6, 7, 8]]
    assert members(subgraphs_of(EDGES, 10, 0.0, 2)) == [[3, 4], [0, 1, 2], [5, 6, 7, 8]]
    assert members(subgraphs_of(EDGES, 10, -2.0, 1)) == [[9], [0, 1, 2], [3, 4, 5, 6, 7, 8]]
    assert subgraphs_of(EDGES, 10, 0.0, 3).sizes.tolist() == [3, 4]


def test_each_hit_has_its_neighbours_in_order_with_their_logits() -> None:
    found = rows(subgraphs_of(EDGES, 10, 0.0, 4))
    assert found[0] == [(1, 2.0), (2, 3.0)]
    assert found[1] == [(0, 2.0), (2, 1.0)]
    assert found[4] == [(3, 5.0)]
    assert found[7] == [(6, 0.5), (8, 1.0)]
    assert found[9] == []


def test_an_edge_given_twice_counts_with_its_highest_logit_and_one_to_itself_not_at_all() -> None:
    found = rows(subgraphs_of([(0, 1, 1.0), (1, 0, 2.0), (0, 1, 0.5), (1, 1, 9.0), (1, 2, 3.0)], 3, 0.0, 1))
    assert found == [[(1, 2.0)], [(0, 2.0), (2, 3.0)], [(1, 3.0)]]


@pytest.mark.parametrize("num_nodes", [0, 5])
def test_without_edges_there_are_no_subgraphs(num_nodes: int) -> None:
    found = subgraphs_of([], num_nodes, 0.0, 4)
    assert len(found) == 0
    assert found.num_hits == num_nodes
    assert found.offsets.tolist() == [0]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(-3, 3)), max_size=40), st.integers(1, 5))
def test_any_graph_equals_its_plain_form_in_any_order_of_edges(edges: list[tuple[int, int, int]], least: int) -> None:
    values = [(a, b, float(logit)) for a, b, logit in edges]
    found, reverse = subgraphs_of(values, 12, -1.0, least), subgraphs_of(values[::-1], 12, -1.0, least)
    wanted = neighbours_of(12, values, -1.0)
    assert rows(found) == rows(reverse) == [sorted(wanted[node].items()) for node in range(12)]
    assert members(found) == members(reverse) == components(wanted, least)


def test_the_adapted_cut_keeps_the_best_edges_up_to_the_mean_degree() -> None:
    logits = np.array([3.0, -1.0, 2.0, 5.0, 0.0, 2.0])
    for degree, kept in ((0.0, 0), (0.4, 1), (0.5, 1), (0.8, 2), (1.2, 2), (1.6, 4), (2.39, 5), (2.4, 6), (9.0, 6)):
        cut = cut_of_mean_degree(5, logits, degree)
        assert np.count_nonzero(logits > cut) == kept, degree
        assert 2 * kept / 5 <= degree
    assert cut_of_mean_degree(0, np.zeros(0), 2.0) == -np.inf


def test_what_does_not_fit_is_refused() -> None:
    edges = np.array([[0, 1], [1, 2]])
    with pytest.raises(ValueError, match=r"logits have shape \(3,\), wanted \(2,\)"):
        cut_into_subgraphs(3, edges, np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="logit of edge 1 is not a number"):
        cut_into_subgraphs(3, edges, np.array([0.0, np.nan]), 0.0)
    with pytest.raises(ValueError, match=r"wanted 0…1"):
        cut_into_subgraphs(2, edges, np.zeros(2), 0.0)
    with pytest.raises(ValueError, match="mean_degree = -1"):
        cut_of_mean_degree(2, np.zeros(2), -1)
