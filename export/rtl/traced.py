"""An array of integers inside a kernel that alkaid traces: NumPy's operations on int64 codes, as wires, or an error.

A function written for int64 codes (rows, width) runs unchanged on `Traced` and gives the same integers. It may use

- `x + y`, `x - y`, `x * y`, `-x`, `abs(x)`, `np.maximum(x, y)`, `np.minimum(x, y)` with broadcast, where the other side
  is traced or integers; `x << n` with an integer n; `np.add`, `np.absolute`, … are the same;
- `x @ matrix` with a matrix of integers, and `x @ y.T` of two traced ones; `x.T`;
- `np.sum`, `np.max`, `np.min` (or the methods) with `axis` and `keepdims`; `np.clip` with integers;
- `np.concatenate`; `x[…]`, `x.shape`, `x.ndim`, `x.reshape`, `len(x)`;

and two functions that NumPy has no name for: `x.look_up(contents, lowest)` for `contents[x - lowest]`, and
`x.requantize(shift, lowest, highest)` for `np.clip(shift_round_half_even(x, shift), lowest, highest)`.

All else is a TypeError: `>>`, `//`, `%`, `&`, comparisons, `np.where`, `np.rint`, an array indexed by codes. Do not
hand alkaid's own arrays to such a function: they take most of this too, but `np.maximum`, `np.clip`, `np.round` and
wide constants give other integers at times (see `variables`), and `<<` and a gather are not known to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike

from edgetrack.export.rtl import variables
from edgetrack.export.rtl.variables import Variables
from edgetrack.quantize.fixed_point import Format, IntArray


class Traced(NDArrayOperatorsMixin):
    """Integers on wires, an array of alkaid's variables; see the module for what it takes."""

    def __init__(self, wires: Variables) -> None:
        self.wires = wires

    @property
    def shape(self) -> tuple[int, ...]:
        return self.wires.shape

    @property
    def ndim(self) -> int:
        return self.wires.ndim

    @property
    def T(self) -> Traced:
        return Traced(self.wires.T)

    def __len__(self) -> int:
        return len(self.wires)

    def __getitem__(self, index: Any) -> Traced:
        return Traced(np.asarray(self.wires[index], object))

    def reshape(self, *shape: int) -> Traced:
        return Traced(self.wires.reshape(*shape))

    def sum(self, axis: int | None = None, out: None = None, keepdims: bool = False) -> Traced:
        return self._reduced(variables.add, axis, keepdims)

    def max(self, axis: int | None = None, out: None = None, keepdims: bool = False) -> Traced:
        return self._reduced(variables.larger, axis, keepdims)

    def min(self, axis: int | None = None, out: None = None, keepdims: bool = False) -> Traced:
        return self._reduced(variables.smaller, axis, keepdims)

    def clip(self, lowest: ArrayLike, highest: ArrayLike, out: None = None) -> Traced:
        return _elementwise(variables.smaller, _elementwise(variables.larger, self, lowest), highest)

    def look_up(self, contents: IntArray, lowest: int) -> Traced:
        """`contents[self - lowest]`; at most 4,096 entries below 2^24 in magnitude."""
        if len(contents) > LARGEST_TABLE:
            raise ValueError(f"a table of {len(contents)} entries, wanted at most {LARGEST_TABLE}; requantize first")
        return self._each(lambda wire: variables.look_up(wire, contents, lowest))

    def requantize(self, shift: int, lowest: int, highest: int) -> Traced:
        """clip(round_half_even(self / 2^shift), lowest, highest), the contract's only loss of precision."""
        return self._each(lambda wire: variables.requantize(wire, shift, lowest, highest))

    def in_format(self, fmt: Format, exponent: int) -> Traced:
        """Codes in `fmt` of integers that stand for multiples of 2^exponent, as `Format.requantize`."""
        return self.requantize(fmt.exponent - exponent, fmt.lowest, fmt.highest)

    def _each(self, function: Callable[[Any], Any]) -> Traced:
        return Traced(np.asarray(np.frompyfunc(function, 1, 1)(self.wires), object))

    def _reduced(self, function: Callable[[Any, Any], Any], axis: int | None, keepdims: bool) -> Traced:
        wires = self.wires if axis is not None else self.wires.ravel()
        # In pairs: the depth of a tree, not of a chain.
        pieces = [np.take(wires, [index], axis or 0) for index in range(wires.shape[axis or 0])]
        while len(pieces) > 1:
            pairs = zip(pieces[::2], pieces[1::2], strict=False)
            pieces = [*(np.frompyfunc(function, 2, 1)(*pair) for pair in pairs), *pieces[len(pieces) & ~1 :]]
        kept = pieces[0] if axis is not None else pieces[0].reshape((1,) * self.ndim)
        return Traced(kept if keepdims else np.asarray(kept.squeeze(axis), object))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Traced:
        if method != "__call__" or options or ufunc not in _UFUNCS:
            raise TypeError(f"np.{ufunc.__name__} ({method}) has no exact wires; see edgetrack.export.rtl.traced")
        return _UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, types: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Traced:
        if function not in _FUNCTIONS:
            raise TypeError(f"np.{function.__name__} has no exact wires; see edgetrack.export.rtl.traced")
        return _FUNCTIONS[function](*inputs, **options)


