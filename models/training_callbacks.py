"""What happens after every epoch: validation, and a line for the person who waits."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from edgetrack.models.batches import generator_at
from edgetrack.models.objective import Objective
from edgetrack.models.sample import Sample

OWN_FIGURES = ("epoch", "train_loss", "learning_rate")  # of every record, whatever the objective


class EpochRecord(Callback):
    """Validation: one record of history an epoch, one point a curve in TensorBoard, and the best weights.

    Stands before the callbacks that read and save what it records. Every device computes all of it. No epoch before
    `best_from` can be the best one: its network is not the one that is trained for.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective[Any],
        validation: Sequence[Sample],
        seed: int,
        best_from: int = 0,
    ) -> None:
        self.network = network
        self.objective = objective
        self.validation = validation
        self.seed = seed
        self.best_from = best_from
        self.history: list[dict[str, float]] = []
        self.best: float | None = None
        self.best_state: dict[str, Tensor] = {}
        self.losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Sample, batch_idx: int
    ) -> None:
        self.losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        figures = self.figures(module.device)
        wild = [name for name, value in figures.items() if not math.isfinite(value)]
        if wild:
            raise ValueError(
                f"training diverged in epoch {trainer.current_epoch}: {wild[0]} is no longer finite; "
                "lower the learning rate, or set gradient_clip"
            )
        record = {
            "epoch": float(trainer.current_epoch),
            "train_loss": float(torch.stack(self.losses).mean()),
            **figures,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
        }
        self.losses.clear()
        self.history.append(record)
        for logger in trainer.loggers:
            logger.log_metrics(record, step=trainer.current_epoch)
        if trainer.current_epoch >= self.best_from and self._is_best(figures[self.objective.decides]):
            self.best = figures[self.objective.decides]
            self.best_state = cpu_state(self.network)

    def figures(self, device: torch.device | str) -> dict[str, float]:
        """What the objective measures of the network as it is now. Raises ValueError for names that cannot be."""
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.no_grad():
                samples = (sample.to(device) for sample in self.validation)
                figures = dict(self.objective.validate(self.network, samples, generator_at(self.seed)))
        finally:
            self.network.train(was_training)
        taken = [name for name in OWN_FIGURES if name in figures]
        if taken or self.objective.decides not in figures:
            raise ValueError(
                f"{type(self.objective).__name__} measures {sorted(figures)}: wanted {self.objective.decides!r}, which "
                f"decides, and none of {', '.join(OWN_FIGURES)}"
            )
        return figures

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "best": self.best, "best_state": self.best_state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.best, self.best_state = list(state["history"]), state["best"], state["best_state"]

    def _is_best(self, figure: float) -> bool:
        if self.best is None:
            return True
        return figure < self.best if self.objective.better == "lower" else figure > self.best


class EpochProgress(Callback):
    """A progress bar over epochs on a terminal; ten lines in all elsewhere."""

    def __init__(self, label: str, record: EpochRecord) -> None:
        self.label = label
        self.record = record
        self.console = Console(file=sys.stderr)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero and self.console.is_terminal:
            self.progress.start()
            self.progress.add_task(self.label, total=trainer.max_epochs, completed=trainer.current_epoch, note="")

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 0
        note = describe(self.record.history[-1])
        if self.console.is_terminal:
            self.progress.update(self.progress.task_ids[0], completed=done, note=note)
        elif done % max(total // 10, 1) == 0 or done == total:
            self.console.print(f"{self.label} {done}/{total} {note}", highlight=False, soft_wrap=True)

    def teardown(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if self.progress.live.is_started:
            self.progress.stop()


def describe(record: Mapping[str, float]) -> str:
    """One epoch of the history as a few words."""
    figures = {name: value for name, value in record.items() if name not in OWN_FIGURES}
    words = [
        f"{name.replace('_', ' ')} {value:.5g}" for name, value in {"loss": record["train_loss"], **figures}.items()
    ]
    return ", ".join(words)


def cpu_state(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the network's weights on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
