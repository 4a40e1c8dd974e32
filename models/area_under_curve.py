"""Area under the ROC curve of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.thresholds import checked_edges, counts_by_value


@dataclass(frozen=True)
class AreaUnderCurve:
    """Area under the ROC curve: the chance that a true edge scores above a false one, ties counting one half.

    Two add to the mean over both sets of pairs (a true and a false edge of one graph), which is not quite the area of
    the concatenated scores, where pairs run over graphs too; `edge_metrics` of concatenated arrays gives that.
    """

    value: float
    error: float  # one standard deviation, DeLong et al., Biometrics 44 (1988) 837
    pairs: int  # true edges × false edges

    def __add__(self, other: AreaUnderCurve) -> AreaUnderCurve:
        pairs = self.pairs + other.pairs
        mine, others = self.pairs / pairs, other.pairs / pairs
        return AreaUnderCurve(
            mine * self.value + others * other.value, float(np.hypot(mine * self.error, others * other.error)), pairs
        )


def area_under_curve(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> AreaUnderCurve | None:
    """Exact area, ties included; None when all edges are of one class. O(E log E)."""
    _, num_true, num_false = counts_by_value(*checked_edges(logits, y))
    trues, falses = int(num_true.sum()), int(num_false.sum())
    if not trues or not falses:
        return None
    # At each value: the share of false edges that a true edge there outranks, and of true edges that outrank a false.
    below = (np.cumsum(num_false) - 0.5 * num_false) / falses
    above = 1.0 - (np.cumsum(num_true) - 0.5 * num_true) / trues
    area = float(num_true @ below) / trues
    variance = sum(
        float(number @ (share - area) ** 2) / (total - 1) / total
        for number, share, total in ((num_true, below, trues), (num_false, above, falses))
        if total > 1
    )
    return AreaUnderCurve(area, float(np.sqrt(variance)), trues * falses)
