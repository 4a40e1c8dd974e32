"""What stands between the matrix products of HyperTrack's fused inference: compiled, one pass over a tile each.

All arrays are C-contiguous float32, but for the hits of pairs, int64. Sums come in the order of the pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

Floats = NDArray[np.float32]
Hits = NDArray[np.int64]

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


_scaled: Any = intrinsic(_scaled_code)


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
    for row in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            rows[row, c] = _silu(rows[row, c] + bias[c])


@compiled(fastmath={"contract", "reassoc"}, error_model="numpy", nogil=True)
def pair_products(h: Floats, source: Hits, target: Hits, symmetric: Floats, out: Floats) -> None:
    """out (P, W + 1 + S): h_i ⊙ h_j, ‖h_i − h_j‖ and the symmetric features (P, S) of each pair; h (N, W)."""
    width = h.shape[1]
    for pair in range(len(source)):
        i, j = source[pair], target[pair]
        square = np.float32(0)
        for c in range(width):
            out[pair, c] = h[i, c] * h[j, c]
            change = h[i, c] - h[j, c]
            square += change * change
        out[pair, width] = np.sqrt(square)
        for s in range(symmetric.shape[1]):
            out[pair, width + 1 + s] = symmetric[pair, s]


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
        i, j = source[pair], target[pair]
        signed[:] = np.float32(0)
        for a in range(antisymmetric.shape[1]):
            value = antisymmetric[pair, a]
            for c in range(width):
                signed[c] += value * weight[a, c]
        for c in range(width):
            out[pair, c] = _silu(both[pair, c] + signed[c] + ends[j, c] + ends[i, width + c])
        for c in range(width):
            out[pairs + pair, c] = _silu(both[pair, c] - signed[c] + ends[i, c] + ends[j, width + c])


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def add_messages(message: Floats, bias: Floats, source: Hits, target: Hits, total: Floats) -> None:
    """Add SiLU(message + bias) (2P, M) to the rows `total` (N, M) of the receivers."""
    pairs = len(source)
    for pair in range(pairs):
        i, j = source[pair], target[pair]
        for c in range(message.shape[1]):
            total[j, c] += _silu(message[pair, c] + bias[c])
        for c in range(message.shape[1]):
            total[i, c] += _silu(message[pairs + pair, c] + bias[c])


@compiled(fastmath={"contract"}, error_model="numpy", nogil=True)
def raise_to_messages(message: Floats, bias: Floats, source: Hits, target: Hits, largest: Floats) -> None:
    """As `add_messages`, but the maximum with `largest` (N, M) in place of the sum."""
    pairs = len(source)
    for pair in range(pairs):
        i, j = source[pair], target[pair]
        for c in range(message.shape[1]):
            largest[j, c] = max(largest[j, c], _silu(message[pair, c] + bias[c]))
        for c in range(message.shape[1]):
            largest[i, c] = max(largest[i, c], _silu(message[pairs + pair, c] + bias[c]))


@compiled(nogil=True)
def products(z: Floats, source: Hits, target: Hits, out: Floats) -> None:
    """out (P, L): z_i ⊙ z_j of each pair, z (N, L)."""
    for pair in range(len(source)):
        i, j = source[pair], target[pair]
        for c in range(z.shape[1]):
            out[pair, c] = z[i, c] * z[j, c]
