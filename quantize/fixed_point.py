"""Fixed-point formats and the one rounding rule of the integer contract.

Every requantisation in every form is `clip(round_half_even(x / 2^shift))`; hardware calls it RND_CONV with SAT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """A fixed-point type: integers `lowest … highest` that stand for multiples of 2^exponent.

    `narrow` leaves out the most negative code, so that the range is symmetric (ap_fixed's SAT_SYM).
    """

    bits: int
    exponent: int
    signed: bool = True
    narrow: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 32:
            raise ValueError(f"a format has 1 to 32 bits, got {self.bits}")
        if self.bits == 1 and self.signed:
            raise ValueError("a signed format needs at least 2 bits, got 1")
        if self.narrow and not self.signed:
            raise ValueError("an unsigned format has no most negative code to leave out: narrow needs signed")

    @property
    def lowest(self) -> int:
        return -(1 << (self.bits - 1)) + int(self.narrow) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << (self.bits - int(self.signed))) - 1

    @property
    def integer_bits(self) -> int:
        """Bits left of the binary point, sign bit included: ap_fixed<bits, integer_bits>."""
        return self.bits + self.exponent

    @property
    def fractional_bits(self) -> int:
        return -self.exponent

    @property
    def step(self) -> float:
        """Value of one LSB, an exact float."""
        return 2.0**self.exponent

    @property
    def magnitude(self) -> int:
        """Largest absolute code."""
        return max(-self.lowest, self.highest)

    def codes(self) -> IntArray:
        """Every code, in order."""
        return np.arange(self.lowest, self.highest + 1, dtype=np.int64)

    def quantize(self, value: ArrayLike) -> IntArray:
        """Codes of real values: clip(round_half_even(value / 2^exponent)), computed in float64.

        Raises ValueError for NaN, which no code stands for.
        """
        scaled = np.asarray(value, np.float64) * 2.0**-self.exponent
        if np.isnan(scaled).any():
            raise ValueError(f"cannot quantise NaN (first at index {np.argwhere(np.isnan(scaled))[0].tolist()})")
        return np.clip(np.rint(scaled), self.lowest, self.highest).astype(np.int64)

    def requantize(self, codes: IntArray, exponent: int) -> IntArray:
        """Codes in this format of integers that stand for multiples of 2^exponent; exact for exponents of any size."""
        shift = self.exponent - exponent
        if shift < 0:  # what saturates anyway is cut first, so that nothing leaves int64
            limit, shift = (4, max(shift, -34)) if shift < -29 else (1 << 33, shift)
            codes = np.clip(codes, -limit, limit)
        return np.clip(shift_round_half_even(codes, shift), self.lowest, self.highest)

    def dequantize(self, codes: IntArray) -> NDArray[np.float64]:
        """Real values of codes; exact."""
        return np.asarray(codes * self.step, np.float64)


def joint_type(formats: Iterable[Format]) -> tuple[int, int, bool]:
    """(bits, exponent, signed) of the narrowest type that holds every value of all `formats` exactly.

    It may be wider than a `Format`.
    """
    formats = tuple(formats)
    exponent = min(fmt.exponent for fmt in formats)
    signed = any(fmt.signed for fmt in formats)
    bits = max(fmt.integer_bits + int(signed and not fmt.signed) for fmt in formats) - exponent
    return bits, exponent, signed


def shift_round_half_even(codes: IntArray, shift: int) -> IntArray:
    """codes / 2^shift, rounded to nearest, ties to even; a negative shift multiplies exactly. int64 in and out."""
    if shift <= 0:
        return codes << -shift
    if shift > 63:  # half of 2^shift is beyond int64
        return np.zeros_like(codes)
    floor = codes >> shift
    remainder = codes - (floor << shift)
    half = np.int64(1) << (shift - 1)
    up: NDArray[np.bool_] = (remainder > half) | ((remainder == half) & ((floor & 1) == 1))
    return floor + up


def signed_bits(magnitude: int) -> int:
    """Bits of the narrowest two's-complement integer that holds −magnitude … magnitude."""
    return max(int(magnitude).bit_length() + 1, 2)
