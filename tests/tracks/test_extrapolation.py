"""Chains linked by their direction: hand-made tracks in the pixel detector's size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks

RADII = np.array([0.032, 0.055, 0.072, 0.091, 0.116, 0.140, 0.172])  # m
ALL = slice(None)


def track(phi: float, slope: float, z0: float = 0.0, pt: float = 2.0, layers: slice = ALL) -> NDArray[np.float32]:
    """(layers, 3) hits of a helix from the beam line in 2 T: φ = φ0 + asin(r / 2R), z along the arc; R = pT / 0.6 m."""
    r = RADII[layers]
    turn = np.arcsin(r / (2 * pt / 0.6))
    z = z0 + slope * 2 * pt / 0.6 * turn
    return np.column_stack([r, ((phi + turn) / np.pi + 1) % 2 - 1, z]).astype(np.float32)


def graph_of(*parts: NDArray[np.float32], extra: tuple[tuple[int, int], ...] = ()) -> HitGraph:
    """Parts of tracks, each with edges from hit to hit, and further edges."""
    starts = np.cumsum([0, *map(len, parts)])
    edges = [
        (start + i, start + i + 1) for start, part in zip(starts, parts, strict=False) for i in range(len(part) - 1)
    ]
    return HitGraph(np.concatenate(parts), np.array([*edges, *extra], np.int64).reshape(-1, 2).T)


def labels(graph: HitGraph, tolerance: float = 3.0, logits: NDArray[np.floating] | None = None) -> list[int]:
    scores = np.full(graph.num_edges, 3.0) if logits is None else logits
    config = TrackBuildingConfig(kink=0, tolerance=tolerance)
    found: list[int] = build_tracks(graph, scores, 0.0, config).labels.tolist()
    return found


INNER, OUTER = slice(0, 3), slice(4, 7)  # a layer between them has no hit


def test_two_parts_of_a_track_are_joined_over_a_missing_layer() -> None:
    graph = graph_of(track(0.3, 1.0, layers=INNER), track(0.3, 1.0, layers=OUTER))
    assert labels(graph) == [0] * 6
    assert labels(graph, tolerance=0) == [0] * 3 + [1] * 3


def test_parts_find_their_own_continuation_across_the_end_of_phi() -> None:
    whole = [track(np.pi - 0.01 + 0.004 * i, 0.5 + 0.02 * i) for i in range(5)]
    graph = graph_of(*(part[INNER] for part in whole), *(part[OUTER] for part in whole))
    own = [i for i in range(5) for _ in range(3)]
    assert labels(graph) == own + own


@pytest.mark.parametrize("other", [{"slope": 1.3}, {"z0": 0.03}, {"phi": 0.33}, {"pt": 0.4}])
def test_parts_of_different_directions_stay_apart(other: dict[str, Any]) -> None:
    second: dict[str, Any] = {"phi": 0.3, "slope": 1.0} | other
    graph = graph_of(track(0.3, 1.0, layers=INNER), track(**second, layers=OUTER))
    assert labels(graph) == [0] * 3 + [1] * 3


def test_an_undecided_last_hit_goes_to_the_track_that_points_at_it() -> None:
    # the network cannot tell hit 3 from hit 4; the wrong one is the better by a little
    wrong = track(0.3, 1.0)[3:4] + np.array([0, 0.01, 0], np.float32)
    graph = graph_of(track(0.3, 1.0, layers=slice(0, 4)), wrong, extra=((2, 4),))
    logits = np.array([5.0, 5.0, 3.0, 3.5])
    assert labels(graph, logits=logits) == [0, 0, 0, 0, -1]
    assert labels(graph, tolerance=0, logits=logits) == [0, 0, 0, -1, -1]


def test_an_undecided_pair_of_hits_stands_where_neither_finds_another_track() -> None:
    pair = track(0.3, 1.0, layers=slice(0, 2))
    rival = pair[1:] + np.array([0, 0.01, 0], np.float32)
    assert labels(graph_of(pair, rival, extra=((0, 2),)), logits=np.array([3.5, 3.0])) == [0, 0, -1]


def test_a_lone_hit_needs_an_edge_above_threshold() -> None:
    line = track(0.3, 1.0, layers=slice(0, 4))
    joined = graph_of(line[:3], line[3:], extra=((2, 3),))
    assert labels(joined) == [0] * 4
    assert labels(graph_of(line[:3], line[3:])) == [0, 0, 0, -1]


def test_two_equal_continuations_are_both_left() -> None:
    outer = track(0.3, 1.0, layers=OUTER)
    assert labels(graph_of(track(0.3, 1.0, layers=INNER), outer, outer)) == [0] * 3 + [1] * 3 + [2] * 3


def test_hits_without_direction_are_left_alone() -> None:
    flat = HitGraph(np.zeros((6, 3), np.float32), np.array([[0, 1, 3, 4], [1, 2, 4, 5]]))
    assert labels(flat) == [0, 0, 0, 1, 1, 1]
    assert labels(HitGraph(np.zeros((3, 3), np.float32), np.zeros((2, 0), np.int64))) == [-1, -1, -1]
    assert labels(HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64))) == []
    assert labels(HitGraph(track(0.1, 1.0), np.array([[0, 1, 2, 3], [1, 2, 0, 3]]))) == [0, 0, 0, -1, -1, -1, -1]


def test_candidates_of_a_real_event_do_not_depend_on_the_order_of_hits(trackml_hitgraphs) -> None:  # type: ignore
    graph = load_graphs(trackml_hitgraphs / "1gev")[0]
    assert graph.y is not None
    rng = np.random.default_rng(3)
    codes = np.clip(np.round(rng.normal(size=graph.num_edges) * 2 + 6.0 * graph.y - 3.0), -4, 4)  # ties everywhere
    node_order, edge_order = rng.permutation(graph.num_nodes), rng.permutation(graph.num_edges)
    position = np.argsort(node_order)
    shuffled = HitGraph(graph.x[node_order], position[graph.edge_index[:, edge_order]])
    found = build_tracks(shuffled, codes[edge_order], -1.0).labels[position]
    wanted = build_tracks(graph, codes, -1.0)
    pairs = np.unique(np.stack([found, wanted.labels]), axis=1)
    assert pairs.shape[1] == len(wanted) + 1 == len(np.unique(found))  # the same sets of hits, and those in none
    assert len(wanted) > 500
