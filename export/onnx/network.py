"""A network description as an ONNX graph, in any arithmetic.

How numbers are kept (float, QuantizeLinear/DequantizeLinear, Quant) is the business of an `Arithmetic`; the steps are
written here once. Nowhere is a `Shape` node: qonnx folds the shape of a tensor of free size to a constant 0, silently.
Scatters are `ScatterElements` with a reduction and int64 indices, which TensorRT takes since 10.0; it takes neither
`ScatterND` with a reduction nor a scatter of int8. Every domain with ends has an input of its own with their rows:
`edge_index` (2, edges) for edges between nodes, `triplet_index` (2, triplets) for triplets of edges.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from edgetrack.export.onnx.graph import OnnxGraph
from edgetrack.export.onnx.traced import TracedTensor
from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import operation
from edgetrack.models.rows import Rows
from edgetrack.models.steps import (
    Concat,
    Gather,
    Input,
    Map,
    Mlp,
    Scatter,
    Shape,
    Step,
    Table,
    keeps_codes,
    refuse_step,
)

LOGITS = "logits"


class Arithmetic(Protocol):
    """How a form keeps numbers."""

    @property
    def pairwise(self) -> bool:
        """Whether concatenations join two tensors at a time: hls4ml takes no more."""

    def raw(self, name: str) -> str:
        """Name of the tensor that a step computes, before `settle` makes the value `name` of it."""

    def settle(self, graph: OnnxGraph, name: str, source: str, output: str) -> None:
        """Make `output`, the value `name` in its format, of the tensor `source`; nothing to do in float."""

    def mlp(self, graph: OnnxGraph, step: Mlp, source: str) -> None:
        """Make the value of an MLP."""

    def table(self, graph: OnnxGraph, step: Table, source: str, output: str) -> None:
        """Make `output`, the function of each number of the tensor `source`."""

    def mean(self, graph: OnnxGraph, step: Scatter, total: str, degree: str, output: str) -> None:
        """Make `output`, the tensor `total` (rows, width) divided by `degree` (rows, 1), which is at least 1."""

    def least(self, name: str) -> float:
        """A float32 number below all that the value `name` can have: what a maximum starts from."""


def tensor_of(description: NetworkDescription, name: str) -> str:
    """Tensor that holds a value: its name; inputs differ, since their name is that of the raw features."""
    return f"{name}.value" if isinstance(description.step(name), Input) else name


def output_tensor(description: NetworkDescription) -> str:
    """Name of the graph's output: "logits" (edges,) of an edge classifier, else the value's own name."""
    return LOGITS if is_edge_classifier(description) else description.output


def is_edge_classifier(description: NetworkDescription) -> bool:
    """A network over a graph (not one of its kernels alone) whose result is one number an edge."""
    return description.shape(description.output) == Shape("edge", 1) and bool(description.ends_used)


def index_inputs(description: NetworkDescription, rows: Rows[NDArray[Any]]) -> dict[str, NDArray[np.int64]]:
    """What a graph's index inputs take: for each domain whose ends are used, (ends, elements)."""
    return {
        index_name(domain.name): np.stack([rows.ends[end.name] for end in domain.ends])
        for domain in description.domains
        if {end.name for end in domain.ends} & set(description.ends_used)
    }


def index_name(domain: str) -> str:
    return f"{domain}_index"


def network_graph(description: NetworkDescription, arithmetic: Arithmetic) -> OnnxGraph:
    """The graph of a network: inputs are the raw features, each (elements, width) float32, and `DOMAIN_index`
    (ends, elements) int64 of each domain whose ends are used; its output is `output_tensor`.

    Raises ValueError where a value has a name that the graph needs itself.
    """
    reserved = {LOGITS, *(index_name(domain.name) for domain in description.domains)}
    for name in description.names:
        if name in reserved:
            raise ValueError(f"network {description.name!r}: {name!r} is the name of an input or output; use another")
    graph = OnnxGraph(description.name)
    for value in description.inputs:
        graph.input(value.name, (_rows(value.domain), value.width))
    _index(graph, description)
    for value in description.inputs:
        _input(graph, value, arithmetic)
    for step in description.steps:
        _step(graph, description, step, arithmetic)
    if is_edge_classifier(description):
        graph.node(
            "Squeeze",
            [tensor_of(description, description.output), graph.constant("axis.1", np.array([1]))],
            LOGITS,
            ["edges"],
        )
    return graph


