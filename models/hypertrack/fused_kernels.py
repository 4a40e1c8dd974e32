"""What stands between the matrix products of HyperTrack's fused inference: compiled, one pass over a tile each.

All arrays are C-contiguous float32, but for the hits of pairs, int64. Sums come in the order of the pairs. Pairs are
sorted by their sources, so a source's rows are in the cache; those of the targets are asked for some pairs ahead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

Floats = NDArray[np.float32]
Hits = NDArray[np.int64]

_AHEAD = 4  # pairs
_CACHE_LINE = 16  # float32
_ONE = np.float32(1)
_LIMIT, _LOWEST = np.float32(87), np.float32(-87)  # e^±87 are normal numbers
_LOG2E = np.float32(-np.log2(np.e))
_MAGIC = np.float32(1.5 * 2**23)  # a float beside it shows the nearest integer in its low bits
# 2^r for |r| ≤ 1/2, relative error 1e-7 (Cephes, exp2f)
_P1, _P2, _P3 = np.float32(6.931472028550421e-1), np.float32(2.402264791363012e-1), np.float32(5.550332471162809e-2)
_P4, _P5, _P6 = np.float32(9.618437357674640e-3), np.float32(1.339887440266574e-3), np.float32(1.535336188319500e-4)


def _scaled_code(context: Any, value: Any, shown: Any) -> Any:
    """value · 2^n, where `shown` is n + _MAGIC: n is added to the exponent's bits."""

    def code(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        integer = target.get_value_type(types.int32)
        bits, exponent = (builder.bitcast(one, integer) for one in given)
        total = builder.add(bits, builder.shl(exponent, integer(23)))
        return builder.bitcast(total, target.get_value_type(types.float32))

    return types.float32(types.float32, types.float32), code


def _prefetched_code(context: Any, rows: Any, row: Any, column: Any) -> Any:
    """Ask for the cache line of rows[row, column]."""

    def code(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        tools: Any = cgutils
        array = target.make_array(rows)(target, builder, given[0])
        place = [
            target.cast(builder, value, kind, types.intp) for value, kind in zip(given[1:], (row, column), strict=True)
        ]
        pointer = tools.get_item_pointer(target, builder, rows, array, place, wraparound=False)
        number = ir.IntType(32)
        pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = tools.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, number(0), number(3), number(1)])  # to read, to stay, data
        return target.get_dummy_value()

    return types.void(rows, row, column), code


_scaled: Any = intrinsic(_scaled_code)
_prefetched: Any = intrinsic(_prefetched_code)


@compiled(inline="always")
def _ask_for(rows: Floats, hits: Hits, pair: int) -> None:
    """The row of a pair soon to come."""
    hit = hits[min(pair + _AHEAD, len(hits) - 1)]
    for column in range(0, rows.shape[1], _CACHE_LINE):
        _prefetched(rows, hit, column)


@compiled(fastmath={"contract"}, error_model="numpy", inline="always")
def _silu(x: Any) -> Any:
    """x / (1 + e^−x) to about 2e-6 of itself; loops of it are vectorised, which those of `exp` are not."""
    held = x if x < _LIMIT else _LIMIT
    held = held if held > _LOWEST else _LOWEST
    power = held * _LOG2E
    shown = power + _MAGIC
    r = power - (shown - _MAGIC)
    p = (((((_P6 * r + _P5) * r + _P4) * r + _P3) * r + _P2) * r + _P1) * r + _ONE
    return x / (_ONE + _scaled(p, shown))


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def activate(rows: Floats, bias: Floats) -> None:
    """SiLU(rows + bias) in place: rows (R, W), bias (W,)."""
    for r in range(rows.shape[0]):
        row = rows[r]
        for c in range(len(row)):
            row[c] += bias[c]
    _activate_all(rows.ravel())


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def _activate_all(values: Floats) -> None:
    for place in range(len(values)):
        values[place] = _silu(values[place])


@compiled(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)
def pair_products(h: Floats, source: Hits, target: Hits, symmetric: Floats, out: Floats) -> None:
    """out (P, W + 1 + S): h_i ⊙ h_j, ‖h_i − h_j‖ and the symmetric features (P, S) of each pair; h (N, W)."""
    width = h.shape[1]
    for pair in range(len(source)):
        _ask_for(h, target, pair)
        inner, outer, row = h[source[pair]], h[target[pair]], out[pair]
        square = np.float32(0)
        for c in range(width):
            row[c] = inner[c] * outer[c]
            change = inner[c] - outer[c]
            square += change * change
        row[width] = np.sqrt(square)
        for s in range(symmetric.shape[1]):
            row[width + 1 + s] = symmetric[pair, s]


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def first_messages(
    both: Floats, ends: Floats, source: Hits, target: Hits, antisymmetric: Floats, weight: Floats, out: Floats
) -> None:
    """out (2P, M): SiLU of the first linear layer, of messages to the targets, then of those to the sources.

    both (P, M) is what both directions have in common; ends (N, 2M) what a hit gives as receiver, then as sender;
    antisymmetric (P, A) with weight (A, M) changes sign with the direction.
    """
    pairs, width = both.shape
    signed = np.empty(width, np.float32)
    for pair in range(pairs):
        _ask_for(ends, target, pair)
        inner, outer, common = ends[source[pair]], ends[target[pair]], both[pair]
        signed[:] = np.float32(0)
        for a in range(antisymmetric.shape[1]):
            value, factors = antisymmetric[pair, a], weight[a]
            for c in range(width):
                signed[c] += value * factors[c]
        outward, inward = out[pair], out[pairs + pair]
        for c in range(width):
            outward[c] = common[c] + signed[c] + outer[c] + inner[width + c]
            inward[c] = common[c] - signed[c] + inner[c] + outer[width + c]
    _activate_all(out.ravel())


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def add_messages(message: Floats, bias: Floats, source: Hits, target: Hits, total: Floats) -> None:
    """Add SiLU(message + bias) (2P, M), which `message` then is, to the rows `total` (N, M) of the receivers."""
    activate(message, bias)
    pairs = len(source)
    for pair in range(pairs):
        _ask_for(total, target, pair)
        outward, at_target = message[pair], total[target[pair]]
        for c in range(len(bias)):
            at_target[c] += outward[c]
        inward, at_source = message[pairs + pair], total[source[pair]]
        for c in range(len(bias)):
            at_source[c] += inward[c]


@compiled(error_model="numpy", nogil=True)
def raise_to_messages(message: Floats, bias: Floats, source: Hits, target: Hits, largest: Floats) -> None:
    """As `add_messages`, but the maximum with `largest` (N, M) in place of the sum."""
    activate(message, bias)
    pairs = len(source)
    for pair in range(pairs):
        outward, at_target = message[pair], largest[target[pair]]
        for c in range(len(bias)):
            at_target[c] = max(at_target[c], outward[c])
        inward, at_source = message[pairs + pair], largest[source[pair]]
        for c in range(len(bias)):
            at_source[c] = max(at_source[c], inward[c])


@compiled(nogil=True)
def products(z: Floats, source: Hits, target: Hits, out: Floats) -> None:
    """out (P, L): z_i ⊙ z_j of each pair, z (N, L)."""
    for pair in range(len(source)):
        _ask_for(z, target, pair)
        inner, outer, row = z[source[pair]], z[target[pair]], out[pair]
        for c in range(len(row)):
            row[c] = inner[c] * outer[c]
