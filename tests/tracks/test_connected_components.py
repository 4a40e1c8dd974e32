import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as scipy_components

from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components

# nodes, edges (2, E), which are kept (E,), random numbers
ChosenEdges = tuple[int, NDArray[np.int64], NDArray[np.bool_], np.random.Generator]


@st.composite
def graphs(draw: st.DrawFn) -> ChosenEdges:
    num_nodes = draw(st.integers(1, 40))
    num_edges = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    edge_index = rng.integers(0, num_nodes, (2, num_edges))
    return num_nodes, edge_index, rng.random(num_edges) < draw(st.floats(0, 1)), rng


@given(graphs())
@settings(max_examples=300, deadline=None)
def test_union_find_equals_scipy(graph: ChosenEdges) -> None:
    num_nodes, edge_index, keep, _ = graph
    adjacency = coo_array((np.ones(keep.sum()), tuple(edge_index[:, keep])), (num_nodes, num_nodes))
    expected = TrackCandidates.from_labels(scipy_components(adjacency, directed=False)[1])
    assert np.array_equal(connected_components(num_nodes, edge_index, keep, min_hits=1).labels, expected.labels)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_labels_depend_neither_on_edge_order_nor_on_direction(graph: ChosenEdges) -> None:
    num_nodes, edge_index, keep, rng = graph
    order = rng.permutation(len(keep))
    flipped = np.where(rng.random(len(keep)) < 0.5, edge_index, edge_index[::-1])
    labels = connected_components(num_nodes, edge_index, keep).labels
    assert np.array_equal(connected_components(num_nodes, flipped[:, order], keep[order]).labels, labels)


def test_a_dropped_edge_splits_a_track() -> None:
    edge_index = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    keep = np.array([True, True, True, True])
    assert np.array_equal(connected_components(5, edge_index, keep).labels, [0, 0, 0, 0, 0])
    keep[1] = False
    assert np.array_equal(connected_components(5, edge_index, keep).labels, [0, 0, 1, 1, 1])
    assert np.array_equal(connected_components(5, edge_index, keep, min_hits=3).labels, [-1, -1, 0, 0, 0])


def test_a_long_chain_in_the_worst_order_is_one_track() -> None:
    last = 20_000
    edge_index = np.array([np.arange(last)[::-1], np.arange(1, last + 1)[::-1]])
    assert np.array_equal(connected_components(last + 1, edge_index, np.ones(last, bool)).sizes, [last + 1])


@pytest.mark.parametrize("num_nodes", [0, 3])
def test_a_graph_without_edges_has_no_candidate(num_nodes: int) -> None:
    candidates = connected_components(num_nodes, np.zeros((2, 0), np.int64), np.zeros(0, bool))
    assert np.array_equal(candidates.labels, np.full(num_nodes, -1))


@pytest.mark.parametrize(
    ("edge_index", "keep", "message"),
    [
        ([[0], [3]], [True], "wanted 0…2"),
        ([[-1], [0]], [True], "wanted 0…2"),
        ([[0, 1]], [True, True], r"wanted \(2, E\)"),
        ([[0], [1]], [True, False], r"wanted bool \(1,\)"),
        ([[0], [1]], [1], r"wanted bool \(1,\)"),
    ],
)
def test_bad_edges_are_refused(edge_index: NDArray[np.int64], keep: NDArray[np.bool_], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        connected_components(3, np.array(edge_index), np.array(keep))