def _rows(domain: str) -> str:
    """Name of the free size of a domain."""
    return f"{domain}s"


def _index(graph: OnnxGraph, description: NetworkDescription) -> None:
    """An index input for each domain whose ends are used, and a tensor of rows for each of these ends."""
    for domain in description.domains:
        index = index_name(domain.name)
        for row, end in enumerate(domain.ends):
            if end.name not in description.ends_used:
                continue
            if index not in graph:
                graph.input(index, (len(domain.ends), _rows(domain.name)), TensorProto.INT64)
            graph.node(
                "Gather",
                [index, graph.constant(f"row.{row}", np.array(row))],
                _end(end.name),
                [_rows(domain.name)],
                dtype=TensorProto.INT64,
                axis=0,
            )


def _end(end: str) -> str:
    return f"index.{end}"


def _input(graph: OnnxGraph, value: Input, arithmetic: Arithmetic) -> None:
    shape = graph.shapes[value.name]
    tensor = value.name
    if any(scale != 1.0 for scale in value.scale):
        scale = graph.constant(f"{value.name}.scale", np.array(value.scale, np.float32))
        tensor = graph.node("Mul", [tensor, scale], f"{value.name}.scaled", shape)
    arithmetic.settle(graph, value.name, tensor, f"{value.name}.value")
    if f"{value.name}.value" not in graph:
        graph.node("Identity", [tensor], f"{value.name}.value", shape)


def _step(graph: OnnxGraph, description: NetworkDescription, step: Step, arithmetic: Arithmetic) -> None:
    domain, width = description.shape(step.name)
    shape = (_rows(domain), width)
    sources = [tensor_of(description, name) for name in step.sources]
    raw = step.name if keeps_codes(step) else arithmetic.raw(step.name)
    match step:
        case Gather():
            graph.node("Gather", [*sources, _end(step.end)], raw, shape, axis=0)
        case Concat():
            _concat(graph, sources, raw, arithmetic.pairwise)
        case Mlp():
            arithmetic.mlp(graph, step, sources[0])
            return
        case Map():
            traced = (TracedTensor(graph, source, f"{step.name}.part") for source in sources)
            result = operation(step.operation).apply(*traced)
            graph.node("Identity", [result.name], raw, shape)
        case Table():
            arithmetic.table(graph, step, sources[0], raw)
        case Scatter():
            _scatter(graph, description, step, sources[0], raw, arithmetic)
        case _:
            refuse_step(step, "onnx")
    if not keeps_codes(step):
        arithmetic.settle(graph, step.name, raw, step.name)


def _concat(graph: OnnxGraph, parts: list[str], output: str, pairwise: bool) -> None:
    while parts:
        count = min(2, len(parts)) if pairwise else len(parts)
        joined, rest = parts[:count], parts[count:]
        rows, width = graph.shapes[joined[0]][0], sum(int(graph.shapes[part][1]) for part in joined)
        name = f"{output}.{len(rest)}" if rest else output
        graph.node("Concat", joined, name, (rows, width), axis=1)
        parts = [name, *rest] if rest else []


def _scatter(
    graph: OnnxGraph, description: NetworkDescription, step: Scatter, source: str, output: str, arithmetic: Arithmetic
) -> None:
    match step.reduce:
        case "sum":
            _reduced(graph, description, step, source, 0.0, output)
        case "mean":
            total = _reduced(graph, description, step, source, 0.0, f"{step.name}.total")
            arithmetic.mean(graph, step, total, _degree(graph, description, step.end), output)
        case "max":
            _maximum(graph, description, step, source, arithmetic.least(step.source), output)


