"""Linear layers with batch norm and SiLU, as HyperTrack's MLPs are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


class Dense(nn.Module):
    """SiLU(BatchNorm(W x + b)).

    The norm stands before the activation, where it folds into W and b for inference and for hardware; the published
    code has it behind, where the last one of an MLP cannot be folded. As many parameters.
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, units)
        self.norm = nn.BatchNorm1d(units)
        nn.init.xavier_normal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.activated(self.linear(x))

    def activated(self, before: Tensor) -> Tensor:
        """What follows the linear layer: (rows, units) → (rows, units)."""
        normed = before if self.training and len(before) < 2 else self.norm(before)  # no variance of one row
        return silu(normed)

    @torch.no_grad()
    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one linear layer that this is in evaluation mode, before SiLU."""
        factor = self.norm.weight / torch.sqrt(_buffer(self.norm.running_var) + self.norm.eps)
        bias = (self.linear.bias - _buffer(self.norm.running_mean)) * factor + self.norm.bias
        return self.linear.weight * factor[:, None], bias


def dense(width: int, units: Sequence[int]) -> nn.Sequential:
    """One `Dense` behind the other."""
    return nn.Sequential(*(Dense(*pair) for pair in zip((width, *units), units, strict=False)))


def _buffer(value: Tensor | None) -> Tensor:
    assert value is not None
    return value
