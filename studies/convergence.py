"""How the loss of a training falls, beside what was published."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.history import History
from edgetrack.studies.published_interaction_network import ACCURACIES, EPOCHS, LOSSES

FIGURES = ("train_loss", "validation_loss", "validation_accuracy")
NEAR = 1.1  # a loss is near the least where it is at most so many times as large


def convergence_case(pt_min: float, history: History) -> dict[str, Any]:
    """The course of one training at a pT threshold, in GeV: lists of one number an epoch.

    `train_loss` is the mean over the batches of an epoch, `validation_loss` the mean over all edges at its end,
    `validation_accuracy` that of edges at δ*. `least` is the least validation loss, `converged` the first epoch
    (from 1) from which on it stays within 10 % of that. `published` has `epochs`, `loss` and `accuracy`, None where
    nothing is; `ratios` validation loss / published loss after the published epochs that were reached.
    Raises ValueError for a history without these figures.
    """
    missing = [name for name in FIGURES if name not in history or not len(history[name])]
    if missing:
        raise ValueError(
            f"the history of {pt_min:g} GeV lacks {', '.join(missing)}; give a run folder of `edgetrack train`"
        )
    loss = np.asarray(history["validation_loss"], np.float64)
    case: dict[str, Any] = {"name": f"{pt_min:g} GeV", "pt_min": pt_min, "epochs": len(loss)}
    case |= {name: [float(value) for value in history[name]] for name in FIGURES}
    case |= {"least": float(loss.min()), "converged": _converged(loss)}
    if pt_min not in LOSSES:
        return {**case, "published": None, "ratios": {}}
    ratios = {
        epoch: float(loss[epoch - 1] / known)
        for epoch, known in zip(EPOCHS, LOSSES[pt_min], strict=True)
        if epoch <= len(loss)
    }
    published = {"epochs": list(EPOCHS), "loss": list(LOSSES[pt_min]), "accuracy": list(ACCURACIES[pt_min])}
    return {**case, "published": published, "ratios": ratios}


def _converged(loss: NDArray[np.float64]) -> int:
    far = np.flatnonzero(loss > NEAR * loss.min())
    return int(far[-1]) + 2 if len(far) else 1
