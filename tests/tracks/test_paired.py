"""Changes between two sets of decisions: counts by hand, additive, and a ceiling by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.paired import Change, change, matched_by_true_edges, matched_particles, right_edges
from edgetrack.tracks.ratio import Ratio


def track_of_four(particles: list[int]) -> HitGraph:
    return HitGraph(
        np.zeros((len(particles), 3), np.float32),
        np.array([[0, 1, 2], [1, 2, 3]]),
        np.array([True, True, True]),
        np.array(particles),
    )


def test_gains_and_losses_are_counted_apart() -> None:
    made = change(np.array([True, True, False, False, True]), np.array([True, False, True, True, True]))
    assert made == Change(gained=2, lost=1, trials=5)
    assert made.value == pytest.approx(1 / 5)
    assert made.error == pytest.approx(float(np.hypot(Ratio(2, 5).error or 0, Ratio(1, 5).error or 0)))


def test_changes_add_up() -> None:
    rng = np.random.default_rng(4)
    a, b, c = rng.random((3, 100)) < 0.7
    first, second, both = change(a, b), change(b, c), change(a, c)
    assert both.gained - both.lost == first.gained - first.lost + second.gained - second.lost


def test_no_change_has_an_uncertainty_and_no_trials_have_no_value() -> None:
    same = np.ones(1000, bool)
    assert change(same, same).value == 0
    assert 0 < (change(same, same).error or 0) < 2e-3
    assert (change(same[:0], same[:0]).value, change(same[:0], same[:0]).error) == (None, None)
    with pytest.raises(ValueError, match="same ones"):
        change(same, same[:3])


def test_an_edge_is_right_where_threshold_and_truth_agree() -> None:
    graph = HitGraph(
        np.zeros((2, 3), np.float32), np.array([[0, 0, 0, 0], [1, 1, 1, 1]]), np.array([True, True, False, False])
    )
    assert right_edges(graph, np.array([1.0, -np.inf, 0.5, -np.inf]), 0.5).tolist() == [True, False, True, True]


def test_half_a_track_is_no_double_majority() -> None:
    graph = track_of_four([7, 7, 7, 7])
    assert matched_by_true_edges(graph, np.array([True, True, True])).tolist() == [True]
    assert matched_by_true_edges(graph, np.array([True, True, False])).tolist() == [True]  # three of four hits
    assert matched_by_true_edges(graph, np.array([True, False, True])).tolist() == [False]  # two of four, twice
    assert matched_particles(graph, TrackCandidates(np.array([0, 0, 0, 1]))).tolist() == [True]


def test_truth_is_asked_for() -> None:
    bare = HitGraph(np.zeros((2, 3), np.float32), np.array([[0], [1]]))
    with pytest.raises(ValueError, match="no edge labels"):
        right_edges(bare, np.zeros(1), 0.0)
    with pytest.raises(ValueError, match="no edge labels"):
        matched_by_true_edges(bare, np.ones(1, bool))
