import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_array
from sklearn.cluster import DBSCAN
from sklearn.neighbors import sort_graph_by_row_values

from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.dbscan import dbscan

# nodes, edges (2, E), distances (E,), random numbers
ScoredGraph = tuple[int, NDArray[np.int64], NDArray[np.float64], np.random.Generator]


@st.composite
def scored_graphs(draw: st.DrawFn) -> ScoredGraph:
    """A random graph without repeated edges or loops, and distances, some of them equal."""
    num_nodes = draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = np.argwhere(np.triu(rng.random((num_nodes, num_nodes)) < draw(st.floats(0.02, 0.3)), 1))
    return num_nodes, pairs.T, (1 + rng.integers(0, draw(st.integers(2, 1000)), len(pairs))) / 1000.0, rng


def sklearn_dbscan(
    num_nodes: int, edge_index: NDArray[np.int64], distance: NDArray[np.float64], eps: float, min_samples: int
) -> DBSCAN:
    """scikit-learn's DBSCAN on the symmetric sparse matrix of distances."""
    nodes = np.arange(num_nodes)  # each hit is its own neighbour
    ends = np.concatenate([edge_index, edge_index[::-1], [nodes, nodes]], axis=1)
    matrix = coo_array((np.r_[distance, distance, np.zeros(num_nodes)], tuple(ends)), (num_nodes, num_nodes)).tocsr()
    matrix = sort_graph_by_row_values(matrix, warn_when_not_sorted=False)
    return DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(matrix)


@given(scored_graphs(), st.integers(1, 2))
@settings(max_examples=100, deadline=None)
def test_with_two_samples_it_is_connected_components(graph: ScoredGraph, min_samples: int) -> None:
    num_nodes, edge_index, distance, _ = graph
    ours = dbscan(num_nodes, edge_index, distance, 0.5, min_samples)
    assert np.array_equal(ours.labels, connected_components(num_nodes, edge_index, distance <= 0.5).labels)


@given(scored_graphs(), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_core_hits_and_noise_equal_scikit_learn(graph: ScoredGraph, min_samples: int) -> None:
    num_nodes, edge_index, distance, _ = graph
    ours = dbscan(num_nodes, edge_index, distance, 0.5, min_samples, min_hits=1).labels
    theirs = sklearn_dbscan(num_nodes, edge_index, distance, 0.5, min_samples)
    core = theirs.core_sample_indices_
    assert np.array_equal(
        TrackCandidates.from_labels(ours[core]).labels, TrackCandidates.from_labels(theirs.labels_[core]).labels
    )
    assert (ours[theirs.labels_ == -1] == -1).all()


@given(scored_graphs(), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_order_of_hits_and_edges_does_not_matter(graph: ScoredGraph, min_samples: int) -> None:
    num_nodes, edge_index, distance, rng = graph
    expected = dbscan(num_nodes, edge_index, distance, 0.5, min_samples)
    position, order = rng.permutation(num_nodes), rng.permutation(len(distance))
    flipped = np.where(rng.random(len(distance)) < 0.5, edge_index, edge_index[::-1])
    shuffled = dbscan(num_nodes, position[flipped[:, order]], distance[order], 0.5, min_samples)
    assert np.array_equal(TrackCandidates.from_labels(shuffled.labels[position]).labels, expected.labels)


# Two dense groups, 0–3 and 5–8, and hit 4 that hangs between them by one edge to each.
SQUARES = np.array([[0, 0, 0, 1, 1, 2, 5, 5, 5, 6, 6, 7, 3, 4], [1, 2, 3, 2, 3, 3, 6, 7, 8, 7, 8, 8, 4, 5]])


def test_a_border_hit_goes_to_its_nearest_core_hit() -> None:
    distance = np.full(14, 0.1)
    distance[12:] = 0.2, 0.3
    assert np.array_equal(dbscan(9, SQUARES, distance, 0.5, 4).labels, [0, 0, 0, 0, 0, 1, 1, 1, 1])
    distance[12:] = 0.3, 0.2
    assert np.array_equal(dbscan(9, SQUARES, distance, 0.5, 4).labels, [0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_a_border_hit_claimed_equally_goes_to_none() -> None:
    assert np.array_equal(dbscan(9, SQUARES, np.full(14, 0.1), 0.5, 4).labels, [0, 0, 0, 0, -1, 1, 1, 1, 1])


def test_of_two_equally_near_candidates_the_larger_takes_the_border_hit() -> None:
    edge_index = np.c_[SQUARES, [[9, 9, 9], [6, 7, 8]]]  # hit 9 makes the second group larger
    assert dbscan(10, edge_index, np.full(17, 0.1), 0.5, 4).labels[4] == 1


def test_repeated_edges_and_loops_make_no_core_hit() -> None:
    edge_index = np.array([[0, 0, 1, 0], [1, 1, 0, 0]])
    assert np.array_equal(dbscan(2, edge_index, np.zeros(4), 0.5, 3).labels, [-1, -1])
    assert np.array_equal(dbscan(2, edge_index, np.zeros(4), 0.5, 2).labels, [0, 0])


@pytest.mark.parametrize("num_nodes", [0, 3])
def test_a_graph_without_edges_has_no_candidate(num_nodes: int) -> None:
    labels = dbscan(num_nodes, np.zeros((2, 0), np.int64), np.zeros(0), 0.5).labels
    assert np.array_equal(labels, np.full(num_nodes, -1))


@pytest.mark.parametrize("distance", [[-0.1], [np.nan], [0.1, 0.1]])
def test_bad_distances_are_refused(distance: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        dbscan(2, np.array([[0], [1]]), np.array(distance), 0.5)


@pytest.mark.parametrize("edge_index", [[[0], [2]], [[-1], [0]], [[0, 1]]])
def test_bad_edges_are_refused(edge_index: NDArray[np.int64]) -> None:
    edge_index = np.array(edge_index)
    with pytest.raises(ValueError, match="edge_index"):
        dbscan(2, edge_index, np.zeros(edge_index.shape[1]), 0.5)
