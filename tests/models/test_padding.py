"""Padding to a fixed size with dummies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.padding import padded
from edgetrack.models.rows import Rows, hit_rows
from edgetrack.models.steps import EDGE, NODE, TRIPLET, Input, Mlp

GRAPH = HitGraph(np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.4], [0.3, 0.1, 0.5]]), np.array([[0, 1], [1, 2]]))
NETWORK = interaction_network(InteractionNetworkConfig())


def filled(graph: HitGraph, nodes: int, edges: int) -> Rows[NDArray[Any]]:
    return padded(NETWORK, hit_rows(graph), {"node": nodes, "edge": edges})


def test_padding_points_from_the_dummy_to_the_dummy() -> None:
    rows = filled(GRAPH, 6, 4)
    assert rows.ends["source"].tolist() == [0, 1, 5, 5]
    assert rows.ends["target"].tolist() == [1, 2, 5, 5]
    assert np.array_equal(rows.features["x"][:3], GRAPH.x)
    assert not rows.features["x"][3:].any()
    assert np.array_equal(rows.features["edge_attr"][:2], GRAPH.edge_attr)
    assert not rows.features["edge_attr"][2:].any()
    assert rows.features["x"].dtype == rows.features["edge_attr"].dtype == np.float32


def test_messages_of_padded_edges_reach_no_hit() -> None:
    assert filled(GRAPH, 4, 9).degrees("target").tolist() == [0, 1, 1, 7]


def test_exact_fit_leaves_only_the_dummy() -> None:
    rows = filled(GRAPH, 4, 2)
    assert not rows.features["x"][3].any()
    assert rows.ends["target"].tolist() == [1, 2]


@pytest.mark.parametrize(("nodes", "edges"), [(3, 2), (4, 1)])
def test_graph_that_is_too_large_is_refused(nodes: int, edges: int) -> None:
    with pytest.raises(ValueError, match="3 nodes and 2 edges do not fit"):
        filled(GRAPH, nodes, edges)


def test_empty_graph_is_all_padding() -> None:
    rows = filled(HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64)), 2, 3)
    assert rows.ends["source"].tolist() == rows.ends["target"].tolist() == [1, 1, 1]


def test_triplets_pad_to_a_dummy_edge() -> None:
    network = NetworkDescription(
        "triplets", (Input("bend", "triplet", (1.0,)),), (Mlp("m", "bend", (1,)),), "m", (NODE, EDGE, TRIPLET)
    )
    hits = hit_rows(GRAPH)
    rows = Rows(
        (NODE, EDGE, TRIPLET),
        {**hits.counts, "triplet": 1},
        {"bend": np.ones((1, 1), np.float32)},
        {**hits.ends, "inner": np.array([0]), "outer": np.array([1])},
    )
    made = padded(network, rows, {"node": 4, "edge": 3, "triplet": 2})
    assert made.ends["outer"].tolist() == [1, 2]
    assert made.ends["target"].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="one of the edges and nodes the dummy"):
        padded(network, rows, {"node": 4, "edge": 2, "triplet": 2})