def _maximum(
    graph: OnnxGraph, description: NetworkDescription, step: Scatter, source: str, least: float, output: str
) -> None:
    """The largest value, and 0 where none came: there the start is left."""
    largest = _reduced(graph, description, step, source, least, f"{step.name}.largest")
    shape = graph.shapes[largest]
    start = graph.constant(f"{step.name}.least", np.array(least, np.float32))
    there = graph.node("Greater", [largest, start], f"{step.name}.there", shape, dtype=TensorProto.BOOL)
    zero = graph.constant("zero.float", np.array(0.0, np.float32))
    graph.node("Where", [there, largest, zero], output, shape)


def _reduced(
    graph: OnnxGraph, description: NetworkDescription, step: Scatter, source: str, start: float, output: str
) -> str:
    width = int(graph.shapes[source][1])
    elements, among = description.end(step.end)
    index = f"{_end(step.end)}.{width}"
    if index not in graph:
        column = _index_column(graph, description, step.end)
        wide = graph.constant(f"shape.1.{width}", np.array([1, width]))
        graph.node("Expand", [column, wide], index, [_rows(elements.name), width], dtype=TensorProto.INT64)
    first = _filled(graph, description, among.name, width, start)
    reduction = "max" if step.reduce == "max" else "add"
    shape = (_rows(among.name), width)
    return graph.node("ScatterElements", [first, index, source], output, shape, axis=0, reduction=reduction)


def _index_column(graph: OnnxGraph, description: NetworkDescription, end: str) -> str:
    column = f"{_end(end)}.column"
    if column in graph:
        return column
    axis = graph.constant("axis.1", np.array([1]))
    rows = _rows(description.end(end)[0].name)
    return graph.node("Unsqueeze", [_end(end), axis], column, [rows, 1], dtype=TensorProto.INT64)


def _filled(graph: OnnxGraph, description: NetworkDescription, domain: str, width: int, number: float) -> str:
    """`number` everywhere (elements, width): a value of the domain times a matrix of zeros, plus it, since sizes are
    free and `Shape` is not to be."""
    filled = f"filled.{domain}.{width}.{number}"
    if filled in graph:
        return filled
    shape = (_rows(domain), width)
    zeros = f"zeros.{domain}.{width}"
    if zeros not in graph:
        there = (value for value in (*description.inputs, *description.steps) if value.name in graph)
        one = next((value.name for value in there if description.shape(value.name).domain == domain), None)
        if one is None:
            raise ValueError(
                f"network {description.name!r} sums into {domain}s before any value lives there to count them by; "
                f"give it an input on {domain}s"
            )
        width_in = description.shape(one).width
        matrix = graph.constant(f"zeros.{width_in}.{width}", np.zeros((width_in, width), np.float32))
        graph.node("MatMul", [tensor_of(description, one), matrix], zeros, shape)
    if number == 0.0:
        return zeros
    return graph.node("Add", [zeros, graph.constant(f"number.{number}", np.array(number, np.float32))], filled, shape)


def _degree(graph: OnnxGraph, description: NetworkDescription, end: str) -> str:
    """Elements at each row of an end (rows, 1) float32, 1 for a row without any."""
    degree = f"{_end(end)}.degree"
    if degree in graph:
        return degree
    elements, among = description.end(end)
    column = _index_column(graph, description, end)
    shape = (_rows(elements.name), 1)
    # one each, by a comparison that always holds; not `Equal` with itself: qonnx renames one use of a tensor
    least = graph.constant("row.0", np.array(0))
    true = graph.node("GreaterOrEqual", [column, least], f"{column}.true", shape, dtype=TensorProto.BOOL)
    ones = graph.node("Cast", [true], f"{column}.ones", shape, to=TensorProto.FLOAT)
    count = graph.node(
        "ScatterElements",
        [_filled(graph, description, among.name, 1, 0.0), column, ones],
        f"{degree}.count",
        [_rows(among.name), 1],
        axis=0,
        reduction="add",
    )
    return graph.node(
        "Max", [count, graph.constant("one.float", np.array([1], np.float32))], degree, [_rows(among.name), 1]
    )
