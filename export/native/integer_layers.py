"""C++ of one linear layer of an `IntegerModel`, as narrow as its bounds prove.

8-bit codes and weights whose sums stay below 2^31 take the paths' dot products of bytes; everything else plain loops in
32 or 64 bits. Columns on grids of their own are taken coarsest first: the sums so far are shifted onto the next finer
grid before its columns are added, so that weights keep their 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.native.planes import Plane, planes_of
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer

INT32 = 1 << 31
BLOCK = 4  # neurons at a time
PAIRS = (32767, -32768)  # what sums of 16 bits hold


@dataclass(frozen=True)
class Layer:
    """One layer and what it reads: planes on the grid 2^exponent, and the bound of its exact sums."""

    layer: IntegerLayer
    planes: tuple[Plane, ...]
    bound: int

    @property
    def exponent(self) -> int:
        """Grid of the inputs."""
        return min(plane.fmt.exponent for plane in self.planes)

    @property
    def shift(self) -> int:
        """The activation's grid is coarser than the sums' by 2^shift."""
        return self.layer.activation.exponent - self.exponent - self.layer.weight_format.exponent

    @property
    def output(self) -> tuple[Plane, ...]:
        return planes_of(len(self.layer.bias), self.layer.activation)

    @property
    def narrow(self) -> bool:
        """Whether dot products of bytes give the sums."""
        weight = self.layer.weight
        return (
            all(plane.narrow for plane in self.planes)
            and weight.min() >= -128
            and weight.max() <= 127
            and self.reach < INT32
            and (self.shift >= 0 or self.output[0].narrow)
        )

    @property
    def reach(self) -> int:
        """What stays larger than every sum on its way to the format."""
        zero = self.output[0].zero
        return self.bound + (zero << max(self.shift, 0)) + (1 << max(self.shift, 0))


def layer_function(name: str, layer: Layer) -> str:
    """The function `name(in, out)`, from planes to planes."""
    return _narrow(name, layer) if layer.narrow else _wide(name, layer)


def _narrow(name: str, layer: Layer) -> str:
    shifts = [plane.fmt.exponent - layer.exponent for plane in layer.planes]
    order = sorted(range(len(shifts)), key=lambda place: -shifts[place])
    groups = [(shift, len(list(places))) for shift, places in groupby(order, key=lambda place: shifts[place])]
    weights = np.stack([_quads(layer.layer.weight, layer.planes[place]) for place in order])  # (planes, neurons, 4)
    largest = [layer.planes[place].fmt.highest + layer.planes[place].zero for place in order]
    flush = flush_length(weights, largest, [size for _, size in groups])
    fan_out = len(layer.layer.bias)
    body = [f"const u32 *const p[] = {{{', '.join(f'in[{place}]' for place in order)}}};"]
    body += ["for (int lane = 0; lane < T; lane += L * M) {", f"const int32_t *w = W_{name}, *b = B_{name};"]
    body += ["u32 *o = out + lane;"]
    block = _block(BLOCK, groups, flush, layer)
    if fan_out >= BLOCK:
        planes = 1 if layer.output[0].narrow else BLOCK
        body += ["#pragma GCC unroll 1", f"for (int j = 0; j < {fan_out // BLOCK}; ++j, b += 4, o += {planes} * T) {{"]
        body += [*block, "}"]
    if fan_out % BLOCK:
        body += ["{", *_block(fan_out % BLOCK, groups, flush, layer), "}"]
    return "\n".join(
        [
            *_weight_words(name, weights, flush == 0),
            _array("int32_t", f"B_{name}", _wrapped(_biases(layer, shifts))),
            f"static void {name}(const u32 *const *in, u32 *out) {{",
            *body,
            "}",
            "}",
        ]
    )


def _block(neurons: int, groups: Sequence[tuple[int, int]], flush: int, layer: Layer) -> list[str]:
    """Sums of some neurons, and their codes."""
    several = len(groups) > 1
    lines = [f"vi s[{neurons}][M];", f"start<{neurons}>(s, {'nullptr' if several else 'b'});"]
    at = 0
    for index, (shift, size) in enumerate(groups):
        lines.append(f"products<{neurons}, {size}, {flush}>(s, p + {at}, lane, w);")
        at += size
        finer = shift - (groups[index + 1][0] if index + 1 < len(groups) else 0)
        if finer:
            lines.append(f"finer<{neurons}, {finer}>(s);")
    if several:
        lines.append(f"add_bias<{neurons}>(s, b);")
    fmt, plane = layer.layer.activation, layer.output[0]
    small = "true" if layer.reach < 1 << 24 else "false"
    if plane.narrow:
        zero = plane.zero if layer.shift < 0 else 0
        ends = f"{fmt.lowest + plane.zero}, {fmt.highest + plane.zero}"
        return [*lines, f"to_bytes<{neurons}, {layer.shift}, {zero}, {ends}, {small}>(s, o);"]
    return [*lines, f"to_words<{neurons}, {layer.shift}, {fmt.lowest}, {fmt.highest}, {small}>(s, o);"]


def flush_length(weights: IntArray, largest: Sequence[int], groups: Sequence[int]) -> int:
    """How many planes' products of byte pairs can be added in 16 bits whatever the codes are; 0: not even one plane's.

    `weights` (planes, neurons, 4), `largest` the largest byte of each plane; sums start anew with each of `groups`.
    """
    pairs = weights.reshape(len(weights), -1, 2, 2) * np.asarray(largest, np.int64)[:, None, None, None]
    ends = np.stack([np.maximum(pairs, 0).sum(-1), np.minimum(pairs, 0).sum(-1)])  # (2, planes, neurons, 2)
    for length in range(max(groups), 0, -1):
        starts = [at for first, size in _spans(groups) for at in range(first, first + size, length)]
        sums = np.add.reduceat(ends, starts, axis=1)
        if sums[0].max() <= PAIRS[0] and sums[1].min() >= PAIRS[1]:
            return length
    return 0


def _spans(groups: Sequence[int]) -> list[tuple[int, int]]:
    firsts = np.cumsum([0, *groups[:-1]])
    return [(int(first), size) for first, size in zip(firsts, groups, strict=True)]


def _quads(weight: IntArray, plane: Plane) -> IntArray:
    """(neurons, 4) weights of a plane's columns, 0 where it has none."""
    quads = np.zeros((len(weight), 4), np.int64)
    quads[:, : plane.count] = weight[:, plane.first : plane.first + plane.count]
    return quads


