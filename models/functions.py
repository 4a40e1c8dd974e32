"""The functions that `Table` steps stand for: of one real number, defined for every number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SMALLEST = 2.0**-24  # what reciprocals take instead of zero and negative numbers

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": torch.nn.functional.silu,
    "sigmoid": torch.sigmoid,
    "exponential": torch.exp,
    "reciprocal": lambda x: x.clamp(min=SMALLEST).reciprocal(),
    "reciprocal_square_root": lambda x: x.clamp(min=SMALLEST).rsqrt(),
    "square_root": lambda x: x.clamp(min=0.0).sqrt(),
}


def function(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name, elementwise. Raises ValueError for an unknown one."""
    if name not in FUNCTIONS:
        raise ValueError(f"unknown function {name!r}, wanted one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name]
