from collections.abc import Sequence

import numpy as np
import pytest

from edgetrack.tracks.candidates import TrackCandidates


def test_labels_are_renumbered_by_first_hit() -> None:
    candidates = TrackCandidates.from_labels(np.array([7, 3, -1, 7, 3, 0]))
    assert np.array_equal(candidates.labels, [0, 1, -1, 0, 1, 2])
    assert np.array_equal(candidates.sizes, [2, 2, 1])
    assert len(candidates) == 3


def test_small_candidates_are_dropped_and_the_others_close_ranks() -> None:
    candidates = TrackCandidates.from_labels(np.array([5, 9, 9, 4, 4, 4]), min_hits=2)
    assert np.array_equal(candidates.labels, [-1, 0, 0, 1, 1, 1])


def test_iteration_gives_the_hits_of_each_candidate() -> None:
    candidates = TrackCandidates.from_labels(np.array([1, -1, 0, 1, 0, -1]))
    assert [hits.tolist() for hits in candidates] == [[0, 3], [2, 4]]


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_no_candidate_is_allowed(labels: Sequence[int]) -> None:
    candidates = TrackCandidates.from_labels(np.array(labels, np.int64))
    assert candidates.num_candidates == 0
    assert candidates.num_hits == len(labels)
    assert candidates.sizes.shape == (0,)
    assert list(candidates) == []


@pytest.mark.parametrize("labels", [[1, 0], [0, 2], [1], [-2, 0]])
def test_labels_out_of_order_are_refused(labels: Sequence[int]) -> None:
    with pytest.raises(ValueError, match=r"wanted 0|from_labels"):
        TrackCandidates(np.array(labels))


def test_labels_of_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted \(N,\)"):
        TrackCandidates(np.zeros((2, 2), np.int64))
