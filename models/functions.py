"""The functions that `Table` steps stand for: of one real number, defined for every number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _if_positive(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`function` of positive numbers, 0 elsewhere: the reciprocal of an empty sum."""

    def guarded(x: Tensor) -> Tensor:
        positive = x > 0
        return torch.where(positive, function(torch.where(positive, x, 1.0)), 0.0)

    return guarded


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": torch.nn.functional.silu,
    "sigmoid": torch.sigmoid,
    "exponential": torch.exp,
    "reciprocal": _if_positive(torch.reciprocal),
    "reciprocal_square_root": _if_positive(torch.rsqrt),
    "square_root": _if_positive(torch.sqrt),
}


def function(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name, elementwise. Raises ValueError for an unknown one."""
    if name not in FUNCTIONS:
        raise ValueError(f"unknown function {name!r}, wanted one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name]
