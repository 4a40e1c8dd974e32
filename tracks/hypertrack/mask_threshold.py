"""Which hits of a micrograph a mask chooses: a score above a threshold, fixed or found in the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from edgetrack.events.compiled import compiled
from edgetrack.models.micrographs import Micrographs


@dataclass(frozen=True)
class MaskThreshold:
    """`fixed`: scores above `score`. `fisher`: the threshold of each micrograph that parts its scores best.

    Fisher's (Otsu's) criterion: the largest variance between the two sides, n0 n1 (m0 − m1)². Only thresholds from
    `low` to `high` are looked at, between neighbouring scores; where there is none, `score` decides.
    """

    method: Literal["fixed", "fisher"] = "fixed"
    score: float = 0.5
    low: float = 0.4
    high: float = 0.6

    def __post_init__(self) -> None:
        if self.method not in ("fixed", "fisher"):
            raise ValueError(f"method = {self.method!r}, wanted 'fixed' or 'fisher'")
        if not 0 < self.low <= self.score <= self.high < 1:
            raise ValueError(
                f"low {self.low}, score {self.score}, high {self.high}: wanted rising ones between 0 and 1"
            )


def chosen_tokens(
    micrographs: Micrographs, masks: NDArray[np.floating], config: MaskThreshold | None = None
) -> NDArray[np.bool_]:
    """(T,) bool: the token belongs to the track of its pivots. Args: masks (T,) logits, ±inf allowed. O(T log T)."""
    config = config or MaskThreshold()
    values = np.asarray(masks, np.float64)
    if config.method == "fixed":
        return np.asarray(values > np.log(config.score / (1 - config.score)))
    scores = expit(values)
    return np.asarray(scores > fisher_thresholds(micrographs, scores, config)[micrographs.owner])


def fisher_thresholds(
    micrographs: Micrographs, scores: NDArray[np.float64], config: MaskThreshold
) -> NDArray[np.float64]:
    """(B,) the threshold of each micrograph; of equally good ones the lowest. Args: scores (T,) from 0 to 1."""
    order = np.lexsort((scores, micrographs.owner))
    return _fisher_thresholds(scores[order], micrographs.offsets, config.low, config.high, config.score)


@compiled()
def _fisher_thresholds(
    scores: NDArray[np.float64], offsets: NDArray[np.int64], low: float, high: float, default: float
) -> NDArray[np.float64]:
    """The same of scores that rise within each micrograph."""
    out = np.full(len(offsets) - 1, default)
    for b in range(len(out)):
        total, size, best = scores[offsets[b] : offsets[b + 1]].sum(), offsets[b + 1] - offsets[b], -1.0
        below, reached = 0.0, 0
        for token in range(offsets[b], offsets[b + 1] - 1):
            below, reached = below + scores[token], reached + 1
            threshold = (scores[token] + scores[token + 1]) / 2
            if scores[token] == scores[token + 1] or not low <= threshold <= high:
                continue
            gap = below / reached - (total - below) / (size - reached)
            criterion = reached * (size - reached) * gap * gap
            if criterion > best:
                best, out[b] = criterion, threshold
    return out
