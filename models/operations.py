"""The arithmetic of `Map` steps, each operation said once for every kind of number.

`apply` is written with +, −, ×, `abs()`, multiplication by a power of two and `.sum(axis=-1, keepdims=True)` alone. All
that computes or writes a network understands these: PyTorch tensors (float and Brevitas), the exact integers and
the bounds of `edgetrack.quantize.exact`, alkaid's traced arrays (Verilog), ONNX tensors and C++ expressions. So the
grid of the exact result, its largest magnitude, the golden integers and every exported form follow from the one line
that stands here; an operation that needs more than that needs it of each of those number types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Operation(NamedTuple):
    """What a `Map` does to the rows of its parts."""

    arity: int
    apply: Callable[..., Any]  # (n, width) arrays → (n, width) array
    width: Callable[..., int]  # widths of the parts → width of the result; ValueError where they do not fit


def broadcast(*widths: int) -> int:
    """Equal widths, or one column beside any number. Raises ValueError for others."""
    if len(set(widths) - {1}) > 1:
        raise ValueError(f"widths {list(widths)} do not fit, wanted equal ones, or 1")
    return max(widths)


def one_column(*widths: int) -> int:
    broadcast(*widths)
    return 1


OPERATIONS: dict[str, Operation] = {
    "add": Operation(2, lambda a, b: a + b, broadcast),
    "subtract": Operation(2, lambda a, b: a - b, broadcast),
    "multiply": Operation(2, lambda a, b: a * b, broadcast),
    "dot": Operation(2, lambda a, b: (a * b).sum(axis=-1, keepdims=True), one_column),
    "absolute": Operation(1, abs, broadcast),
    "negate": Operation(1, lambda a: -a, broadcast),
    "l1_distance": Operation(2, lambda a, b: abs(a - b).sum(axis=-1, keepdims=True), one_column),
}


def operation(name: str, operations: Mapping[str, Operation] = OPERATIONS) -> Operation:
    """The operation of that name. Raises ValueError for an unknown one."""
    if name not in operations:
        raise ValueError(f"unknown operation {name!r}, wanted one of {', '.join(operations)}")
    return operations[name]
