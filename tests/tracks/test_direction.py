"""Slopes and kinks: hand-made tracks, and each pair of edges looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks
from edgetrack.tracks.direction import BEND, IMPACT, kink_penalties, slopes

LARGEST = 4.0


def by_definition(
    x: NDArray[np.float32], edge_index: NDArray[np.int64], scored: NDArray[np.bool_]
) -> NDArray[np.float64]:
    bend, slope, valid = slopes(x, *edge_index)
    out = np.zeros(len(scored))
    for edge in np.flatnonzero(scored):
        for mine, others, end in ((1, 0, edge_index[1, edge]), (0, 1, edge_index[0, edge])):
            kinks = [LARGEST]
            touching = [k for k in np.flatnonzero(scored) if edge_index[others, k] == edge_index[mine, edge]]
            for other in touching:
                if valid[edge] and valid[other]:
                    in_z = (slope[edge] - slope[other]) * float(x[end, 0]) / IMPACT
                    kinks.append((((bend[edge] - bend[other]) / BEND) ** 2 + in_z**2) / 2)
            out[edge] += min(kinks) if touching else 0.0
    return out


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_kinks_equal_those_of_each_pair_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(1, 5, 12) * 0.03, 0.003 * rng.random(12), 0.1 * rng.random(12)]).astype(
        np.float32
    )
    edge_index, scored = rng.integers(0, 12, (2, 25)), rng.random(25) < 0.7
    found = kink_penalties(x, edge_index, scored, LARGEST)
    assert found == pytest.approx(by_definition(x, edge_index, scored), abs=1e-9)
    name, order = rng.permutation(12), rng.permutation(25)
    shuffled = np.empty_like(x)
    shuffled[name] = x
    assert np.array_equal(kink_penalties(shuffled, name[edge_index][:, order], scored[order], LARGEST), found[order])


def test_slopes_are_in_rad_and_metres_and_cross_the_end_of_phi() -> None:
    x = np.array([[0.1, 0.999, 0.0], [0.2, -0.999, 0.05], [0.2, 0.0, 0.0]], np.float32)
    bend, slope, valid = slopes(x, np.array([0, 1, 1]), np.array([1, 2, 0]))
    assert (bend[0], slope[0]) == pytest.approx((0.002 * np.pi / 0.1, 0.5), rel=1e-4)
    assert valid.tolist() == [True, False, False]  # no step in r, and one inwards


def test_of_two_ways_that_score_alike_the_straight_one_is_taken() -> None:
    r = np.array([0.03, 0.07, 0.11, 0.11])
    x = np.column_stack([r, [0.1, 0.1, 0.1, 0.103], r]).astype(np.float32)
    graph = HitGraph(x, np.array([[0, 1, 1], [1, 2, 3]]))
    only_kinks = TrackBuildingConfig(margin=0, tolerance=0)
    for logits in (np.array([3.0, 3.0, 3.0]), np.array([3.0, 3.0, 3.5])):
        assert build_tracks(graph, logits, 0.0, only_kinks).labels.tolist() == [0, 0, 0, -1]
    strong = np.array([3.0, 3.0, 9.0])  # a kink is worth a few logits at most
    assert build_tracks(graph, strong, 0.0, only_kinks).labels.tolist() == [0, 0, -1, 0]


@pytest.mark.parametrize("name", ["kink", "margin", "tolerance"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_settings_that_mean_nothing_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        TrackBuildingConfig(**{name: value})  # type: ignore[arg-type]
