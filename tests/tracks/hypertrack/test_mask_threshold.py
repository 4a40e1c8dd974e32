"""Thresholds of masks against a plain search."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.models.micrographs import Micrographs
from edgetrack.tracks.hypertrack.mask_threshold import MaskThreshold, chosen_tokens, fisher_thresholds


def micrographs_of(sizes: list[int]) -> Micrographs:
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Micrographs(np.arange(offsets[-1]), offsets, offsets[:-1, None])


def plain_fisher(scores: list[float], low: float, high: float, default: float) -> float:
    values = sorted(set(scores))
    best, threshold = -1.0, default
    for a, b in pairwise(values):
        under, over = [s for s in scores if s <= a], [s for s in scores if s > a]
        gap = sum(under) / len(under) - sum(over) / len(over)
        if low <= (a + b) / 2 <= high and len(under) * len(over) * gap**2 > best + 1e-12:
            best, threshold = len(under) * len(over) * gap**2, (a + b) / 2
    return threshold


@given(st.lists(st.lists(st.integers(1, 63), min_size=1, max_size=9), max_size=6))
def test_fisher_thresholds_equal_a_plain_search_in_each_micrograph(codes: list[list[int]]) -> None:
    scores = [[code / 64 for code in part] for part in codes]
    config = MaskThreshold("fisher", low=0.2, high=0.8)
    flat = np.array([s for part in scores for s in part])
    found = fisher_thresholds(micrographs_of([len(part) for part in scores]), flat, config)
    wanted = [plain_fisher(part, 0.2, 0.8, 0.5) for part in scores]
    for part, here, there in zip(scores, found, wanted, strict=True):
        assert here == there or equally_good(part, float(here), there)


def equally_good(scores: list[float], one: float, other: float) -> bool:
    def criterion(threshold: float) -> float:
        under, over = [s for s in scores if s <= threshold], [s for s in scores if s > threshold]
        return len(under) * len(over) * (sum(under) / len(under) - sum(over) / len(over)) ** 2

    return abs(criterion(one) - criterion(other)) < 1e-9


def test_a_fixed_threshold_is_compared_with_the_score() -> None:
    masks = np.array([0.0, 1e-9, -1e-9, np.inf, -np.inf, 1.0])
    assert chosen_tokens(micrographs_of([6]), masks).tolist() == [False, True, False, True, False, True]
    strict = MaskThreshold(score=0.6)
    assert chosen_tokens(micrographs_of([6]), masks, strict).tolist() == [False, False, False, True, False, True]


def test_each_micrograph_has_a_threshold_of_its_own() -> None:
    scores = np.array([0.9, 0.55, 0.35, 0.6, 0.42, 0.2, 0.7])
    config = MaskThreshold("fisher")
    sizes = micrographs_of([3, 3, 1])
    assert fisher_thresholds(sizes, scores, config) == pytest.approx([0.45, 0.51, 0.5])
    chosen = chosen_tokens(sizes, np.log(scores / (1 - scores)), config)
    assert chosen.tolist() == [True, True, False, True, False, False, True]


@pytest.mark.parametrize("wrong", [{"method": "otsu"}, {"score": 1.0}, {"low": 0.7}, {"high": 1.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        MaskThreshold(**wrong)  # type: ignore[arg-type]
