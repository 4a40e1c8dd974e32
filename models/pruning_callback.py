"""Pruning in the course of a training: masks grow with the epochs, and what they hide is exactly 0 after every step."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from edgetrack.models.pruning import PruningConfig, kept, weight_matrices
from edgetrack.models.training_module import TrainingModule


class MagnitudePruning(Callback):
    """Keeps the pruned weights of `network` at 0, forwards and backwards; its masks are part of the resume point.

    Stands before what validates and saves. Every device makes the same masks of the same weights.
    Raises ValueError for an override of weights that the network lacks.
    """

    def __init__(self, network: nn.Module, config: PruningConfig, epochs: int) -> None:
        self.config = config
        self.epochs = epochs
        self.network = network
        weights = weight_matrices(network)
        self.sparsity = config.of(weights)
        self.masks = {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in weights.items()}

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        share = self.config.share(module.epoch, self.epochs)
        for name, weight in weight_matrices(self.network).items():
            self.masks[name] = kept(weight, self.masks[name].to(weight.device), share * self.sparsity[name])
        self._apply()

    def on_before_optimizer_step(self, trainer: Trainer, module: LightningModule, optimizer: Optimizer) -> None:
        for weight, mask in self._pairs():
            if weight.grad is not None:
                weight.grad.mul_(mask)

    def on_train_batch_end(self, *_: Any) -> None:
        self._apply()  # momentum, weight decay and orthogonal updates move what has no gradient, too

    def state_dict(self) -> dict[str, Any]:
        return {"masks": {name: mask.cpu() for name, mask in self.masks.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.masks = dict(state["masks"])

    @torch.no_grad()
    def _apply(self) -> None:
        for weight, mask in self._pairs():
            weight.masked_fill_(~mask, 0.0)

    def _pairs(self) -> list[tuple[nn.Parameter, Tensor]]:
        weights = weight_matrices(self.network)
        return [(weight, self.masks[name].to(weight.device)) for name, weight in weights.items()]
