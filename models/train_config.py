"""How a network is trained: the settings of `edgetrack.models.training.fit`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from edgetrack.models.pruning import PruningConfig
from edgetrack.models.schedule import LATER, ScheduleConfig

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")  # all keep the whole network on each device


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training.

    `batch_graphs` graphs make a batch. `keep` says which weights count: those of the last epoch, or those of the epoch
    that the objective finds best on the validation graphs. `pruning` makes ever more weights exactly 0; null: none.
    `threads` is the number of PyTorch threads a process: results depend on it, and on nothing else of the machine's
    threading. `accelerator`, `devices` and `strategy` go to Lightning's Trainer (several devices: DDP). So does
    `precision`: mixed ones compute products in 16 bits on devices that can; weights, losses and validation stay in
    float32. Raises ValueError for numbers and names that no machine can serve.
    """

    epochs: int = 100
    batch_graphs: int = 1
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    keep: Literal["best", "last"] = "last"
    gradient_clip: float | None = 1.0
    seed: int = 0
    threads: int = 1
    accelerator: str = "cpu"
    devices: int = 1
    strategy: str = "auto"
    precision: Precision = field(default="32-true", metadata=LATER)
    pruning: PruningConfig | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_graphs", "threads", "devices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        for name, known in (("accelerator", ACCELERATORS), ("strategy", STRATEGIES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, wanted one of {', '.join(known)}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, wanted 0 or more")
        if self.gradient_clip is not None and not 0.0 < self.gradient_clip < math.inf:
            raise ValueError(f"gradient_clip is {self.gradient_clip}, wanted a positive norm, or null for no clipping")
