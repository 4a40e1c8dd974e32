"""How much of its fixed-point format each weight and activation uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.rows import Graph, rows_of
from edgetrack.models.steps import Table
from edgetrack.quantize.fixed_point import Format, IntArray, shift_round_half_even, signed_bits
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel


@dataclass(frozen=True)
class CodeUse:
    """How often each code of a format occurs in one tensor.

    `largest` is the greatest absolute value before the format's limits cut it; `saturated` counts values that they
    cut (a ReLU's zero is no cut).
    """

    name: str
    fmt: Format
    counts: NDArray[np.int64]  # (codes,) in the order of fmt.codes()
    largest: float
    saturated: int

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def used(self) -> tuple[int, int] | None:
        """Least and greatest code that occur; None for an empty tensor."""
        there = np.flatnonzero(self.counts)
        return (int(there[0]) + self.fmt.lowest, int(there[-1]) + self.fmt.lowest) if len(there) else None

    @property
    def zeros(self) -> int:
        return int(self.counts[-self.fmt.lowest])

    @property
    def saturation(self) -> float | None:
        """Values cut by the format's limits / all values; None for an empty tensor."""
        return self.saturated / self.total if self.total else None

    def __add__(self, other: CodeUse) -> CodeUse:
        return CodeUse(
            self.name,
            self.fmt,
            self.counts + other.counts,
            max(self.largest, other.largest),
            self.saturated + other.saturated,
        )

    def quantiles(self, fractions: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of the non-zero absolute values; empty where there is none."""
        values = np.abs(self.fmt.codes()) * self.fmt.step
        weights = np.where(values > 0, self.counts, 0)
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(weights[order])
        if not cumulative[-1]:
            return np.empty(0)
        ranks = np.ceil(np.asarray(fractions) * cumulative[-1]).clip(1)
        return np.asarray(values[order][np.searchsorted(cumulative, ranks)], np.float64)


@dataclass(frozen=True)
class AccumulatorUse:
    """The widest accumulator of a layer: bits that it needs for any input, and for what the graphs brought."""

    name: str
    bits: int
    used_bits: int


def weight_use(model: IntegerModel) -> list[CodeUse]:
    """Codes of every weight matrix, "phi_r1.0" and so on."""
    return [
        _use(f"{mlp}.{index}", layer.weight_format, layer.weight, layer.weight_format.exponent)
        for mlp, layers in model.layers.items()
        for index, layer in enumerate(layers)
    ]


def activation_use(model: IntegerModel, graphs: Sequence[Graph]) -> tuple[list[CodeUse], list[AccumulatorUse]]:
    """Codes of every value and hidden layer, and the accumulators, over all of `graphs`.

    Gathers and concatenations are left out: they only move codes. Cost: one forward pass of the integers a graph.
    """
    uses: dict[str, CodeUse] = {}
    reached: dict[str, int] = {}
    for graph in graphs:
        for name, fmt, values, exponent in unclipped_values(model, graph):
            use = _use(name, fmt, values, exponent)
            uses[name] = uses[name] + use if name in uses else use
            reached[name] = max(reached.get(name, 0), int(np.abs(values).max(initial=0)))
    accumulators = [
        AccumulatorUse(f"{mlp.name}.{index}", bits, signed_bits(reached[f"{mlp.name}.{index}"]))
        for mlp in model.description.mlps
        if graphs
        for index, bits in enumerate(model.accumulator_bits(mlp.name))
    ]
    return list(uses.values()), accumulators


def unclipped_values(model: IntegerModel, graph: Graph) -> Iterator[tuple[str, Format, IntArray, int]]:
    """Name, format, integers before the format is applied, and the exponent of their grid: of every step in turn.

    `fmt.requantize(integers, exponent)` gives the model's own codes. A layer of an MLP is named "phi_r1.0", its last
    one too.
    """
    rows = rows_of(graph, model.description)
    codes = model.run_graph(rows)
    for value in model.description.inputs:
        fmt = model.formats[value.name]
        scaled = np.asarray(rows.features[value.name], np.float64) * np.asarray(value.scale)
        wide = Format(32, fmt.exponent)
        yield value.name, fmt, wide.quantize(scaled), fmt.exponent
    for step in model.description.steps:
        if isinstance(step, Table):
            yield step.name, model.formats[step.name], codes[step.name], model.exponent(step.name)
        for rounded in model.rounded(step, codes, rows):
            yield rounded.name, rounded.format, rounded.exact.codes, rounded.exact.exponent


def _use(name: str, fmt: Format, values: IntArray, exponent: int) -> CodeUse:
    """Count the codes that `values`, multiples of 2^exponent, take in `fmt`."""
    rounded = shift_round_half_even(values, fmt.exponent - exponent)
    codes = np.clip(rounded, fmt.lowest, fmt.highest)
    cut = rounded > fmt.highest
    kept = values
    if fmt.signed:
        cut |= rounded < fmt.lowest
    else:
        kept = np.maximum(values, 0)
    counts = np.bincount((codes - fmt.lowest).ravel(), minlength=fmt.highest - fmt.lowest + 1)
    largest = float(np.abs(kept).max(initial=0)) * 2.0**exponent
    return CodeUse(name, fmt, counts.astype(np.int64), largest, int(np.count_nonzero(cut)))


def bias_span(layer: IntegerLayer) -> tuple[int, int]:
    """Least and greatest bias code, on the accumulator's grid."""
    return int(layer.bias.min()), int(layer.bias.max())
