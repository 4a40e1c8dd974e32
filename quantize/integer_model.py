"""The golden model: a trained quantised network in int64, which every exported form must equal bit by bit.

Each value is integers on a power-of-two grid. Where precision is lost, it is lost in one stated way: a `Format`
with `clip(round_half_even(x / 2^s))`. Gathers, concatenations and maxima are exact; the exact result of every other
step is said in `edgetrack.quantize.exact`, then brought to the step's format; a table is its contents. Widths of
accumulators and sums are computed here from the same exact results, on bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import operation
from edgetrack.models.rows import Graph, Rows, check_inputs, rows_of
from edgetrack.models.steps import (
    Concat,
    Gather,
    Input,
    Kernel,
    Map,
    Mlp,
    Scatter,
    Step,
    Table,
    refuse_step,
)
from edgetrack.quantize.exact import (
    Bound,
    Exact,
    reciprocal_bits,
    scattered_max,
    scattered_mean,
    scattered_sum,
)
from edgetrack.quantize.fixed_point import Format, IntArray

RunKernel = Callable[[str, Mapping[str, IntArray]], IntArray]

MAX_DEGREE = 4096  # neighbours of one element that a network is exact for, if nothing else is said
WIDEST = 1 << 62  # int64 holds everything below
TABLE_BITS = 12  # widest source of a table


class Rounded(NamedTuple):
    """An exact result, the format that it is rounded to, and the codes that this gives."""

    name: str  # of the value, or of a layer of an MLP: "phi_r1.0"
    exact: Exact
    format: Format
    codes: IntArray

    @staticmethod
    def of(name: str, exact: Exact, fmt: Format) -> Rounded:
        return Rounded(name, exact, fmt, fmt.requantize(exact.codes, exact.exponent))


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

    def accumulate(self, value: Exact) -> Exact:
        """(n, fan_in) inputs → (n, fan_out) exact accumulators; of a `Bound`, the largest."""
        return value.linear(self.weight, self.bias, self.weight_format.exponent)


@dataclass(frozen=True)
class IntegerModel:
    """A network description with integers in it.

    `formats` has one entry for each input, MLP, map, table, sum and mean: the format of that value. `layers` has the
    layers of each MLP; the last layer's activation is the MLP's format. `tables` has the result of each table step for
    every code of its source, least first. No element has more than `max_degree` others at one end.
    """

    description: NetworkDescription
    formats: Mapping[str, Format]
    layers: Mapping[str, tuple[IntegerLayer, ...]]
    tables: Mapping[str, IntArray] = field(default_factory=dict)
    max_degree: int = MAX_DEGREE

    def __post_init__(self) -> None:
        if self.max_degree < 1:
            raise ValueError(f"integer model {self.description.name!r}: max_degree is {self.max_degree}, wanted ≥ 1")
        for value in self.description.formatted:
            if value.name not in self.formats:
                raise ValueError(f"integer model {self.description.name!r}: no format for {value.name!r}")
        for mlp in self.description.mlps:
            self._check_layers(mlp)
        for step in self.description.steps:
            if isinstance(step, Table):
                self._check_table(step)
        for name, bound in self.bounds.items():
            if bound.largest >= WIDEST:
                raise ValueError(
                    f"integer model {self.description.name!r}: {name} reaches {bound.largest:,}, wanted below 2^62; "
                    "use fewer bits, or formats whose exponents lie closer together"
                )

    # Grids

    def columns(self, name: str) -> tuple[Format, ...]:
        """Format of each column of a value; gathers, concatenations and maxima keep those of their sources."""
        return columns_of(self.description, self.formats, name)

    def exponent(self, name: str) -> int:
        """The value's grid: all its columns are multiples of 2^exponent."""
        return min(fmt.exponent for fmt in self.columns(name))

    @property
    def reciprocal_bits(self) -> int:
        """Fractional bits of the reciprocals that means multiply by."""
        return reciprocal_bits(self.max_degree)

    def bound(self, name: str) -> Bound:
        """Largest magnitudes of a value's codes, column by column, on the value's grid."""
        return Bound.of(self.columns(name))

    @cached_property
    def bounds(self) -> Mapping[str, Bound]:
        """Largest exact result before rounding: by step, by layer for MLPs ("phi_r1.0"), in the order of the steps.

        Of a mean: that of the product with the reciprocal; its sum's is `sum_bound`.
        """
        bounds: dict[str, Bound] = {}
        for step in self.description.steps:
            match step:
                case Gather() | Concat() | Table():
                    continue
                case Mlp():
                    bounds |= {f"{step.name}.{i}": bound for i, bound in enumerate(self._layer_bounds(step))}
                case Map():
                    bounds[step.name] = operation(step.operation).apply(*(self.bound(part) for part in step.parts))
                case Scatter():
                    if step.reduce == "sum":
                        bounds[step.name] = self.sum_bound(step)
                    elif step.reduce == "mean":
                        source = self.bound(step.source)
                        bounds[step.name] = source.averaged(self.max_degree, self.reciprocal_bits)
                case _:
                    refuse_step(step, "bounds of the integer model")
        return bounds

    def sum_bound(self, step: Scatter, max_degree: int | None = None) -> Bound:
        """Largest sum over the elements at one end, for the model's largest degree or another."""
        return self.bound(step.source).summed(max_degree or self.max_degree)

    def sum_bits(self, name: str, max_degree: int) -> int:
        """Signed width of the sum `name` over at most `max_degree` elements."""
        step = self.description.step(name)
        assert isinstance(step, Scatter)
        return self.sum_bound(step, max_degree).largest.bit_length() + 1

    def accumulator_bits(self, mlp: str) -> list[int]:
        """Width of each layer's accumulator, signed, wide enough for every input that the formats allow."""
        step = self.description.step(mlp)
        assert isinstance(step, Mlp)
        return [bound.largest.bit_length() + 1 for bound in self._layer_bounds(step)]

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
        rows: Rows[NDArray[Any]] | None = None,
        hidden: bool = False,
        kernel: RunKernel | None = None,
    ) -> dict[str, IntArray]:
        """Codes of every value, in order, each on its own grid (`exponent`).

        Args: inputs: codes (n, width) of each input; rows: ends and counts, needed where the network gathers or
        scatters; hidden: also give each MLP's hidden activations, "phi_r1.0", "phi_r1.1", …; kernel: runs MLPs, maps
        and tables in place of the model's own arithmetic, from codes of what `submodel` takes.
        Cost: O(rows) times the sizes of the MLPs. Raises ValueError for a mean over more than `max_degree` elements.
        """
        values: dict[str, IntArray] = {}
        for value in self.description.inputs:
            values[value.name] = self._checked_input(value, inputs[value.name])
        for step in self.description.steps:
            if kernel is not None and isinstance(step, Kernel):
                names = [value.name for value in self.description.submodel(step.name).inputs]
                values[step.name] = kernel(step.name, {name: values[name] for name in names})
            else:
                results = self._results(step, values, rows)
                values |= {name: codes for name, codes in results if hidden or name == step.name}
        return values

    def run_graph(self, graph: Graph, hidden: bool = False) -> dict[str, IntArray]:
        """`run` on the features of a graph. Raises ValueError for a graph without what the network reads."""
        rows = rows_of(graph, self.description)
        check_inputs(self.description.inputs, rows)
        return self.run(self.quantize_inputs(rows.features), rows, hidden)

    def logits(self, graph: HitGraph) -> NDArray[np.float64]:
        """(E,) edge logits as real numbers."""
        codes = self.run_graph(graph)[self.description.output]
        return self.formats[self.description.output].dequantize(codes)[:, 0]

    def submodel(self, kernel: str) -> IntegerModel:
        """One MLP, map or table as an integer model of its own; its inputs are what its concatenations join."""
        description = self.description.submodel(kernel)
        formats = {kernel: self.formats[kernel]}
        for value in description.inputs:
            columns = set(self.columns(value.name))
            if len(columns) > 1:
                raise ValueError(
                    f"{kernel} reads {value.name!r}, whose columns have several formats; join after gathering"
                )
            formats |= {value.name: columns.pop()}
        layers = {kernel: self.layers[kernel]} if kernel in self.layers else {}
        tables = {kernel: self.tables[kernel]} if kernel in self.tables else {}
        return IntegerModel(description, formats, layers, tables, self.max_degree)

    def rounded(self, step: Step, values: Mapping[str, IntArray], rows: Rows[NDArray[Any]] | None) -> Iterator[Rounded]:
        """Each exact result of a step that is rounded, and its format: every layer of an MLP, in order.

        Nothing for what keeps its codes, and for a table. `values` are codes of its sources.
        """
        match step:
            case Gather() | Concat() | Table():
                return
            case Mlp():
                value = self._exact(step.source, values)
                for index, layer in enumerate(self.layers[step.name]):
                    rounded = Rounded.of(f"{step.name}.{index}", layer.accumulate(value), layer.activation)
                    yield rounded
                    value = Exact(rounded.codes, layer.activation.exponent)
            case Map():
                parts = (self._exact(part, values) for part in step.parts)
                yield Rounded.of(step.name, operation(step.operation).apply(*parts), self.formats[step.name])
            case Scatter():
                if step.reduce != "max":
                    yield Rounded.of(step.name, self._reduced(step, values, rows), self.formats[step.name])
            case _:
                refuse_step(step, "integer model")

    def _results(
        self, step: Step, values: Mapping[str, IntArray], rows: Rows[NDArray[Any]] | None
    ) -> Iterator[tuple[str, IntArray]]:
        """Name and codes of what a step makes: of an MLP every layer's, the last one's under its own name."""
        match step:
            case Gather():
                yield step.name, values[step.source][_needed(rows, step).ends[step.end]]
            case Concat():
                exponent = self.exponent(step.name)
                yield step.name, np.concatenate([self._exact(part, values).on(exponent) for part in step.parts], axis=1)
            case Table():
                yield step.name, self.look_up(step, values[step.source])
            case Scatter(reduce="max"):
                index, count = _at_end(step, _needed(rows, step))
                yield step.name, scattered_max(values[step.source], index, count)
            case Mlp() | Map() | Scatter():
                last = f"{step.name}.{len(step.widths) - 1}" if isinstance(step, Mlp) else ""
                for rounded in self.rounded(step, values, rows):
                    yield step.name if rounded.name == last else rounded.name, rounded.codes
            case _:
                refuse_step(step, "integer model")

    def check_capacity(self, counts: Mapping[str, int], form: str) -> None:
        """Raises ValueError for a mean whose elements may have more than `max_degree` others in so large a graph."""
        for step in self.description.steps:
            if isinstance(step, Scatter) and step.reduce == "mean":
                domain = self.description.end(step.end)[0].name
                if counts[domain] > self.max_degree:
                    raise ValueError(
                        f"{form}: mean {step.name!r} may be over all {counts[domain]} {domain}s, but its reciprocals "
                        f"are precise to {self.max_degree}; give the recipe that max_degree, or the form room for fewer"
                    )

    def look_up(self, step: Table, codes: IntArray) -> IntArray:
        """What a table step makes of codes of its source."""
        return self.tables[step.name][codes - self.columns(step.source)[0].lowest]

    def _exact(self, name: str, values: Mapping[str, IntArray]) -> Exact:
        return Exact(values[name], self.exponent(name))

    def _reduced(self, step: Scatter, values: Mapping[str, IntArray], rows: Rows[NDArray[Any]] | None) -> Exact:
        index, count = _at_end(step, _needed(rows, step))
        value = self._exact(step.source, values)
        if step.reduce == "sum":
            return scattered_sum(value, index, count)
        largest = int(np.bincount(index).max(initial=0))
        if largest > self.max_degree:
            raise ValueError(
                f"{step.name}: a mean over {largest} elements, but the reciprocals are precise to {self.max_degree}; "
                "give the recipe that max_degree"
            )
        return scattered_mean(value, index, count, self.reciprocal_bits)

    def _layer_bounds(self, step: Mlp) -> list[Bound]:
        bounds = []
        value = self.bound(step.source)
        for layer in self.layers[step.name]:
            accumulator = layer.accumulate(value)
            assert isinstance(accumulator, Bound)
            bounds.append(accumulator)
            value = Bound.of((layer.activation,) * len(layer.bias))
        return bounds

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

    def _check_layers(self, mlp: Mlp) -> None:
        layers = self.layers.get(mlp.name, ())
        wanted = [(fan_out, fan_in) for fan_in, fan_out in self.description.layer_widths(mlp)]
        got = [layer.weight.shape for layer in layers]
        where = f"integer model {self.description.name!r}: {mlp.name}"
        if got != wanted:
            raise ValueError(f"{where} has weights {got}, wanted {wanted}")
        if layers[-1].activation != self.formats[mlp.name]:
            raise ValueError(f"{where}'s last activation is not its format")

    def _check_table(self, step: Table) -> None:
        where = f"integer model {self.description.name!r}: table {step.name}"
        source = set(self.columns(step.source))
        if len(source) != 1 or next(iter(source)).bits > TABLE_BITS:
            raise ValueError(
                f"{where} reads {step.source!r} in {sorted(map(str, source))}, wanted one format of at most "
                f"{TABLE_BITS} bits; give it fewer bits, and join values after the table"
            )
        contents, fmt = self.tables.get(step.name, np.empty(0)), self.formats[step.name]
        if contents.shape != next(iter(source)).codes().shape:
            raise ValueError(f"{where} has {contents.size} entries, wanted one for each code of {step.source!r}")
        if not (fmt.lowest <= contents.min() and contents.max() <= fmt.highest):
            raise ValueError(f"{where} spans {contents.min()}…{contents.max()}, outside {fmt}")


def columns_of(description: NetworkDescription, formats: Mapping[str, Format], name: str) -> tuple[Format, ...]:
    """Format of each column of a value, where those of all that has one of its own are in `formats`."""
    if name in formats:
        return (formats[name],) * description.shape(name).width
    sources = description.step(name).sources
    return tuple(fmt for source in sources for fmt in columns_of(description, formats, source))


def _needed(rows: Rows[NDArray[Any]] | None, step: Gather | Scatter) -> Rows[NDArray[Any]]:
    if rows is None:
        raise ValueError(f"{step.name} needs the rows at end {step.end!r}; give `rows`")
    return rows


def _at_end(step: Scatter, rows: Rows[NDArray[Any]]) -> tuple[NDArray[np.int64], int]:
    """(elements,) rows at a scatter's end, and how many there are."""
    return rows.ends[step.end], rows.counts[rows.domain_at(step.end)]
