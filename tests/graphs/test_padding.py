"""Padding to a fixed size with a dummy node."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.padding import pad

GRAPH = HitGraph(np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.4], [0.3, 0.1, 0.5]]), np.array([[0, 1], [1, 2]]))


def test_padding_points_from_the_dummy_to_the_dummy() -> None:
    padded = pad(GRAPH, 6, 4)
    assert padded.edge_index.tolist() == [[0, 1, 5, 5], [1, 2, 5, 5]]
    assert padded.node_mask.tolist() == [True, True, True, False, False, False]
    assert padded.edge_mask.tolist() == [True, True, False, False]
    assert np.array_equal(padded.x[:3], GRAPH.x)
    assert not padded.x[3:].any()
    assert np.array_equal(padded.edge_attr[:2], GRAPH.edge_attr)
    assert not padded.edge_attr[2:].any()
    assert padded.x.dtype == padded.edge_attr.dtype == np.float32


def test_messages_of_padded_edges_reach_no_hit() -> None:
    padded = pad(GRAPH, 4, 9)
    received = np.bincount(padded.edge_index[1], minlength=4)
    assert received.tolist() == [0, 1, 1, 7]


def test_exact_fit_leaves_only_the_dummy() -> None:
    padded = pad(GRAPH, 4, 2)
    assert padded.node_mask.tolist() == [True, True, True, False]
    assert padded.edge_mask.all()


@pytest.mark.parametrize(("nodes", "edges"), [(3, 2), (4, 1)])
def test_graph_that_is_too_large_is_refused(nodes: int, edges: int) -> None:
    with pytest.raises(ValueError, match="3 nodes and 2 edges do not fit"):
        pad(GRAPH, nodes, edges)


def test_empty_graph_is_all_padding() -> None:
    padded = pad(HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64)), 2, 3)
    assert padded.edge_index.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert not padded.node_mask.any()