def _biases(layer: Layer, shifts: Sequence[int]) -> IntArray:
    """Biases that also take away what the zeros of the planes add, and add that of the output."""
    bias = layer.layer.bias.astype(object)
    for plane, shift in zip(layer.planes, shifts, strict=True):
        columns = layer.layer.weight[:, plane.first : plane.first + plane.count].sum(axis=1).astype(object)
        bias = bias - columns * (plane.zero << shift)
    if layer.output[0].narrow and layer.shift >= 0:
        bias = bias + (layer.output[0].zero << layer.shift)
    return np.asarray([int(value) & 0xFFFFFFFF for value in bias], np.int64)


def _wrapped(words: NDArray[np.int64]) -> list[int]:
    """Words of 32 bits as signed numbers."""
    return [int(word) - (1 << 32) if word >= INT32 else int(word) for word in words.ravel().tolist()]


def _weight_words(name: str, weights: IntArray, wide: bool) -> list[str]:
    """Weights block by block, plane by plane, neuron by neuron: four bytes a word, or for AVX2 two pairs of 16 bits."""
    order = [
        (place, neuron)
        for first in range(0, weights.shape[1], BLOCK)
        for place in range(len(weights))
        for neuron in range(first, min(first + BLOCK, weights.shape[1]))
    ]
    quads = np.array([weights[place, neuron] for place, neuron in order], np.int64)
    bytes_ = (quads & 255) << np.array([0, 8, 16, 24])
    plain = _array("int32_t", f"W_{name}", _wrapped(bytes_.sum(axis=1)))
    if not wide:
        return [plain]
    pairs = (quads[:, [0, 1]] & 65535) | (quads[:, [2, 3]] & 65535) << 16
    return [
        "#if defined(EDGETRACK_AVX2)",
        _array("int32_t", f"W_{name}", _wrapped(pairs)),
        "#else",
        plain,
        "#endif",
    ]


def _wide(name: str, layer: Layer) -> str:
    fmt, plane = layer.layer.activation, layer.output[0]
    kind = number_type(layer.reach, fmt)
    shifts = [plane.fmt.exponent - layer.exponent for plane in layer.planes for _ in range(plane.count)]
    columns = [column for plane in layer.planes for column in range(plane.first, plane.first + plane.count)]
    weight = layer.layer.weight[:, columns] * (1 << np.asarray(shifts, np.int64))
    lines = [f"static void {name}(const u32 *const *in, u32 *out) {{", f"{kind} column[{len(columns)}][T];"]
    lines += unpacked("column", layer.planes, "in")
    sizes = f"{kind}, {len(columns)}, {len(weight)}"
    zero = plane.zero if plane.narrow else 0
    lines.append(
        f"wide_layer<{sizes}, {layer.shift}, {literal(fmt.lowest)}, {literal(fmt.highest)}, {zero}>"
        f"(column, W_{name}, B_{name}, out);"
    )
    return "\n".join(
        [
            _array(kind, f"W_{name}", weight.ravel().tolist()),
            _array(kind, f"B_{name}", layer.layer.bias.tolist()),
            *lines,
            "}",
        ]
    )


def unpacked(target: str, planes: Sequence[Plane], source: str) -> list[str]:
    """Lines that bring the codes of planes into `target`[column][lane]."""
    lines = []
    column = 0
    for place, plane in enumerate(planes):
        for byte in range(plane.count):
            code = code_in(plane, byte, f"{source}[{place}][l]")
            lines.append(f"for (int l = 0; l < T; ++l) {target}[{column}][l] = {code};")
            column += 1
    return lines


def code_in(plane: Plane, byte: int, word: str) -> str:
    """The code of one of a plane's columns in a word of it."""
    return f"byte_of<{byte}>({word}) - {plane.zero}" if plane.narrow else f"static_cast<int32_t>({word})"


def number_type(reach: int, fmt: Format) -> str:
    """The integers that sums up to `reach`, and the format, fit in."""
    return "int32_t" if reach < INT32 and fmt.bits < 32 else "int64_t"


def literal(number: int) -> str:
    return f"INT64_C({number})" if abs(number) >= INT32 else str(number)


def _array(kind: str, name: str, numbers: Sequence[int]) -> str:
    return f"alignas(64) static const {kind} {name}[] = {{{', '.join(map(literal, numbers))}}};"