LARGEST_TABLE = 1 << 12


def traced_inputs(columns: Sequence[Format]) -> tuple[Any, Traced]:
    """alkaid's input columns, and their codes (1, width) on the finest of their grids."""
    from alkaid.trace import FVArrayInput

    inputs = FVArrayInput(len(columns))
    # In range already: dropping bits and wrapping, all that an input takes, change nothing.
    codes = [
        port.quantize(int(fmt.signed), fmt.integer_bits - int(fmt.signed), fmt.fractional_bits)
        for port, fmt in zip(np.asarray(inputs), on_finest_grid(columns), strict=True)
    ]
    return inputs, Traced(np.array(codes, object)[None])._each(variables.checked)


def on_finest_grid(columns: Sequence[Format]) -> list[Format]:
    """`columns` as multiples of the finest of their steps."""
    finest = min(fmt.exponent for fmt in columns)
    return [replace(fmt, exponent=fmt.exponent - finest) for fmt in columns]


def _wires(values: Any, like: Variables) -> Variables:
    """Wires of traced values, or of integers as constants."""
    if isinstance(values, Traced):
        return values.wires
    integers = np.asarray(values)
    if not np.issubdtype(integers.dtype, np.integer):
        raise TypeError(f"traced values take integers, got {integers.dtype}")
    return np.asarray(np.frompyfunc(lambda value: variables.constant(value, like.flat[0]), 1, 1)(integers), object)


def _elementwise(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Traced:
    like = next(side.wires for side in (left, right) if isinstance(side, Traced))
    wires = np.frompyfunc(function, 2, 1)(_wires(left, like), _wires(right, like))
    return Traced(np.asarray(wires, object))


def _shifted(values: Traced, bits: int) -> Traced:
    return values._each(lambda wire: variables.checked(wire * 2.0 ** int(bits)))


def _matmul(left: Any, right: Any) -> Traced:
    if not isinstance(left, Traced):
        return _matmul(right.T, np.asarray(left).T).T
    if isinstance(right, Traced):
        return _elementwise(variables.multiply, left[..., None], right[None]).sum(axis=1)
    rows = [variables.products(row, np.asarray(right, np.int64)) for row in left.wires]
    return Traced(np.array(rows, object))


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Traced:
    like = next(array.wires for array in arrays if isinstance(array, Traced))
    return Traced(np.concatenate([_wires(array, like) for array in arrays], axis))


_UFUNCS: dict[np.ufunc, Callable[..., Traced]] = {
    np.add: lambda left, right: _elementwise(variables.add, left, right),
    np.subtract: lambda left, right: _elementwise(variables.subtract, left, right),
    np.multiply: lambda left, right: _elementwise(variables.multiply, left, right),
    np.maximum: lambda left, right: _elementwise(variables.larger, left, right),
    np.minimum: lambda left, right: _elementwise(variables.smaller, left, right),
    np.negative: lambda values: values._each(lambda wire: -wire),
    np.absolute: lambda values: values._each(variables.absolute),
    np.left_shift: _shifted,
    np.matmul: _matmul,
}
_FUNCTIONS: dict[Any, Callable[..., Traced]] = {
    np.sum: lambda values, axis=None, keepdims=False: values.sum(axis=axis, keepdims=keepdims),
    np.max: lambda values, axis=None, keepdims=False: values.max(axis=axis, keepdims=keepdims),
    np.min: lambda values, axis=None, keepdims=False: values.min(axis=axis, keepdims=keepdims),
    np.clip: lambda values, lowest, highest: values.clip(lowest, highest),
    np.concatenate: _concatenate,
}
