"""A measured fraction with its binomial uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import beta

CONFIDENCE = 0.6826894921370859  # one standard deviation of a normal distribution, both sides


@dataclass(frozen=True)
class Ratio:
    """`numerator` successes of `denominator` trials; two ratios add to that of both samples together (pooled)."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator:
            raise ValueError(f"ratio {self.numerator} / {self.denominator}, wanted 0 <= numerator <= denominator")

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.numerator + other.numerator, self.denominator + other.denominator)

    @property
    def value(self) -> float | None:
        """numerator / denominator; None without trials."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Clopper–Pearson interval, central, 68.27 %: it covers the true probability at least that often.

        Exact for any counts, 0 and all included. Hits of one event are not quite independent trials, so this is the
        statistical uncertainty of the sample, not of the physics. None without trials.
        """
        if not self.denominator:
            return None
        k, n, tail = self.numerator, self.denominator, (1 - CONFIDENCE) / 2
        low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
        return low, high

    @property
    def error(self) -> float | None:
        """Half the width of `interval`; None without trials."""
        interval = self.interval
        return None if interval is None else (interval[1] - interval[0]) / 2
