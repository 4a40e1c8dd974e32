"""Exact integer arithmetic on single variables of a graph that alkaid traces.

alkaid 0.8.2 gives other integers in these places, and each is avoided here:

- `quantize` with RND_CONV adds a half, then cuts as many stored bits as there were below the point before. Where every
  value is a tie, or where there is one value only, the sum is stored with fewer: a tie is then rounded up, or the
  number loses a bit. `_rounded` counts the bits after the addition.
- `max_of` and `min_of` take the top bit of a difference for its sign, also where it cannot be negative and the bit is
  one of its magnitude; of a constant difference, a negative power of two counts as positive. `larger` decides these.
- The lowest set bit of a constant is looked for in float32, and of the constant 32 bits are kept; additions in a row
  are joined into one: `raised`.
- Matrices and tables pass through float32: `WIDEST_WEIGHT`, `WIDEST_ENTRY`.
- A product with a matrix gets the offset of constant columns wrong at times, and stops where no column varies, or six
  signed one-bit columns do: `products`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.quantize.fixed_point import IntArray

Variables = NDArray[np.object_]  # of alkaid's FVariable, each an integer

WIDEST_BITS = 48  # of any value: alkaid computes ranges in float64, and its interpreter values in 64-bit integers
WIDEST_WEIGHT = 21  # bits of a matrix entry: alkaid adds up to six of them in float32
WIDEST_ENTRY = 24  # bits of a table entry, an exact float32


def constant(value: float, like: Any) -> Any:
    """A variable that is always `value`, in the graph of the variable `like`."""
    return type(like).from_const(float(value), hwconf=like.hwconf)


def is_constant(variable: Any) -> bool:
    return bool(variable.low == variable.high)


def checked(variable: Any) -> Any:
    """The variable, if alkaid knows it exactly. Raises ValueError otherwise."""
    largest = int(max(-variable.low, variable.high) / variable.step)
    if largest >= 1 << (WIDEST_BITS - 1):
        raise ValueError(
            f"a value of {largest.bit_length() + 1} bits, wanted at most {WIDEST_BITS} for alkaid to stay exact; "
            "requantize it first, or use fewer bits"
        )
    if variable._affine.bias % variable.step:
        raise ValueError(
            f"a constant of {variable._affine.bias:.0f} is added to multiples of more, and alkaid sees 24 bits of it; "
            "use fewer bits, or a bias on a coarser grid"
        )
    return variable


def raised(variable: Any, by: float) -> Any:
    """variable + by, exact. Raises ValueError where the constant has more bits than alkaid keeps."""
    if by == 0 or is_constant(variable):
        return constant(variable.low + by, variable) if by else variable
    if variable.opr == "cadd":  # joined with the constant that was added before
        (parent,) = variable._from
        scale = variable._factor / parent._factor
        return raised(parent, (variable._affine.bias + by) / scale - parent._affine.bias) * scale
    number, divisor = (by / variable._factor).as_integer_ratio()
    fraction = divisor.bit_length() - 1 if divisor > 1 else 1 - (number & -number).bit_length()
    number = int(by / variable._factor * 2.0**fraction)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError(
            f"a constant of {number.bit_length() + 1} bits is added, and alkaid keeps 32; use fewer bits, or a bias on "
            "a coarser grid"
        )
    return checked(
        type(variable)(
            _affine=variable._affine + by,
            _from=(variable,),
            _factor=variable._factor,
            _data=fraction << 32 | (number & 0xFFFFFFFF),
            opr="cadd",
            hwconf=variable.hwconf,
        )
    )


def add(left: Any, right: Any) -> Any:
    if is_constant(left):
        left, right = right, left
    return raised(left, right.low) if is_constant(right) else checked(left + right)


def subtract(left: Any, right: Any) -> Any:
    return add(left, -right)


def multiply(left: Any, right: Any) -> Any:
    return checked(left * right)


def larger(left: Any, right: Any) -> Any:
    if is_constant(left):
        left, right = right, left
    if is_constant(right):
        return at_least(left, right.low)
    difference = subtract(left, right)
    if difference.low >= 0:
        return left
    return right if difference.high <= 0 else left.max_of(right)


def smaller(left: Any, right: Any) -> Any:
    return -larger(-left, -right)


def at_least(variable: Any, bound: float) -> Any:
    if variable.low >= bound:
        return variable
    if variable.high <= bound:
        return constant(bound, variable)
    if bound == 0:
        return variable.relu()
    end = constant(bound, variable)
    reach = (bound, variable.high, min(variable.step, end.step))
    return raised(variable, -bound).msb_mux(end, variable, reach)


def at_most(variable: Any, bound: float) -> Any:
    if variable.high <= bound:
        return variable
    if variable.low >= bound:
        return constant(bound, variable)
    if bound == 0:
        return -(-variable).relu()
    end = constant(bound, variable)
    reach = (variable.low, bound, min(variable.step, end.step))
    return raised(variable, -bound).msb_mux(variable, end, reach)


def absolute(variable: Any) -> Any:
    return -variable if variable.high <= 0 else abs(variable)


def products(row: Variables, matrix: IntArray) -> Variables:
    """(width,) times (width, n) integers → (n,), as shifted additions without a multiplier."""
    from alkaid.trace import FVArray

    if np.abs(matrix).max(initial=0) >= 1 << WIDEST_WEIGHT:
        raise ValueError(f"a weight of {np.abs(matrix).max()}, wanted below 2^{WIDEST_WEIGHT}; use fewer bits")
    varying = np.array([not is_constant(variable) for variable in row])
    live = matrix[varying].any(axis=0)
    offsets = np.array([int(variable._affine.bias) for variable in row], np.int64) @ matrix
    summed = np.array([constant(int(offset), row[0]) for offset in offsets], object)
    if live.any():
        one_bit = any(sum(variable.kif) == 1 and variable.low < 0 for variable in row)
        tables = None if varying.all() and not one_bit else {"binary_lut": False}
        summed[live] = FVArray(row, tables) @ matrix[:, live].astype(np.float64)
    if not varying.all():
        missing = [int(offset) - int(got._affine.bias) for offset, got in zip(offsets, summed, strict=True)]
        summed = np.array([raised(got, offset) for got, offset in zip(summed, missing, strict=True)], object)
    return np.array([checked(variable) for variable in summed], object)


def look_up(variable: Any, contents: IntArray, lowest: int) -> Any:
    """`contents[variable − lowest]`. Raises ValueError where the variable can be outside, or an entry is too wide."""
    low, high, step = int(variable.low), int(variable.high), int(variable.step)
    if low < lowest or high >= lowest + len(contents):
        raise ValueError(
            f"a table for {lowest}…{lowest + len(contents) - 1} is read at {low}…{high}; requantize the value first"
        )
    if np.abs(contents).max() >= 1 << WIDEST_ENTRY:
        raise ValueError(f"a table entry of {np.abs(contents).max()}, wanted below 2^{WIDEST_ENTRY}; use fewer bits")
    if is_constant(variable):
        return constant(int(contents[low - lowest]), variable)
    reached = contents[low - lowest : high - lowest + 1 : step]
    if (reached == reached[0]).all():
        return constant(int(reached[0]), variable)
    return variable.lookup(reached.astype(np.float64))


def requantize(variable: Any, shift: int, lowest: int, highest: int) -> Any:
    """clip(round_half_even(variable / 2^shift), lowest, highest), for any shift."""
    reached = [round(Fraction(int(end)) / Fraction(2) ** shift) for end in (variable.low, variable.high)]
    low, high = (min(max(end, lowest), highest) for end in reached)
    if low == high:
        return constant(low, variable)
    if shift < 0:
        # A shift by more bits than the result has leaves nothing but the sign.
        shift = -min(-shift, max(-lowest, highest).bit_length())
        variable = at_most(at_least(variable, lowest >> -shift), -(-highest >> -shift))
        return at_most(at_least(checked(_scaled(variable, shift)), lowest), highest)
    clipped = at_most(at_least(_scaled(variable, shift), lowest), highest)
    return _rounded(clipped, int(lowest < 0), max(highest, -lowest - 1).bit_length())


def _scaled(variable: Any, shift: int) -> Any:
    return variable * 2.0**-shift  # alkaid moves the point, no logic


def _rounded(variable: Any, signed: int, bits: int) -> Any:
    """The nearest integer, ties to even, of what is in a range of `bits` beside the sign already."""
    if variable.kif[2] <= 0:
        return variable
    half_up = raised(variable, 0.5)
    below = half_up.kif[2]
    if below <= 0:  # every value was a tie
        return half_up.quantize(signed, bits, -1)
    floor = half_up.quantize(signed, bits, 0)
    if is_constant(floor):
        last, even = (constant(int(floor.low) & mask, variable) for mask in (1, ~1))
    else:
        last, even = floor.quantize(0, 1, 0), floor.quantize(signed, bits, -1)
    no_tie = half_up.bits[-below:].unary_bit_op("any")
    return ((no_tie & last) + even).quantize(signed, bits, 0)
