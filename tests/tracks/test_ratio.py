import pytest
from scipy.stats import binomtest

from edgetrack.tracks.ratio import CONFIDENCE, Ratio


@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (1, 1), (3, 6), (990, 1000)])
def test_interval_is_clopper_pearson(k: int, n: int) -> None:
    expected = binomtest(k, n).proportion_ci(CONFIDENCE, "exact")
    assert Ratio(k, n).interval == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert Ratio(k, n).value == k / n
    assert Ratio(k, n).error == pytest.approx((expected.high - expected.low) / 2, abs=1e-9)


def test_nothing_of_nothing_has_no_value() -> None:
    assert Ratio(0, 0).value is None
    assert Ratio(0, 0).interval is None
    assert Ratio(0, 0).error is None


def test_ratios_add_as_one_sample() -> None:
    assert Ratio(1, 2) + Ratio(0, 4) == Ratio(1, 6)


@pytest.mark.parametrize(("k", "n"), [(2, 1), (-1, 3)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="wanted 0 <= numerator"):
        Ratio(k, n)
