"""Exact arithmetic on a grid: the one place where the integers before a rounding are said.

An `Exact` is integers with the exponent of their grid; its operators find the grid of the result. `Operation.apply`,
the reductions and linear layers below run on it whatever the integers are: NumPy's (the golden model) or alkaid's
traced ones (Verilog). A `Bound` has the largest magnitudes in their place: the same function then gives the largest
integer that can occur, from which follow accumulator widths and the proofs that float32 is exact. On the way to a
result no integer is larger than the bound of the result: magnitudes only grow, and grids only become finer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgetrack.quantize.fixed_point import Format, IntArray

FLOAT32_EXACT = 1 << 24  # every integer up to this magnitude is a float32 number
FLOAT64_EXACT = 1 << 53


@dataclass(frozen=True)
class Exact:
    """(n, width) integers `codes` that stand for multiples of 2^exponent."""

    codes: Any
    exponent: int

    def on(self, exponent: int) -> Any:
        """The integers on a grid at least as fine."""
        return self.codes if exponent == self.exponent else self.codes * (1 << (self.exponent - exponent))

    def __add__(self, other: Exact) -> Self:
        exponent = min(self.exponent, other.exponent)
        return type(self)(self.on(exponent) + other.on(exponent), exponent)

    def __sub__(self, other: Exact) -> Self:
        exponent = min(self.exponent, other.exponent)
        return type(self)(self.on(exponent) - other.on(exponent), exponent)

    def __mul__(self, other: Exact | float) -> Self:
        if isinstance(other, Exact):
            return type(self)(self.codes * other.codes, self.exponent + other.exponent)
        mantissa, exponent = frexp(other)
        if mantissa != 0.5:
            raise ValueError(f"exact arithmetic multiplies by positive powers of two only, got {other}")
        return type(self)(self.codes, self.exponent + exponent - 1)

    def __neg__(self) -> Self:
        return type(self)(-self.codes, self.exponent)

    def __abs__(self) -> Self:
        return type(self)(abs(self.codes), self.exponent)

    def sum(self, axis: int = -1, keepdims: bool = True) -> Self:
        return type(self)(self.codes.sum(axis=axis, keepdims=keepdims), self.exponent)

    def linear(self, weight: IntArray, bias: IntArray, exponent: int) -> Self:
        """`weight` (fan_out, fan_in) on the grid 2^exponent times the rows, plus `bias` on the grid of the product."""
        return type(self)(self.codes @ weight.T + bias, self.exponent + exponent)


@dataclass(frozen=True)
class Bound(Exact):
    """The largest magnitudes (1, width) of what stands at an `Exact`'s place, as Python integers of any size."""

    @staticmethod
    def of(columns: Sequence[Format]) -> Bound:
        """Of a value whose columns have these formats."""
        exponent = min(fmt.exponent for fmt in columns)
        return Bound(
            np.array([[fmt.magnitude << (fmt.exponent - exponent) for fmt in columns]], dtype=object), exponent
        )

    @property
    def largest(self) -> int:
        return int(self.codes.max())

    def __sub__(self, other: Exact) -> Self:
        return self + other

    def __neg__(self) -> Self:
        return self

    def linear(self, weight: IntArray, bias: IntArray, exponent: int) -> Self:
        magnitudes = self.codes @ np.abs(weight).T.astype(object) + np.abs(bias).astype(object)
        return type(self)(magnitudes, self.exponent + exponent)

    def summed(self, count: int) -> Bound:
        """Of a sum over up to `count` elements."""
        return Bound(self.codes * max(count, 1), self.exponent)

    def averaged(self, count: int, reciprocal_bits: int) -> Bound:
        """Of a mean over up to `count` elements: a code of the reciprocal is at most 2^bits / degree + 1/2."""
        return Bound(self.codes * ((1 << reciprocal_bits) + (count + 1) // 2), self.exponent - reciprocal_bits)


def scattered_sum(value: Exact, index: NDArray[np.int64], count: int) -> Exact:
    """(E, width) summed into (count, width) by `index` (E,). O(E × width)."""
    out = np.zeros((count, value.codes.shape[1]), np.int64)
    np.add.at(out, index, value.codes)
    return Exact(out, value.exponent)


def scattered_mean(value: Exact, index: NDArray[np.int64], count: int, reciprocal_bits: int) -> Exact:
    """As `scattered_sum`, times the reciprocal of the number of elements at each."""
    total = scattered_sum(value, index, count)
    degrees = np.bincount(index, minlength=count)
    return Exact(total.codes * reciprocals(degrees, reciprocal_bits)[:, None], total.exponent - reciprocal_bits)


def scattered_max(codes: IntArray, index: NDArray[np.int64], count: int) -> IntArray:
    """(E, width) → (count, width): the largest by `index` (E,), zero for an index that does not occur."""
    out = np.full((count, codes.shape[1]), np.iinfo(np.int64).min)
    np.maximum.at(out, index, codes)
    out[np.bincount(index, minlength=count) == 0] = 0
    return out


RECIPROCAL_PRECISION = 10  # bits of the reciprocal of the largest degree


def reciprocal_bits(max_degree: int) -> int:
    """Fractional bits of the reciprocals of 1 … max_degree: the relative error of each is at most 2^-11.

    A reciprocal is rounded to a multiple of 2^-bits, so its error is at most 2^-(bits + 1); relative to 1 / degree that
    is degree / 2^(bits + 1) ≤ 2^-(RECIPROCAL_PRECISION + 1).
    """
    return (max(max_degree, 1) - 1).bit_length() + RECIPROCAL_PRECISION


def reciprocals(degrees: NDArray[np.int64], bits: int) -> IntArray:
    """round_half_even(2^bits / degree), and 0 for an element without any. Exact up to 40 bits.

    The float64 quotient lies on the right side of every tie: 2^bits / degree that is not a tie is at least
    1 / (2 degree) away from one, more than its rounding error 2^(bits − 53) / degree.
    """
    return np.where(degrees > 0, np.rint(2.0**bits / np.maximum(degrees, 1)), 0).astype(np.int64)
