"""The optimiser and how its learning rate falls."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from edgetrack.models.muon import Muon

LATER: dict[str, Any] = {"later": True}  # a setting that came later: at its default, trainings are those of before


@dataclass(frozen=True)
class ScheduleConfig:
    """The optimiser and the course of its learning rate.

    `muon` takes `matrix_learning_rate` for weight matrices, and `learning_rate` for what Adam still does. `adamw` takes
    from weight matrices, and from nothing else, the fraction learning rate × `weight_decay` in every step.

    `step` is the decay of DeZoort et al. (2021): × `gamma` after every `step_epochs` epochs. `cosine` falls from the
    peak to `lowest`, a fraction of it, along half a cosine. `one_cycle` climbs for the fraction `warmup` of all steps
    first: it takes the largest learning rates and ends with the best weights. `cosine_restarts` starts the cosine again
    at the peak after `period_epochs` epochs, then after `period_growth` times as many, and so on.
    """

    kind: Literal["step", "cosine", "one_cycle", "cosine_restarts"] = "one_cycle"
    learning_rate: float = 5e-3
    optimizer: Literal["adam", "adamw", "muon"] = "adam"
    matrix_learning_rate: float = 2e-2
    gamma: float = 0.7
    step_epochs: int = 5
    warmup: float = 0.1
    weight_decay: float = field(default=1e-5, metadata=LATER)
    period_epochs: int = field(default=10, metadata=LATER)
    period_growth: int = field(default=1, metadata=LATER)
    lowest: float = field(default=0.0, metadata=LATER)

    def __post_init__(self) -> None:
        for name in ("learning_rate", "matrix_learning_rate"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted a positive, finite number")
        for name in ("warmup", "lowest"):
            if not 0.0 <= getattr(self, name) < 1.0:
                whole = "all steps" if name == "warmup" else "the peak"
                raise ValueError(f"{name} is {getattr(self, name)}, wanted a fraction of {whole} in [0, 1)")
        if not (0.0 < self.gamma <= 1.0 and self.step_epochs > 0):
            raise ValueError(f"gamma {self.gamma} and step_epochs {self.step_epochs}: wanted (0, 1] and at least 1")
        if not 0.0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay}, wanted a finite number of 0 or more")
        for name in ("period_epochs", "period_growth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")


def factor(config: ScheduleConfig, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Learning rate at optimiser step `step` (from 0) as a fraction of the peak."""
    if config.kind == "step":
        return float(config.gamma ** (step // (steps_per_epoch * config.step_epochs)))
    if config.kind == "cosine_restarts":
        return _cosine(config, restarted(step, steps_per_epoch * config.period_epochs, config.period_growth))
    total = max(steps_per_epoch * epochs, 1)
    warmup = round(config.warmup * total) if config.kind == "one_cycle" else 0
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return _cosine(config, min((step - warmup) / (total - warmup), 1.0))


def restarted(step: int, period: int, growth: int) -> float:
    """How far `step` is in its period, in [0, 1): the first has `period` steps, each other one `growth` times as many.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """
    if growth == 1:
        return step % period / period
    while step >= period:
        step, period = step - period, period * growth
    return step / period


def _cosine(config: ScheduleConfig, passed: float) -> float:
    """From 1 down to `lowest` along half a cosine."""
    return config.lowest + (1.0 - config.lowest) * 0.5 * (1.0 + math.cos(math.pi * passed))


def optimizer_and_scheduler(
    parameters: Iterable[nn.Parameter], config: ScheduleConfig, steps_per_epoch: int, epochs: int
) -> tuple[Optimizer, LambdaLR]:
    """The optimiser over `parameters` and the scheduler to be stepped after each of its steps."""
    optimizer: Optimizer
    if config.optimizer == "muon":
        optimizer = Muon(parameters, config.matrix_learning_rate, adam_learning_rate=config.learning_rate)
    elif config.optimizer == "adamw":
        every = list(parameters)
        groups = [
            {"params": [one for one in every if one.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [one for one in every if one.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = AdamW([group for group in groups if group["params"]], lr=config.learning_rate)
    else:
        optimizer = Adam(parameters, lr=config.learning_rate)
    return optimizer, LambdaLR(optimizer, lambda step: factor(config, step, steps_per_epoch, epochs))
