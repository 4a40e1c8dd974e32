"""How a value lies in memory: planes of four columns of a byte each, or of one column of 32 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.quantize.fixed_point import Format

BYTES = 4  # columns of a plane


@dataclass(frozen=True)
class Plane:
    """Columns `first` … `first + count − 1` of a value, in one format.

    `narrow`: a byte each, code + `zero`, so that none is negative; else the code itself in 32 bits.
    """

    first: int
    count: int
    fmt: Format

    @property
    def narrow(self) -> bool:
        return self.fmt.bits <= 8

    @property
    def zero(self) -> int:
        return zero_of(self.fmt)

    def moved(self, columns: int) -> Plane:
        """The same as part of a value that begins so many columns before."""
        return Plane(self.first + columns, self.count, self.fmt)


def zero_of(fmt: Format) -> int:
    """The byte that stands for code 0: even, so that ties go the same way with it."""
    return 1 << (fmt.bits - 1) if fmt.signed and fmt.bits <= 8 else 0


def planes_of(width: int, fmt: Format) -> tuple[Plane, ...]:
    """Planes of a value of one format."""
    step = BYTES if fmt.bits <= 8 else 1
    return tuple(Plane(first, min(step, width - first), fmt) for first in range(0, width, step))


def joined(parts: Sequence[tuple[int, tuple[Plane, ...]]]) -> tuple[Plane, ...]:
    """Planes of values (their width, their planes) side by side."""
    planes: list[Plane] = []
    offset = 0
    for width, part in parts:
        planes += [plane.moved(offset) for plane in part]
        offset += width
    return tuple(planes)
