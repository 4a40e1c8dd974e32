"""How well scores tell true edges from false ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.tracks.ratio import Ratio


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


@dataclass(frozen=True)
class EdgeMetrics:
    """Counts of edges by truth and decision; every fraction is pooled: edges of all graphs weigh the same.

    `a + b` pools two samples. An edge is kept when its logit is above the threshold.
    """

    true_positives: int  # true edges kept
    false_positives: int  # false edges kept
    true_negatives: int  # false edges dropped
    false_negatives: int  # true edges dropped
    auc: AreaUnderCurve | None  # None when one class is missing

    def __add__(self, other: EdgeMetrics) -> EdgeMetrics:
        areas = [auc for auc in (self.auc, other.auc) if auc is not None]
        auc = areas[0] + areas[1] if len(areas) == 2 else next(iter(areas), None)
        return EdgeMetrics(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.true_negatives + other.true_negatives,
            self.false_negatives + other.false_negatives,
            auc,
        )

    @property
    def num_edges(self) -> int:
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def accuracy(self) -> Ratio:
        """Edges decided rightly / all edges."""
        return Ratio(self.true_positives + self.true_negatives, self.num_edges)

    @property
    def efficiency(self) -> Ratio:
        """True edges kept / true edges of the graph (TPR). Edges lost in graph construction are not counted."""
        return Ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def purity(self) -> Ratio:
        """True edges kept / edges kept."""
        return Ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def false_positive_rate(self) -> Ratio:
        """False edges kept / false edges (1 − TNR)."""
        return Ratio(self.false_positives, self.false_positives + self.true_negatives)


def kept_edges(logits: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """(E,) bool: logit > threshold, compared in float64.

    NumPy would round a Python float to float32 beside float32 logits, and so move it onto one of them.
    """
    return np.asarray(logits, np.float64) > threshold


def edge_metrics(logits: NDArray[np.floating], y: NDArray[np.bool_], threshold: float) -> EdgeMetrics:
    """Metrics of one sample of edges: of one graph, or of the concatenated arrays of many.

    Args: logits (E,) float, ±inf allowed; y (E,) bool truth; threshold, a logit.
    Raises: ValueError for shapes that differ or a logit that is not a number. O(E log E).
    """
    logits, y = _checked(logits, y)
    kept = kept_edges(logits, threshold)
    true_positives = int(np.count_nonzero(kept & y))
    false_positives = int(np.count_nonzero(kept)) - true_positives
    num_true = int(np.count_nonzero(y))
    return EdgeMetrics(
        true_positives,
        false_positives,
        len(y) - num_true - false_positives,
        num_true - true_positives,
        area_under_curve(logits, y),
    )


def area_under_curve(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> AreaUnderCurve | None:
    """Exact area, ties included; None when all edges are of one class. O(E log E)."""
    _, num_true, num_false = _counts_by_value(*_checked(logits, y))
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


def threshold_where_tpr_equals_tnr(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> float:
    """δ*: the threshold at which true edges are kept as often as false ones are dropped.

    DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), choose it
    on validation graphs. Works on scores as on logits: a rising function keeps the same edges above δ*.

    Of all thresholds between neighbouring distinct values the one with the least |TPR − TNR|, the lower (more
    efficient) of two equals; midway between its neighbours, so that no edge lies on it.
    Raises: ValueError when a class is missing or a logit is not finite. O(E log E).
    """
    logits, y = _checked(logits, y)
    if not np.isfinite(logits).all():
        raise ValueError("δ* needs finite logits, got an infinite one; clip them before")
    if y.all() or not y.any():
        raise ValueError(
            f"δ* needs true and false edges, got {np.count_nonzero(y)} true of {len(y)}; take more validation graphs"
        )
    values, num_true, num_false = _counts_by_value(logits, y)
    if len(values) == 1:
        return float(values[0])
    true_kept, false_dropped = (num_true.sum() - np.cumsum(num_true))[:-1], np.cumsum(num_false)[:-1]
    # TPR − TNR times both class sizes, so that equality is exact
    difference = true_kept * num_false.sum() - false_dropped * num_true.sum()
    best = int(np.argmin(np.abs(difference)))
    lower, upper = float(values[best]), float(values[best + 1])
    middle = lower + (upper - lower) / 2
    return middle if middle < upper else lower


def _counts_by_value(
    logits: NDArray[np.float64], y: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct logits (V,), rising, and how many true and false edges have each."""
    values, inverse = np.unique(logits, return_inverse=True)
    num_true = np.bincount(inverse[y], minlength=len(values))
    return values, num_true, np.bincount(inverse, minlength=len(values)) - num_true


def _checked(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, truth = np.asarray(logits).astype(np.float64), np.asarray(y)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"logits {values.shape} and y {truth.shape}, wanted both (E,): one for each edge")
    if truth.dtype != np.bool_:
        raise ValueError(f"y is {truth.dtype}, wanted bool: is the edge true?")
    if np.isnan(values).any():
        raise ValueError(f"logit of edge {int(np.flatnonzero(np.isnan(values))[0])} is not a number")
    return values, truth
