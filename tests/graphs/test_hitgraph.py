"""The hit graph: its checks, its edge features and its shuffling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shuffled_graph import shuffled

from edgetrack.graphs.hitgraph import HitGraph

X = np.array([[0.03, 0.9, 0.03], [0.07, -0.9, 0.07], [0.1, 0.5, 0.0]])
EDGES = np.array([[0, 1, 0], [1, 2, 2]])
FURTHER = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)


def test_edge_features_are_differences_with_phi_wrapped() -> None:
    features = HitGraph(X, EDGES).edge_attr
    assert features.shape == (3, 4)
    np.testing.assert_allclose(features[0], [0.04, 0.2, 0.04, 0.2 * np.pi], rtol=1e-5)  # the same η
    np.testing.assert_allclose(features[1, :3], [0.03, -0.6, -0.07], rtol=1e-5)
    np.testing.assert_allclose(features[2, 3], np.hypot(np.arcsinh(1.0), 0.4 * np.pi), rtol=1e-5)


def test_permuted_graph_is_the_same_up_to_relabelling() -> None:
    graph = HitGraph(
        X,
        EDGES,
        np.array([True, False, True]),
        np.array([4, 5, 6]),
        hit_id=np.array([1, 2, 3]),
        node_attr=FURTHER,
        weight=np.array([0.5, 0.25, 0.125], np.float32),
        vertex_r=np.array([0.5, 1.5, 2.5], np.float32),
    )
    mixed = shuffled(graph, np.random.default_rng(3))

    def content(one: HitGraph) -> set[tuple[Any, ...]]:
        assert one.hit_id is not None
        assert one.y is not None
        assert one.particle_id is not None
        assert one.node_attr is not None
        assert one.weight is not None
        assert one.vertex_r is not None
        source, target = one.edge_index
        return set(
            zip(
                one.hit_id[source].tolist(),
                one.hit_id[target].tolist(),
                one.y.tolist(),
                one.particle_id[source].tolist(),
                map(tuple, one.edge_attr.tolist()),
                map(tuple, one.node_attr[source].tolist()),
                one.weight[source].tolist(),
                one.vertex_r[source].tolist(),
                strict=True,
            )
        )

    assert content(mixed) == content(graph)
    assert not np.array_equal(mixed.x, graph.x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": X[:, :2]}, r"x has shape \(3, 2\)"),
        ({"x": np.full((3, 3), np.inf)}, r"x\[0\] = .* is not finite"),
        ({"edge_index": EDGES[:1]}, r"edge_index has shape \(1, 3\)"),
        ({"edge_index": EDGES - 1}, r"edge_index spans -1…1, wanted 0…2"),
        ({"y": [True]}, r"y has shape \(1,\), wanted \(3,\)"),
        ({"pt": [1.0]}, r"pt has shape \(1,\)"),
        ({"weight": np.zeros(2)}, r"weight has shape \(2,\), wanted \(3,\)"),
        ({"vertex_r": np.zeros((3, 1))}, r"vertex_r has shape \(3, 1\), wanted \(3,\)"),
        ({"node_attr": FURTHER[:2]}, r"node_attr has shape \(2, 2\), wanted \(3, F\), F ≥ 1"),
        ({"node_attr": FURTHER[:, 0]}, r"node_attr has shape \(3,\), wanted \(3, F\)"),
        ({"node_attr": FURTHER[:, :0]}, r"node_attr has shape \(3, 0\), wanted \(3, F\)"),
        ({"node_attr": FURTHER * [1, np.nan]}, r"node_attr\[0\] = .* is not finite"),
    ],
)
def test_impossible_graphs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HitGraph(**{"x": X, "edge_index": EDGES, **change})
