"""The course of a training: which epoch is near the least loss, and ratios to what was published."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.studies.convergence import convergence_case
from edgetrack.studies.published_interaction_network import ACCURACIES, EPOCHS, LOSSES


def history(loss: list[float]) -> dict[str, NDArray[np.float64]]:
    values = np.array(loss)
    return {"train_loss": values + 0.5, "validation_loss": values, "validation_accuracy": 1 - values}


def test_a_training_has_converged_where_its_loss_stays_near_the_least() -> None:
    case = convergence_case(2.0, history([0.5, 0.104, 0.2, 0.11, 0.1, 0.105]))
    assert (case["least"], case["converged"], case["epochs"]) == (0.1, 4, 6)
    assert convergence_case(2.0, history([0.3, 0.2, 0.1]))["converged"] == 3
    assert convergence_case(2.0, history([0.1]))["converged"] == 1
    assert case["train_loss"][1] == 0.604


def test_ratios_are_those_of_the_published_epochs_that_were_reached() -> None:
    case = convergence_case(1.5, history([0.0482, 0.0189, 0.0, 0.0, 0.0, 0.0]))
    assert list(case["ratios"]) == [1, 2, 3, 4, 5, 6]
    assert case["ratios"][1] == pytest.approx(2.0)
    assert case["ratios"][2] == pytest.approx(1.0)
    assert convergence_case(0.7, history([0.1]))["published"] is None


def test_published_losses_fall_and_have_one_number_an_epoch() -> None:
    for losses, accuracies in zip(LOSSES.values(), ACCURACIES.values(), strict=True):
        assert len(losses) == len(accuracies) == len(EPOCHS)
        assert losses[-1] < 0.4 * losses[0]
        assert accuracies[-1] > accuracies[0]


def test_a_history_of_another_objective_is_refused() -> None:
    with pytest.raises(ValueError, match="1 GeV lacks validation_loss, validation_accuracy"):
        convergence_case(1.0, {"train_loss": np.array([1.0])})
