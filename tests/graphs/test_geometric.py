"""The compiled construction: hand-made edges, and the same set as all pairs in numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.graphs.all_pairs import all_pairs_edges
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.geometric import WINDOWS, GeometricConfig, geometric_edges
from edgetrack.graphs.selection import SelectedHits

WIDE = GeometricConfig(phi_slope_max=0.01, z0_max=1000.0)


def hits_of(*rows: tuple[float, float, float, int]) -> SelectedHits:
    r, phi, z, layer = zip(*rows, strict=True)
    return SelectedHits(np.array(r), np.array(phi), np.array(z), np.array(layer), np.arange(len(r)))


def ordered(edge_index: NDArray[np.int64]) -> NDArray[np.int64]:
    return edge_index[:, np.lexsort(edge_index[::-1])]


def both(hits: SelectedHits, config: GeometricConfig) -> list[list[int]]:
    """The edges as a sorted list of pairs, after both constructions gave them."""
    compiled, reference = ordered(geometric_edges(hits, config)), ordered(all_pairs_edges(hits, config))
    assert np.array_equal(compiled, reference)
    pairs: list[list[int]] = compiled.T.tolist()
    return pairs


def test_four_barrel_hits_on_a_line_give_three_edges() -> None:
    hits = hits_of((172, 0.3, 172, 3), (32, 0.3, 32, 0), (116, 0.3, 116, 2), (72, 0.3, 72, 1))
    assert both(hits, GeometricConfig()) == [[1, 3], [2, 0], [3, 2]]


def test_layers_are_never_skipped_and_edges_point_outwards() -> None:
    hits = hits_of((32, 0.3, 32, 0), (116, 0.3, 116, 2), (172, 0.3, 172, 3))
    assert both(hits, GeometricConfig()) == [[1, 2]]


def test_slope_window_is_open_at_its_end() -> None:
    hits = hits_of((32, 0.0, 0, 0), (72, 0.25, 0, 1), (72, 0.5, 0, 1), (72, -0.25, 0, 1))
    assert both(hits, GeometricConfig(phi_slope_max=0.25 / 40)) == []
    assert both(hits, GeometricConfig(phi_slope_max=np.nextafter(0.25 / 40, 1))) == [[0, 1], [0, 3]]


def test_z0_window_is_open_at_its_end() -> None:
    # Δz/Δr = 40/40, z0 = 132 − 32 = 100
    hits = hits_of((32, 0.0, 132, 0), (72, 0.0, 172, 1))
    assert both(hits, GeometricConfig(z0_max=100.0)) == []
    assert both(hits, GeometricConfig(z0_max=100.1)) == [[0, 1]]


def test_phi_wraps_around() -> None:
    hits = hits_of(
        (32, np.pi - 0.01, 0, 0),
        (72, -np.pi + 0.01, 0, 1),
        (32, -np.pi + 0.01, 0, 0),
        (72, np.pi - 0.01, 0, 1),
        (72, 0.0, 0, 1),
        (32, -np.pi, 0, 0),
        (72, np.pi, 0, 1),
    )
    assert both(hits, GeometricConfig(phi_slope_max=0.001)) == [
        [0, 1],
        [0, 3],
        [0, 6],
        [2, 1],
        [2, 3],
        [2, 6],
        [5, 1],
        [5, 3],
        [5, 6],
    ]


def test_equal_radii_give_no_edge() -> None:
    assert both(hits_of((100, 0.1, 600, 4), (100, 0.1, 700, 5), (100, 0.2, 700, 5)), WIDE) == []


def test_endcaps_and_their_joints_with_the_barrel() -> None:
    hits = hits_of((40, 0.0, -600, 4), (47, 0.0, -705, 5), (40, 0.0, 600, 11), (47, 0.0, 705, 12), (30, 0.0, 450, 0))
    # left to left, right to right, barrel to the right disc: z0 = 450 − 30 · 150 / 10 = 0
    assert both(hits, WIDE) == [[0, 1], [2, 3], [4, 2]]


def test_edge_through_a_barrel_layer_in_between_is_dropped_unless_asked_for() -> None:
    # along z = 5 r from layer 0 to the disc: crosses r = 71.6 at z = 358, inside the barrel; from layer 1 it
    # crosses r = 115.4 at z = 577, beyond the barrel's end
    hits = hits_of((32, 0.0, 160, 0), (120, 0.0, 600, 11), (72, 0.0, 360, 1))
    assert both(hits, GeometricConfig(barrel_intersection=True)) == [[0, 2], [2, 1]]
    assert both(hits, GeometricConfig(barrel_intersection=False)) == [[0, 1], [0, 2], [2, 1]]
    # along z = 7 r it passes r = 71.6 at z = 501, beyond the barrel's end
    hits = hits_of((32, 0.0, 224, 0), (600 / 7, 0.0, 600, 11))
    assert both(hits, GeometricConfig(barrel_intersection=True)) == [[0, 1]]


def test_no_hits_and_one_hit_give_no_edges(random_hits: Callable[..., SelectedHits]) -> None:
    empty = random_hits(0, 0)
    assert geometric_edges(empty, WIDE).shape == (2, 0)
    assert all_pairs_edges(empty, WIDE).shape == (2, 0)
    assert both(hits_of((32, 0, 0, 0)), WIDE) == []


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(0, 600),
    steps=st.sampled_from([0, 0, 4, 50]),
    slope=st.sampled_from([0.0003, 0.0006, 0.007, 0.03, 1.0]),
    z0_max=st.sampled_from([0.5, 100.0, 350.0, 2500.0, 1e5]),
    crossing=st.booleans(),
)
def test_compiled_edges_are_those_of_all_pairs(
    seed: int,
    size: int,
    steps: int,
    slope: float,
    z0_max: float,
    crossing: bool,
    random_hits: Callable[..., SelectedHits],
) -> None:
    config = GeometricConfig(phi_slope_max=slope, z0_max=z0_max, barrel_intersection=crossing)
    both(random_hits(seed, size, steps), config)


def test_comparison_with_all_pairs_sees_the_last_bit(random_hits: Callable[..., SelectedHits]) -> None:
    hits = random_hits(1, 500)
    edges = all_pairs_edges(hits, GeometricConfig())
    slope = np.abs((hits.phi[edges[1]] - hits.phi[edges[0]] + np.pi) % (2 * np.pi) - np.pi)
    steepest = float((slope / np.abs(hits.r[edges[1]] - hits.r[edges[0]])).max())
    at, above = (GeometricConfig(phi_slope_max=s) for s in (steepest, float(np.nextafter(steepest, 1))))
    assert geometric_edges(hits, at).shape[1] == edges.shape[1] - 1
    assert np.array_equal(ordered(geometric_edges(hits, above)), ordered(edges))


def test_edge_order_does_not_depend_on_threads(random_hits: Callable[..., SelectedHits]) -> None:
    hits = random_hits(2, 30_000)
    config = GeometricConfig(phi_slope_max=0.0006, z0_max=350.0)
    alone = geometric_edges(hits, config, threads=1)
    assert alone.shape[1] > 10_000
    for threads in (2, 3, 8):
        assert np.array_equal(geometric_edges(hits, config, threads), alone)


def test_shuffled_hits_give_the_same_graph_up_to_relabelling(random_hits: Callable[..., SelectedHits]) -> None:
    hits = random_hits(3, 2000)
    order = np.random.default_rng(0).permutation(len(hits))
    shuffled = SelectedHits(hits.r[order], hits.phi[order], hits.z[order], hits.layer[order], hits.hit_id[order])
    edges, again = geometric_edges(hits, GeometricConfig()), geometric_edges(shuffled, GeometricConfig())
    assert edges.shape[1] > 1000
    assert not np.array_equal(edges, again)
    assert np.array_equal(ordered(order[again]), ordered(edges))


@pytest.mark.parametrize("preset", list(WINDOWS))
def test_presets_set_both_windows_and_numbers_override_them(preset: Any) -> None:
    assert GeometricConfig(preset=preset).windows == WINDOWS[preset]
    assert GeometricConfig(preset=preset, z0_max=7.0).windows == (WINDOWS[preset][0], 7.0)
    assert GeometricConfig(preset=preset, phi_slope_max=7.0).windows == (7.0, WINDOWS[preset][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "3gev"}, "wanted one of 2gev"),
        ({"z0_max": 0.0}, "z0_max = 0.0"),
        ({"phi_slope_max": float("inf")}, "phi_slope_max = inf"),
    ],
)
def test_bad_windows_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeometricConfig(**change)


@pytest.mark.parametrize("threshold", ["2gev", "1p5gev", "1gev"])
def test_preset_hitgraphs_gives_the_edges_of_the_published_graphs(threshold: str, trackml_hitgraphs: Path) -> None:
    for graph in load_graphs(trackml_hitgraphs / threshold)[:5]:
        hits = hits_of_graph(graph.x)
        edges = geometric_edges(hits, GeometricConfig(preset="hitgraphs"))
        assert np.array_equal(ordered(edges), ordered(graph.edge_index))


def hits_of_graph(x: NDArray[np.float32]) -> SelectedHits:
    """Hits of real graphs, whose layers follow from their places."""
    r, phi, z = (x.astype(np.float64) * [1000, np.pi, 1000]).T
    disc = np.digitize(np.abs(z), [650, 760, 890, 1030, 1200, 1400]) + np.where(z < 0, 4, 11)
    layer = np.where(np.abs(z) < 491, np.digitize(r, [50, 95, 145]), disc)
    return SelectedHits(r, np.clip(phi, -np.pi, np.pi), z, layer, np.arange(len(r)))
