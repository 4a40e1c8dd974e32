from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from edgetrack.models.area_under_curve import area_under_curve
from edgetrack.tracks.edge_metrics import edge_metrics
from edgetrack.tracks.ratio import Ratio

LOGITS = np.array([3.0, 2.0, 1.0, -1.0, 2.0, -1.0, -2.0, -3.0, -4.0, 0.5], np.float32)
TRUTH = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)


def test_each_fraction_has_its_own_denominator() -> None:
    metrics = edge_metrics(LOGITS, TRUTH, threshold=0.0)
    assert metrics.accuracy == Ratio(3 + 4, 10)
    assert metrics.efficiency == Ratio(3, 4)
    assert metrics.purity == Ratio(3, 5)
    assert metrics.false_positive_rate == Ratio(2, 6)


def test_area_counts_ties_one_half() -> None:
    # true 3 beats 6 of 6; true 2 beats 5 and ties 1; true 1 beats 5; true −1 beats 3 and ties 1
    auc = edge_metrics(LOGITS, TRUTH, threshold=0.0).auc
    assert auc is not None
    assert auc.value == pytest.approx((6 + 5.5 + 5 + 3.5) / 24)
    assert auc.pairs == 24


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_area_equals_scikit_learn(seed: int, num_values: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.random(60) < 0.4
    y[:2] = True, False
    logits = rng.integers(0, num_values, 60) / 3.0
    area = area_under_curve(logits, y)
    assert area is not None
    assert area.value == pytest.approx(roc_auc_score(y, logits), abs=1e-12)


def test_error_of_area_is_the_spread_of_samples() -> None:
    rng = np.random.default_rng(1)
    areas = []
    for _ in range(400):
        y = np.arange(200) < 80
        areas.append(area_under_curve(rng.normal(size=200) + y, y))
    spread = np.std([area.value for area in areas if area])
    assert np.mean([area.error for area in areas if area]) == pytest.approx(spread, rel=0.1)


def test_pooled_counts_are_those_of_the_concatenated_edges() -> None:
    whole = edge_metrics(LOGITS, TRUTH, 0.0)
    parts = edge_metrics(LOGITS[::2], TRUTH[::2], 0.0) + edge_metrics(LOGITS[1::2], TRUTH[1::2], 0.0)
    assert (parts.accuracy, parts.efficiency, parts.purity) == (whole.accuracy, whole.efficiency, whole.purity)


def test_pooled_area_is_the_mean_over_pairs_of_one_graph() -> None:
    good = edge_metrics(np.array([1.0, 0.0]), np.array([True, False]), 0.5)  # 1 pair, area 1
    bad = edge_metrics(np.array([0.0, 1.0, 1.0]), np.array([True, False, False]), 0.5)  # 2 pairs, area 0
    single = edge_metrics(np.array([0.0]), np.array([True]), 0.5)
    total = (good + bad + single).auc
    assert total is not None
    assert total.value == pytest.approx(1 / 3)
    assert total.pairs == 3


@pytest.mark.parametrize("truth", [True, False])
def test_one_class_alone_has_no_area(truth: list[bool]) -> None:
    y = np.full(3, truth)
    metrics = edge_metrics(np.array([1.0, -1.0, 2.0]), y, 0.0)
    assert metrics.auc is None
    assert metrics.efficiency.value == (2 / 3 if truth else None)
    assert metrics.false_positive_rate.value == (None if truth else 2 / 3)


def test_no_edges_give_no_fraction() -> None:
    metrics = edge_metrics(np.zeros(0), np.zeros(0, bool), 0.0)
    assert metrics.num_edges == 0
    assert metrics.accuracy.value is None
    assert metrics.auc is None


@pytest.mark.parametrize(
    ("logits", "y", "message"),
    [
        ([1.0, np.nan], [True, False], "edge 1 is not a number"),
        ([1.0], [True, False], r"wanted both \(E,\)"),
        ([1.0, 2.0], [1, 0], "wanted bool"),
    ],
)
def test_bad_edges_are_refused(logits: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        edge_metrics(np.array(logits), np.array(y), 0.0)


def test_infinite_logits_count() -> None:
    logits, y = np.array([np.inf, -np.inf]), np.array([True, False])
    assert edge_metrics(logits, y, 0.0).accuracy == Ratio(2, 2)
