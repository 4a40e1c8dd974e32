"""The optimiser and how its learning rate falls."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from edgetrack.models.muon import Muon


@dataclass(frozen=True)
class ScheduleConfig:
    """The optimiser and the course of its learning rate.

    `muon` takes `matrix_learning_rate` for weight matrices, and `learning_rate` for what Adam still does.

    `step` is the decay of DeZoort et al. (2021): × `gamma` after every `step_epochs` epochs. `cosine` falls from the
    peak to zero along half a cosine. `one_cycle` climbs for the fraction `warmup` of all steps first: it takes the
    largest learning rates and ends with the best weights.
    """

    kind: Literal["step", "cosine", "one_cycle"] = "one_cycle"
    learning_rate: float = 5e-3
    optimizer: Literal["adam", "muon"] = "adam"
    matrix_learning_rate: float = 2e-2
    gamma: float = 0.7
    step_epochs: int = 5
    warmup: float = 0.1

    def __post_init__(self) -> None:
        for name in ("learning_rate", "matrix_learning_rate"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted a positive, finite number")
        if not 0.0 <= self.warmup < 1.0:
            raise ValueError(f"warmup is {self.warmup}, wanted a fraction of all steps in [0, 1)")
        if not (0.0 < self.gamma <= 1.0 and self.step_epochs > 0):
            raise ValueError(f"gamma {self.gamma} and step_epochs {self.step_epochs}: wanted (0, 1] and at least 1")


def factor(config: ScheduleConfig, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Learning rate at optimiser step `step` (from 0) as a fraction of the peak."""
    if config.kind == "step":
        return float(config.gamma ** (step // (steps_per_epoch * config.step_epochs)))
    total = max(steps_per_epoch * epochs, 1)
    warmup = round(config.warmup * total) if config.kind == "one_cycle" else 0
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1.0 + math.cos(math.pi * min((step - warmup) / (total - warmup), 1.0)))


def optimizer_and_scheduler(
    parameters: Iterable[nn.Parameter], config: ScheduleConfig, steps_per_epoch: int, epochs: int
) -> tuple[Optimizer, LambdaLR]:
    """The optimiser over `parameters` and the scheduler to be stepped after each of its steps."""
    optimizer: Optimizer
    if config.optimizer == "muon":
        optimizer = Muon(parameters, config.matrix_learning_rate, adam_learning_rate=config.learning_rate)
    else:
        optimizer = Adam(parameters, lr=config.learning_rate)
    return optimizer, LambdaLR(optimizer, lambda step: factor(config, step, steps_per_epoch, epochs))
