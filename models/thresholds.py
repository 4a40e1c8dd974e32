"""The edge decision `logit > threshold`, and δ*, the threshold that balances both kinds of error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kept_edges(logits: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """(E,) bool: logit > threshold, compared in float64.

    NumPy would round a Python float to float32 beside float32 logits, and so move it onto one of them.
    """
    return np.asarray(logits, np.float64) > threshold


def edge_accuracy(logits: NDArray[np.floating], y: NDArray[np.bool_], threshold: float) -> float:
    """Edges whose decision equals their label / all edges. Raises ValueError without edges."""
    logits, y = checked_edges(logits, y)
    if not len(y):
        raise ValueError("accuracy of 0 edges is not defined; give graphs that have edges")
    return float(np.mean(kept_edges(logits, threshold) == y))


def balanced_threshold(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> float:
    """δ*: the logit at which true edges are kept as often as false ones are dropped, TPR = TNR as nearly as can be.

    TPR = true edges kept / true edges; TNR = false edges dropped / false edges. DeZoort et al., "Charged particle
    tracking via edge-classifying interaction networks" (2021), choose it on validation graphs. Works on scores as on
    logits: a rising function keeps the same edges above δ*.

    Of all thresholds between neighbouring distinct logits the one with the least |TPR − TNR|, the lower (more
    efficient) of two equals; midway between its neighbours in float64, so that no float32 logit lies on it.
    Raises: ValueError when a class is missing or a logit is not finite. O(E log E).
    """
    logits, y = checked_edges(logits, y)
    if not np.isfinite(logits).all():
        raise ValueError("δ* needs finite logits, got an infinite one; clip them before")
    if y.all() or not y.any():
        raise ValueError(
            f"δ* needs true and false edges, got {np.count_nonzero(y)} true of {len(y)}; take more validation graphs"
        )
    values, num_true, num_false = counts_by_value(logits, y)
    if len(values) == 1:
        return float(values[0])
    true_kept, false_dropped = (num_true.sum() - np.cumsum(num_true))[:-1], np.cumsum(num_false)[:-1]
    # TPR − TNR times both class sizes: whole numbers, so that equal ones are equal
    difference = true_kept * num_false.sum() - false_dropped * num_true.sum()
    best = int(np.argmin(np.abs(difference)))
    lower, upper = float(values[best]), float(values[best + 1])
    middle = lower + (upper - lower) / 2
    return middle if middle < upper else lower


def counts_by_value(
    logits: NDArray[np.float64], y: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct logits (V,), rising, and how many true and false edges have each. O(E log E)."""
    values, inverse = np.unique(logits, return_inverse=True)
    num_true = np.bincount(inverse[y], minlength=len(values))
    return values, num_true, np.bincount(inverse, minlength=len(values)) - num_true


def checked_edges(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Logits (E,) as float64 and labels (E,) bool. Raises ValueError for other shapes or types, or a NaN."""
    values, truth = np.asarray(logits).astype(np.float64), np.asarray(y)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"logits {values.shape} and y {truth.shape}, wanted both (E,): one for each edge")
    if truth.dtype != np.bool_:
        raise ValueError(f"y is {truth.dtype}, wanted bool: is the edge true?")
    if np.isnan(values).any():
        raise ValueError(f"logit of edge {int(np.flatnonzero(np.isnan(values))[0])} is not a number")
    return values, truth
