"""The edge decision, its accuracy and δ*, on hand-made edges, ties and neighbouring float32 logits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.models.thresholds import balanced_threshold, edge_accuracy, kept_edges
from edgetrack.tracks.edge_metrics import edge_metrics

LOGITS = np.array([3.0, 2.0, 1.0, -1.0, 2.0, -1.0, -2.0, -3.0, -4.0, -0.5])
TRUTH = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)

tied_edges = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda edges: len({truth for _, truth in edges}) == 2
)


def test_an_edge_on_the_threshold_is_dropped() -> None:
    assert np.array_equal(kept_edges(np.array([1.0, 1.5]), 1.0), [False, True])


def test_separable_classes_are_parted_in_the_middle() -> None:
    logits, y = np.array([4.0, 2.0, -1.0, -5.0]), np.array([True, True, False, False])
    assert balanced_threshold(logits, y) == 0.5
    assert edge_accuracy(logits, y, 0.5) == 4 / 4


def test_threshold_balances_both_rates() -> None:
    # Above 0.25: TPR 3/4, TNR 5/6; above −0.75: TPR 3/4, TNR 4/6, as far apart and lower
    assert balanced_threshold(LOGITS, TRUTH) == -0.75
    assert balanced_threshold(LOGITS[:-1], TRUTH[:-1]) == 0.0  # TPR 3/4, TNR 4/5 above
    assert edge_accuracy(LOGITS, TRUTH, -0.75) == 7 / 10


@given(tied_edges)
def test_of_all_thresholds_the_lowest_of_the_best_balanced_is_taken(edges: list[tuple[int, bool]]) -> None:
    logits, y = np.array([logit for logit, _ in edges], np.float32), np.array([truth for _, truth in edges])

    def imbalance(threshold: float) -> Fraction:
        kept = logits > threshold
        rate = Fraction(int(kept[y].sum()), int(y.sum())) - Fraction(int((~kept)[~y].sum()), int((~y).sum()))
        return abs(rate)

    found, values = balanced_threshold(logits, y), np.unique(logits).astype(float)
    middles = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    assert found == min(middles, key=lambda threshold: (imbalance(threshold), threshold))
    assert edge_accuracy(logits, y, found) == edge_metrics(logits, y, found).accuracy.value


def test_threshold_is_the_same_for_scores_and_logits_up_to_the_middle() -> None:
    scores = 1 / (1 + np.exp(-LOGITS))
    of_scores, of_logits = balanced_threshold(scores, TRUTH), balanced_threshold(LOGITS, TRUTH)
    assert np.array_equal(kept_edges(scores, of_scores), kept_edges(LOGITS, of_logits))


def neighbours() -> list[NDArray[np.floating]]:
    """Pairs of logits with no other of their type between them; at 8 and −1 the middle rounds to the upper one."""
    doubles = np.array([1.0, np.nextafter(1.0, 2.0)])
    lower = np.array([8.0, -1.0, 1.0, np.nextafter(np.float32(1), np.float32(0)), 0.0, -8.0], np.float32)
    return [doubles, *np.stack([lower, np.nextafter(lower, np.float32(np.inf))], axis=1)]


@pytest.mark.parametrize("logits", neighbours(), ids=repr)
def test_neighbouring_floats_are_parted_by_every_count(logits: NDArray[np.floating]) -> None:
    y = np.array([False, True])
    threshold = balanced_threshold(logits, y)
    assert np.array_equal(kept_edges(logits, threshold), y)
    assert edge_accuracy(logits, y, threshold) == edge_metrics(logits, y, threshold).accuracy.value == 1.0


def test_equal_logits_still_give_a_threshold() -> None:
    assert balanced_threshold(np.array([2.0, 2.0]), np.array([True, False])) == 2.0


@pytest.mark.parametrize("y", [np.ones(3, bool), np.zeros(3, bool), np.zeros(0, bool)])
def test_one_kind_of_edges_has_no_balanced_threshold(y: NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match="needs true and false edges"):
        balanced_threshold(np.zeros(len(y)), y)


def test_infinite_logits_have_no_balanced_threshold() -> None:
    with pytest.raises(ValueError, match="finite"):
        balanced_threshold(np.array([np.inf, -np.inf]), np.array([True, False]))


def test_no_edges_have_no_accuracy() -> None:
    with pytest.raises(ValueError, match="0 edges"):
        edge_accuracy(np.zeros(0), np.zeros(0, bool), 0.0)
