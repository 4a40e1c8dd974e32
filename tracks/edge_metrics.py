"""How well scores tell true edges from false ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.area_under_curve import AreaUnderCurve, area_under_curve
from edgetrack.models.thresholds import checked_edges, kept_edges
from edgetrack.tracks.ratio import Ratio


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


def edge_metrics(logits: NDArray[np.floating], y: NDArray[np.bool_], threshold: float) -> EdgeMetrics:
    """Metrics of one sample of edges: of one graph, or of the concatenated arrays of many.

    Args: logits (E,) float, ±inf allowed; y (E,) bool truth; threshold, a logit.
    Raises: ValueError for shapes that differ or a logit that is not a number. O(E log E).
    """
    logits, y = checked_edges(logits, y)
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
