"""Which weights a training makes exactly 0: the smallest of each layer, ever more of them from epoch to epoch.

Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression" (2017).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol, runtime_checkable

import torch
from pydantic import ConfigDict
from torch import Tensor, nn


@dataclass(frozen=True)
class PruningConfig:
    """How many weights of each layer are pruned, and in which part of the training.

    `sparsity` is the fraction of each weight matrix that ends at 0, whichever entries are smallest; `overrides` gives
    it by MLP ("phi_r1") or layer ("phi_r1.0", which beats its MLP's). It grows from the fraction `begin` of all epochs
    on, and is whole at `end`: what follows trains the weights that are left. Biases stay.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    sparsity: float = 0.5
    begin: float = 0.0
    end: float = 0.6
    overrides: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("sparsity", self.sparsity), *self.overrides.items()):
            if not 0.0 <= value < 1.0:
                raise ValueError(
                    f"pruning: sparsity of {name!r} is {value}, wanted a fraction of the weights in [0, 1)"
                )
        if not 0.0 <= self.begin < self.end <= 1.0:
            raise ValueError(
                f"pruning: begin {self.begin} and end {self.end}, wanted fractions of all epochs, 0 ≤ begin < end ≤ 1"
            )

    def whole_from(self, epochs: int) -> int:
        """The first epoch (from 0) of `epochs` whose weights have the whole sparsity; there always is one."""
        return max(ceil(self.end * epochs) - 1, self._first(epochs))

    def share(self, epoch: int, epochs: int) -> float:
        """Sparsity in `epoch` (from 0) as a fraction of the final one: equation 1 with initial sparsity 0,
        1 − (1 − u)³, where u goes from 0 before the first epoch of pruning to 1 in the last.
        """
        first = self._first(epochs)
        passed = (epoch - first + 1) / (self.whole_from(epochs) - first + 1)
        return 1.0 - (1.0 - min(max(passed, 0.0), 1.0)) ** 3

    def of(self, names: Mapping[str, object]) -> dict[str, float]:
        """Final sparsity of each layer of `names`. Raises ValueError for an override of none of them."""
        mlps = {name.rpartition(".")[0] for name in names}
        for name in self.overrides:
            if name not in names and name not in mlps:
                known = sorted({*names, *mlps} - {""})
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
                raise ValueError(f"pruning: no weights {name!r}; did you mean {''.join(near)!r}? Known: {known}")
        return {
            name: self.overrides.get(name, self.overrides.get(name.rpartition(".")[0], self.sparsity)) for name in names
        }

    def _first(self, epochs: int) -> int:
        return min(int(self.begin * epochs), epochs - 1)


@runtime_checkable
class NamedWeights(Protocol):
    """A network that names its weight matrices; those of others go by the names of PyTorch."""

    def weight_matrices(self) -> dict[str, nn.Parameter]:
        """Matrices (outputs, inputs) by MLP and layer ("phi_r1.0"), each once."""
        ...


def weight_matrices(network: nn.Module) -> dict[str, nn.Parameter]:
    """What pruning chooses from, each once: the network's own names, or every learning parameter of two dimensions."""
    if isinstance(network, NamedWeights):
        return network.weight_matrices()
    return {
        name.removesuffix(".weight"): value
        for name, value in network.named_parameters()
        if value.ndim == 2 and value.requires_grad
    }


def kept(weight: Tensor, before: Tensor, sparsity: float) -> Tensor:
    """Which entries of a matrix stay, bool as `weight`: all but the round(`sparsity` × entries) smallest.

    Of those that went before (False in `before`) none comes back. Equal magnitudes go in the order of the matrix.
    """
    count = max(round(sparsity * weight.numel()), int((~before).sum()))
    magnitude = torch.where(before, weight.detach().abs(), -1.0).flatten()
    mask = torch.ones_like(before).flatten()
    mask[magnitude.argsort(stable=True)[:count]] = False
    return mask.reshape(weight.shape)
