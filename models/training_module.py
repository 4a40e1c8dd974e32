"""A network under training as Lightning wants it: steps, batches and optimiser; the objective says the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from edgetrack.models.batches import EpochBatches, generator_at
from edgetrack.models.objective import Objective
from edgetrack.models.sample import Sample
from edgetrack.models.schedule import optimizer_and_scheduler
from edgetrack.models.train_config import TrainConfig

FINGERPRINT_KEY = "edgetrack_fingerprint"


class TrainingModule(LightningModule):
    """Makes the objective's loss of `network` small.

    `fingerprint` names the training (config, samples, first weights); a resume point of another one is refused.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective[Any],
        config: TrainConfig,
        samples: Sequence[Sample],
        teacher: nn.Module | None,
        fingerprint: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.config = config
        self.fingerprint = fingerprint
        self.samples = samples
        self.teacher = [] if teacher is None else [teacher.eval()]  # in a list: no part of this module's state

    def training_step(self, batch: Sample, index: int) -> Tensor:
        step = int(self.trainer.global_step) % len(self.epoch_batches(0))
        generator = generator_at(self.config.seed, self.epoch, step, self.trainer.global_rank)
        objective = self.objective.at(self.epoch)
        if self.teacher:
            return objective.distillation_loss(self.network, self.teacher[0], batch, generator)
        return objective.loss(self.network, batch, generator)

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
                "the run folder holds another training (other objective, config, graphs or first weights); "
                "give a new folder, or empty this one to start again"
            )

    @property
    def epoch(self) -> int:
        """The epoch of the next step. Lightning's own count is one behind while a resumed epoch begins."""
        return int(self.trainer.global_step) // len(self.epoch_batches(0))

    def epoch_batches(self, epoch: int) -> EpochBatches:
        """This device's batches of `epoch`."""
        return EpochBatches(
            self.samples,
            self.config.batch_graphs,
            self.objective.at(epoch).augmented,
            self.config.seed,
            epoch,
            self.trainer.global_rank,
            self.trainer.world_size,
        )


class _EveryEpoch:
    """What Lightning iterates over once an epoch: the batches of the epoch that the training is in."""

    def __init__(self, module: TrainingModule) -> None:
        self.module = module

    def __len__(self) -> int:
        return len(self.module.epoch_batches(0))

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.module.epoch_batches(self.module.epoch))
