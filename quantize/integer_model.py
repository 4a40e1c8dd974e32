"""The golden model: a trained quantised network in int64, which every exported form must equal bit by bit.

Each value is integers on a power-of-two grid. Where precision is lost, it is lost in one stated way: a `Format`
with `clip(round_half_even(x / 2^s))`. Gathers and concatenations are exact; sums over neighbours are exact integer
sums, then brought to their format; accumulators are as wide as they must be, and the width is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import (
    Add,
    Concat,
    Gather,
    Input,
    Mlp,
    NetworkDescription,
    ScatterMean,
    ScatterSum,
    Step,
)
from edgetrack.quantize.fixed_point import Format, IntArray

RunMlp = Callable[[str, Mapping[str, IntArray]], IntArray]

RECIPROCAL_BITS = 12  # a mean multiplies the sum by round(2^12 / degree)


@dataclass(frozen=True)
class IntegerLayer:
    """One linear layer: `activation(weight · input + bias)`.

    The accumulator's grid is 2^(input exponent + weight exponent), and the bias stands on it. `activation` is the
    format of the result; an unsigned one is ReLU.
    """

    weight: IntArray  # (fan_out, fan_in)
    weight_format: Format
    bias: IntArray  # (fan_out,) on the accumulator's grid
    activation: Format

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != (self.weight.shape[0],):
            raise ValueError(f"weight {self.weight.shape} and bias {self.bias.shape} do not make a linear layer")
        if self.weight.size and not (
            self.weight_format.lowest <= self.weight.min() and self.weight.max() <= self.weight_format.highest
        ):
            raise ValueError(f"weights span {self.weight.min()}…{self.weight.max()}, outside {self.weight_format}")

    def accumulate(self, codes: IntArray) -> IntArray:
        """(n, fan_in) aligned input codes → (n, fan_out) exact accumulators."""
        return codes @ self.weight.T + self.bias

    def accumulator_bound(self, magnitudes: IntArray) -> int:
        """Largest absolute accumulator for inputs of absolute value up to `magnitudes` (fan_in,)."""
        return int((np.abs(self.weight) @ magnitudes + np.abs(self.bias)).max())


@dataclass(frozen=True)
class IntegerModel:
    """A network description with integers in it.

    `formats` has one entry for each input, MLP, scatter and add: the format of that value. `layers` has the layers of
    each MLP; the last layer's activation is the MLP's format.
    """

    description: NetworkDescription
    formats: Mapping[str, Format]
    layers: Mapping[str, tuple[IntegerLayer, ...]]

    def __post_init__(self) -> None:
        description = self.description
        for value in (*description.inputs, *description.steps):
            if not isinstance(value, Gather | Concat) and value.name not in self.formats:
                raise ValueError(f"integer model {description.name!r}: no format for {value.name!r}")
        for mlp in description.mlps:
            layers = self.layers.get(mlp.name, ())
            widths = (description.shape(mlp.source).width, *mlp.widths)
            wanted = [(fan_out, fan_in) for fan_in, fan_out in pairwise(widths)]
            got = [layer.weight.shape for layer in layers]
            if got != wanted:
                raise ValueError(f"integer model {description.name!r}: {mlp.name} has weights {got}, wanted {wanted}")
            if layers[-1].activation != self.formats[mlp.name]:
                raise ValueError(f"integer model {description.name!r}: {mlp.name}'s last activation is not its format")

    # Grids

    def columns(self, name: str) -> tuple[Format, ...]:
        """Format of each column of a value; a concatenation's columns keep those of its parts."""
        step = self.description.step(name)
        match step:
            case Gather():
                return self.columns(step.source)
            case Concat():
                return tuple(fmt for part in step.parts for fmt in self.columns(part))
            case _:
                return (self.formats[name],) * self.description.shape(name).width

    def exponent(self, name: str) -> int:
        """The value's grid: all its columns are multiples of 2^exponent."""
        return min(fmt.exponent for fmt in self.columns(name))

    def magnitudes(self, name: str) -> IntArray:
        """(width,) largest absolute code of each column, on the value's grid."""
        exponent = self.exponent(name)
        return np.array([fmt.magnitude << (fmt.exponent - exponent) for fmt in self.columns(name)], np.int64)

    def accumulator_bits(self, mlp: str) -> list[int]:
        """Width of each layer's accumulator, signed, wide enough for every input that the formats allow."""
        return [bound.bit_length() + 1 for bound in self.accumulator_bounds(mlp)]

    def accumulator_bounds(self, mlp: str) -> list[int]:
        """Largest absolute accumulator of each layer of an MLP."""
        step = self.description.step(mlp)
        assert isinstance(step, Mlp)
        magnitudes = self.magnitudes(step.source)
        bounds = []
        for layer in self.layers[mlp]:
            bounds.append(layer.accumulator_bound(magnitudes))
            magnitudes = np.full(len(layer.bias), layer.activation.magnitude, np.int64)
        return bounds

    def sum_bits(self, name: str, max_degree: int) -> int:
        """Signed width of the sum `name` over at most `max_degree` neighbours."""
        step = self.description.step(name)
        assert isinstance(step, ScatterSum | ScatterMean)
        return (int(self.magnitudes(step.source).max()) * max(max_degree, 1)).bit_length() + 1

    # Running

    def quantize_inputs(self, features: Mapping[str, ArrayLike]) -> dict[str, IntArray]:
        """Codes of raw features: each (n, width) array times the input's scales, in the input's format.

        The product is taken in float32, as the float network does; scales are powers of two, so it is exact.
        """
        return {
            value.name: self.formats[value.name].quantize(
                np.asarray(features[value.name], np.float32) * np.asarray(value.scale, np.float32)
            )
            for value in self.description.inputs
        }

    def run(
        self,
        inputs: Mapping[str, IntArray],
        edge_index: NDArray[np.int64] | None = None,
        hidden: bool = False,
        mlp: RunMlp | None = None,
    ) -> dict[str, IntArray]:
        """Codes of every value, in order, each on its own grid (`exponent`).

        Args: inputs: codes (n, width) of each input; edge_index (2, E) int64 source → target, needed where the
        network gathers or scatters; hidden: also give each MLP's hidden activations, "phi_r1.0", "phi_r1.1", …;
        mlp: runs the MLPs in place of the model's own arithmetic, from codes of what `submodel` takes.
        Cost: O(N + E) times the sizes of the MLPs.
        """
        made: dict[str, IntArray] = {}
        for value in self.description.inputs:
            made[value.name] = self._checked_input(value, inputs[value.name])
        num_nodes = next((len(made[v.name]) for v in self.description.inputs if v.domain == "node"), 0)
        ends = {} if edge_index is None else {"source": edge_index[0], "target": edge_index[1]}
        for step in self.description.steps:
            if mlp is not None and isinstance(step, Mlp):
                names = [value.name for value in self.description.submodel(step.name).inputs]
                made[step.name] = mlp(step.name, {name: made[name] for name in names})
            elif hidden and isinstance(step, Mlp):
                made |= self._mlp_layers(step, made[step.source])
            else:
                made[step.name] = self._run_step(step, made, ends, num_nodes)
        return made

    def run_graph(self, graph: HitGraph, hidden: bool = False) -> dict[str, IntArray]:
        """`run` on a hit graph's features `x` and `edge_attr`."""
        inputs = self.quantize_inputs({"x": graph.x, "edge_attr": graph.edge_attr})
        return self.run(inputs, graph.edge_index, hidden)

    def logits(self, graph: HitGraph) -> NDArray[np.float64]:
        """(E,) edge logits as real numbers."""
        codes = self.run_graph(graph)[self.description.output]
        return self.formats[self.description.output].dequantize(codes)[:, 0]

    def submodel(self, mlp: str) -> IntegerModel:
        """One MLP as an integer model of its own; its inputs are what its concatenation joins."""
        description = self.description.submodel(mlp)
        formats = {value.name: self.columns(value.name)[0] for value in description.inputs}
        return IntegerModel(description, formats | {mlp: self.formats[mlp]}, {mlp: self.layers[mlp]})

    def _checked_input(self, value: Input, codes: IntArray) -> IntArray:
        fmt = self.formats[value.name]
        codes = np.asarray(codes, np.int64)
        if codes.ndim != 2 or codes.shape[1] != value.width:
            raise ValueError(f"input {value.name!r} has shape {codes.shape}, wanted (n, {value.width})")
        if codes.size and not (fmt.lowest <= codes.min() and codes.max() <= fmt.highest):
            raise ValueError(
                f"input {value.name!r} spans {codes.min()}…{codes.max()}, outside {fmt}; quantise it first"
            )
        return codes

    def _run_step(
        self, step: Step, made: Mapping[str, IntArray], ends: Mapping[str, NDArray[np.int64]], num_nodes: int
    ) -> IntArray:
        match step:
            case Gather():
                return made[step.source][ends[step.end]]
            case Concat():
                return np.concatenate([self._aligned(part, step.name, made) for part in step.parts], axis=1)
            case Mlp():
                return self._mlp_layers(step, made[step.source])[step.name]
            case ScatterSum():
                total = scatter_sum(made[step.source], ends[step.end], num_nodes)
                return self.formats[step.name].requantize(total, self.exponent(step.source))
            case ScatterMean():
                total = scatter_sum(made[step.source], ends[step.end], num_nodes)
                count = np.bincount(ends[step.end], minlength=num_nodes)
                scaled = total * reciprocals(count)[:, None]
                return self.formats[step.name].requantize(scaled, self.exponent(step.source) - RECIPROCAL_BITS)
            case Add():
                exponent = min(self.exponent(part) for part in step.parts)
                left, right = (made[part] << (self.exponent(part) - exponent) for part in step.parts)
                return self.formats[step.name].requantize(left + right, exponent)

    def _aligned(self, part: str, whole: str, made: Mapping[str, IntArray]) -> IntArray:
        return made[part] << (self.exponent(part) - self.exponent(whole))

    def _mlp_layers(self, step: Mlp, codes: IntArray) -> dict[str, IntArray]:
        """Activations of every layer: "name.0", "name.1", …, and the last as "name"."""
        exponent = self.exponent(step.source)
        made: dict[str, IntArray] = {}
        for index, layer in enumerate(self.layers[step.name]):
            codes = layer.activation.requantize(layer.accumulate(codes), exponent + layer.weight_format.exponent)
            exponent = layer.activation.exponent
            made[f"{step.name}.{index}"] = codes
        made.popitem()
        return made | {step.name: codes}


def scatter_sum(codes: IntArray, index: NDArray[np.int64], num_nodes: int) -> IntArray:
    """(E, width) codes summed exactly into (num_nodes, width) by `index` (E,)."""
    out = np.zeros((num_nodes, codes.shape[1]), np.int64)
    np.add.at(out, index, codes)
    return out


def reciprocals(count: NDArray[np.int64]) -> IntArray:
    """round_half_even(2^RECIPROCAL_BITS / count), and 0 for a node without neighbours."""
    return np.where(count > 0, np.rint(2.0**RECIPROCAL_BITS / np.maximum(count, 1)), 0).astype(np.int64)
