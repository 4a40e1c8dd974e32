"""An edge classifier under training: its loss, its batches and its optimiser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.models.batches import Batch, EpochBatches
from edgetrack.models.schedule import optimizer_and_scheduler
from edgetrack.models.train_config import TrainConfig

FINGERPRINT_KEY = "edgetrack_fingerprint"


class EdgeClassifier(LightningModule):
    """Binary cross-entropy of the logits of `network(rows)` against labels and teacher.

    `fingerprint` names the training (config, graphs, first weights); a resume point of another one is refused.
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        train: Sequence[Batch],
        teacher: nn.Module | None,
        fingerprint: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.fingerprint = fingerprint
        self.train_batches = list(train)
        self.teacher = [] if teacher is None else [teacher.eval()]  # in a list: no part of this module's state

    def training_step(self, batch: Batch, index: int) -> Tensor:
        return self._loss(batch)

    def on_train_epoch_start(self) -> None:
        # Modules that draw random numbers (dropout) then draw the same ones after a resume.
        torch.manual_seed(hash((self.config.seed, self.epoch)) % 2**63)
        for teacher in self.teacher:
            teacher.to(self.device)

    def train_dataloader(self) -> _EveryEpoch:
        return _EveryEpoch(self)

    def configure_optimizers(self) -> Any:
        steps = len(self.epoch_batches(0))
        optimizer, scheduler = optimizer_and_scheduler(
            self.network.parameters(), self.config.schedule, steps, self.config.epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[FINGERPRINT_KEY] = self.fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint.get(FINGERPRINT_KEY) != self.fingerprint:
            raise ValueError(
                "the run folder holds another training (other config, graphs or first weights); "
                "give a new folder, or empty this one to start again"
            )

    @property
    def epoch(self) -> int:
        """The epoch of the next step. Lightning's own count is one behind while a resumed epoch begins."""
        return int(self.trainer.global_step) // len(self.epoch_batches(0))

    def epoch_batches(self, epoch: int) -> EpochBatches:
        """This device's batches of `epoch`."""
        return EpochBatches(
            self.train_batches,
            self.config.batch_graphs,
            self.config.augmentation,
            self.config.seed,
            epoch,
            self.trainer.global_rank,
            self.trainer.world_size,
        )

    def _loss(self, batch: Batch) -> Tensor:
        logits = self.network(batch.rows)
        loss = binary_cross_entropy_with_logits(logits, batch.y)
        for teacher in self.teacher:
            with torch.no_grad():
                scores = torch.sigmoid(teacher(batch.rows))
            soft = binary_cross_entropy_with_logits(logits, scores)
            loss = torch.lerp(loss, soft, self.config.distillation)
        return loss


class _EveryEpoch:
    """What Lightning iterates over once an epoch: the batches of the epoch that the classifier is in."""

    def __init__(self, classifier: EdgeClassifier) -> None:
        self.classifier = classifier

    def __len__(self) -> int:
        return len(self.classifier.epoch_batches(0))

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.classifier.epoch_batches(self.classifier.epoch))
