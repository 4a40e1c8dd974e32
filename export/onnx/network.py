"""A network description as an ONNX graph: gathers, concatenations, scatters and sums, in any arithmetic.

How numbers are kept (float, QuantizeLinear/DequantizeLinear, Quant) is the business of an `Arithmetic`; the steps are
written here once. Nowhere is a `Shape` node: qonnx folds the shape of a tensor of free size to a constant 0, silently.
Scatters are `ScatterElements(reduction=add)` with int64 indices, which TensorRT takes since 10.0; it takes neither
`ScatterND` with a reduction nor a scatter of int8.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from onnx import TensorProto

from edgetrack.export.onnx.graph import OnnxGraph
from edgetrack.models.description import (
    Add,
    Concat,
    EdgeEnd,
    Gather,
    Input,
    Mlp,
    NetworkDescription,
    ScatterMean,
    ScatterSum,
    Shape,
    Step,
)

EDGE_INDEX = "edge_index"
LOGITS = "logits"
ROWS = {"node": "nodes", "edge": "edges"}


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

    def mean(self, graph: OnnxGraph, total: str, degree: str, output: str) -> None:
        """Make `output`, the tensor `total` (nodes, width) divided by `degree` (nodes, 1), which is at least 1."""


def tensor_of(description: NetworkDescription, name: str) -> str:
    """Tensor that holds a value: its name; inputs differ, since their name is that of the raw features."""
    return f"{name}.value" if isinstance(description.step(name), Input) else name


def output_tensor(description: NetworkDescription) -> str:
    """Name of the graph's output: "logits" (edges,) of an edge classifier, else the value's own name."""
    return LOGITS if is_edge_classifier(description) else description.output


def is_edge_classifier(description: NetworkDescription) -> bool:
    """A network over a graph (not one of its MLPs alone) whose result is one number an edge."""
    return description.shape(description.output) == Shape("edge", 1) and uses_edge_index(description)


def uses_edge_index(description: NetworkDescription) -> bool:
    return any(isinstance(step, Gather | ScatterSum | ScatterMean) for step in description.steps)


def network_graph(description: NetworkDescription, arithmetic: Arithmetic) -> OnnxGraph:
    """The graph of a network: inputs are the raw features, each (nodes or edges, width) float32, and `edge_index`
    (2, edges) int64 where it is used; its output is `output_tensor`.

    Raises ValueError where a value has a name that the graph needs itself.
    """
    for name in description.names:
        if name in (EDGE_INDEX, LOGITS):
            raise ValueError(f"network {description.name!r}: {name!r} is the name of an input or output; use another")
    graph = OnnxGraph(description.name)
    for value in description.inputs:
        graph.input(value.name, (ROWS[value.domain], value.width))
    if uses_edge_index(description):
        graph.input(EDGE_INDEX, (2, "edges"), TensorProto.INT64)
        for row, end in enumerate(("source", "target")):
            graph.node(
                "Gather",
                [EDGE_INDEX, graph.constant(f"row.{row}", np.array(row))],
                f"{EDGE_INDEX}.{end}",
                ["edges"],
                dtype=TensorProto.INT64,
                axis=0,
            )
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
    made = description.shape(step.name)
    shape = (ROWS[made.domain], made.width)

    def tensor(name: str) -> str:
        return tensor_of(description, name)

    match step:
        case Gather():
            graph.node("Gather", [tensor(step.source), f"{EDGE_INDEX}.{step.end}"], step.name, shape, axis=0)
            return
        case Concat():
            _concat(graph, [tensor(part) for part in step.parts], step.name, arithmetic.pairwise)
            return
        case Mlp():
            arithmetic.mlp(graph, step, tensor(step.source))
            return
    raw = arithmetic.raw(step.name)
    match step:
        case ScatterSum():
            _scatter_sum(graph, description, tensor(step.source), step.end, raw)
        case ScatterMean():
            total = f"{step.name}.total"
            _scatter_sum(graph, description, tensor(step.source), step.end, total)
            arithmetic.mean(graph, total, _degree(graph, description, step.end), raw)
        case Add():
            graph.node("Add", [tensor(part) for part in step.parts], raw, shape)
    arithmetic.settle(graph, step.name, raw, step.name)


def _concat(graph: OnnxGraph, parts: list[str], output: str, pairwise: bool) -> None:
    while parts:
        count = min(2, len(parts)) if pairwise else len(parts)
        joined, rest = parts[:count], parts[count:]
        rows, width = graph.shapes[joined[0]][0], sum(int(graph.shapes[part][1]) for part in joined)
        name = f"{output}.{len(rest)}" if rest else output
        graph.node("Concat", joined, name, (rows, width), axis=1)
        parts = [name, *rest] if rest else []


def _scatter_sum(graph: OnnxGraph, description: NetworkDescription, source: str, end: EdgeEnd, output: str) -> None:
    width = graph.shapes[source][1]
    index = f"{EDGE_INDEX}.{end}.{width}"
    if index not in graph:
        column = _index_column(graph, end)
        shape = graph.constant(f"shape.1.{width}", np.array([1, width]))
        graph.node("Expand", [column, shape], index, ["edges", width], dtype=TensorProto.INT64)
    zeros = _zeros(graph, description, int(width))
    graph.node("ScatterElements", [zeros, index, source], output, ["nodes", width], axis=0, reduction="add")


def _index_column(graph: OnnxGraph, end: EdgeEnd) -> str:
    column = f"{EDGE_INDEX}.{end}.column"
    if column in graph:
        return column
    axis = graph.constant("axis.1", np.array([1]))
    return graph.node("Unsqueeze", [f"{EDGE_INDEX}.{end}", axis], column, ["edges", 1], dtype=TensorProto.INT64)


def _zeros(graph: OnnxGraph, description: NetworkDescription, width: int) -> str:
    """Zeros (nodes, width): node features times a matrix of zeros, since sizes are free and `Shape` is not to be."""
    zeros = f"zeros.{width}"
    if zeros in graph:
        return zeros
    node_input = next((value for value in description.inputs if value.domain == "node"), None)
    if node_input is None:
        raise ValueError(f"network {description.name!r} sums over neighbours but has no node input to count nodes by")
    matrix = graph.constant(f"zeros.{node_input.width}.{width}", np.zeros((node_input.width, width), np.float32))
    return graph.node("MatMul", [tensor_of(description, node_input.name), matrix], zeros, ["nodes", width])


def _degree(graph: OnnxGraph, description: NetworkDescription, end: EdgeEnd) -> str:
    """Edges at each node (nodes, 1) float32, 1 for a node without any."""
    degree = f"{EDGE_INDEX}.{end}.degree"
    if degree in graph:
        return degree
    column = _index_column(graph, end)
    # one for each edge, by a comparison that always holds; not `Equal` with itself: qonnx renames one use of a tensor
    least = graph.constant("row.0", np.array(0))
    true = graph.node("GreaterOrEqual", [column, least], f"{column}.true", ["edges", 1], dtype=TensorProto.BOOL)
    ones = graph.node("Cast", [true], f"{column}.ones", ["edges", 1], to=TensorProto.FLOAT)
    count = graph.node(
        "ScatterElements",
        [_zeros(graph, description, 1), column, ones],
        f"{degree}.count",
        ["nodes", 1],
        axis=0,
        reduction="add",
    )
    return graph.node("Max", [count, graph.constant("one.float", np.array([1], np.float32))], degree, ["nodes", 1])
