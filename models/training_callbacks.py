"""What happens after every epoch: validation, and a line for the person who waits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.models.batches import Batch
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy


class EpochRecord(Callback):
    """Validation: one record of history an epoch, one point a curve in TensorBoard, and the best weights.

    Stands before the other callbacks, which read and save what it records. Every device computes all of it.
    """

    def __init__(self, network: nn.Module, validation: Sequence[Batch]) -> None:
        self.network = network
        self.validation = list(validation)
        self.y = torch.cat([batch.y for batch in validation])
        self.history: list[dict[str, float]] = []
        self.best_loss = float("inf")
        self.best_state: dict[str, Tensor] = {}
        self.losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        logits, truth = self._logits(module.device), self.y.numpy() > 0.5
        if not bool(torch.isfinite(logits).all()):
            raise ValueError(
                f"training diverged in epoch {trainer.current_epoch}: logits are no longer finite; "
                "lower the learning rate, or set gradient_clip"
            )
        threshold = balanced_threshold(logits.numpy(), truth)
        record = {
            "epoch": float(trainer.current_epoch),
            "train_loss": float(torch.stack(self.losses).mean()),
            "validation_loss": float(binary_cross_entropy_with_logits(logits, self.y)),
            "validation_accuracy": edge_accuracy(logits.numpy(), truth, threshold),
            "threshold": threshold,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
        }
        self.losses.clear()
        self.history.append(record)
        for logger in trainer.loggers:
            logger.log_metrics(record, step=trainer.current_epoch)
        if record["validation_loss"] < self.best_loss:
            self.best_loss = record["validation_loss"]
            self.best_state = cpu_state(self.network)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "best_loss": self.best_loss, "best_state": self.best_state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.best_loss = list(state["history"]), state["best_loss"]
        self.best_state = state["best_state"]

    @torch.no_grad()
    def _logits(self, device: torch.device) -> Tensor:
        self.network.eval()
        on_device = (batch.to(device) for batch in self.validation)
        logits = [self.network(batch.rows).float().cpu() for batch in on_device]
        self.network.train()
        return torch.cat(logits)


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


def describe(record: dict[str, Any]) -> str:
    """One epoch of the history as a few words."""
    return (
        f"loss {record['train_loss']:.5f}, validation {record['validation_loss']:.5f}, "
        f"edge accuracy {record['validation_accuracy']:.4f}"
    )


def cpu_state(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the network's weights on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
