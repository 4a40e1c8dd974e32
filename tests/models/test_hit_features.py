"""Features of hit graphs against formulas of their own, and under the detector's symmetries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hit_features import (
    CURVATURE_SCALE,
    FEATURES,
    ROTATED,
    Z0_SCALE,
    feature,
    meridional,
    pair_geometry,
)
from edgetrack.models.rows import hit_rows


def random_graph(seed: int, nodes: int = 30, edges: int = 80) -> HitGraph:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 1, nodes), rng.uniform(-1, 1, nodes), rng.uniform(-3, 3, nodes)])
    source = rng.integers(0, nodes, edges)
    return HitGraph(x.astype(np.float32), np.stack([source, (source + rng.integers(1, nodes, edges)) % nodes]))


def test_pair_geometry_of_hits_on_a_helix_is_the_helix() -> None:
    radius, slope, z0, start = 1.7, 0.8, 0.03, 2.9
    arc = np.array([0.05, 0.3, 0.9, 1.6])
    r, phi = 2 * radius * np.sin(arc / (2 * radius)), start + arc / (2 * radius)
    graph = HitGraph(
        np.column_stack([r, np.remainder(phi / np.pi + 1, 2) - 1, z0 + slope * arc]).astype(np.float32),
        np.array([[0, 0, 1, 2], [1, 3, 2, 3]]),
    )
    wanted = [np.arcsinh(1 / radius / CURVATURE_SCALE), np.arcsinh(z0 / Z0_SCALE), np.arcsinh(slope)]
    np.testing.assert_allclose(pair_geometry(graph), np.tile(wanted, (4, 1)), atol=2e-4)


def test_meridional_features_are_r_z_and_the_pseudorapidity_of_the_hit() -> None:
    graph = random_graph(5)
    r, _, z = graph.x.astype(np.float64).T
    polar = np.arctan2(r, z)
    np.testing.assert_allclose(meridional(graph), np.column_stack([r, z, -np.log(np.tan(polar / 2))]), rtol=1e-5)


@pytest.mark.parametrize("name", sorted(FEATURES.keys() - {"node_attr"}))
@given(seed=st.integers(0, 1000), turn=st.floats(-1, 1))
def test_features_follow_the_symmetries_as_they_say(name: str, seed: int, turn: float) -> None:
    graph, kind = random_graph(seed), feature(name)
    before = kind.make(graph)
    for axis, odd in ((2, kind.odd_in_z), (1, kind.odd_in_phi)):
        mirrored = graph.x.copy()
        mirrored[:, axis] *= -1
        signs = np.array([-1 if column in (odd or ()) else 1 for column in kind.columns])
        after = kind.make(replace(graph, x=mirrored))
        np.testing.assert_allclose(after, before * signs, atol=1e-3, rtol=1e-3)
    turned = graph.x.copy()
    turned[:, 1] = np.remainder(turned[:, 1] + turn + 1, 2) - 1
    if name not in ROTATED:
        np.testing.assert_allclose(kind.make(replace(graph, x=turned)), before, atol=5e-3, rtol=5e-3)


def test_features_of_an_edge_change_sign_with_its_direction() -> None:
    graph = random_graph(3)
    turned = replace(graph, edge_index=graph.edge_index[::-1])
    np.testing.assert_array_equal(
        feature("doublet_geometry").make(turned)[:, [0, 2, 3, 4]],
        -feature("doublet_geometry").make(graph)[:, [0, 2, 3, 4]],
    )


def test_hits_at_one_place_and_graphs_without_edges_give_finite_features() -> None:
    none = np.zeros((2, 0), np.int64)
    together = HitGraph(np.tile(np.array([[0.5, 0.2, 0.1]], np.float32), (3, 1)), np.array([[0, 1], [1, 2]]))
    for graph in (together, HitGraph(together.x, none), HitGraph(np.zeros((0, 3), np.float32), none)):
        for name in FEATURES.keys() - {"node_attr"}:
            made = feature(name).make(graph)
            assert np.isfinite(made).all()
            assert made.shape[1] == len(feature(name).columns)


def test_messages_are_the_edges_both_ways() -> None:
    rows = hit_rows(random_graph(1), ("cartesian",), messages=True)
    source, target = rows.ends["source"], rows.ends["target"]
    np.testing.assert_array_equal(rows.ends["sender"], [*source, *target])
    np.testing.assert_array_equal(rows.ends["receiver"], [*target, *source])
    np.testing.assert_array_equal(rows.ends["along"], [*range(len(source))] * 2)
    assert list(rows.features) == ["cartesian"]


def test_an_unknown_feature_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown feature 'spin' of hit graphs, wanted one of x, node_attr"):
        feature("spin")
