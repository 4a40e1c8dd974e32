"""The float network as ONNX, in the form that ONNX Runtime and TensorRT (10 and newer) take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgetrack.export.kind import FloatKind, NoSettings
from edgetrack.export.onnx.graph import OnnxGraph, read_onnx, save_onnx
from edgetrack.export.onnx.network import index_inputs, network_graph, output_tensor
from edgetrack.export.onnx.runtime import OnnxSession
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows, rows_of
from edgetrack.models.steps import Mlp, Scatter, Table

Writer = Callable[[OnnxGraph, str, str], None]  # graph, source, output


def _silu(graph: OnnxGraph, source: str, output: str) -> None:
    sigmoid = graph.node("Sigmoid", [source], f"{output}.sigmoid", graph.shapes[source])
    graph.node("Mul", [source, sigmoid], output, graph.shapes[source])


def _operators(*names: str) -> Writer:
    """ONNX operators one after the other."""

    def write(graph: OnnxGraph, source: str, output: str) -> None:
        shape = graph.shapes[source]
        for place, name in enumerate(names):
            target = output if place == len(names) - 1 else f"{output}.{name}"
            source = graph.node(name, [source], target, shape)

    return write


def _if_positive(*names: str) -> Writer:
    """ONNX operators one after the other on positive numbers, 0 elsewhere."""

    def write(graph: OnnxGraph, source: str, output: str) -> None:
        shape = graph.shapes[source]
        zero, one = (graph.constant(f"number.{value}", np.array(value, np.float32)) for value in (0.0, 1.0))
        positive = graph.node("Greater", [source, zero], f"{output}.positive", shape, dtype=TensorProto.BOOL)
        taken = graph.node("Where", [positive, source, one], f"{output}.taken", shape)
        _operators(*names)(graph, taken, f"{output}.there")
        graph.node("Where", [positive, f"{output}.there", zero], output, shape)

    return write


FLOAT_FUNCTIONS: dict[str, Writer] = {
    "silu": _silu,
    "sigmoid": _operators("Sigmoid"),
    "exponential": _operators("Exp"),
    "reciprocal": _if_positive("Reciprocal"),
    "reciprocal_square_root": _if_positive("Sqrt", "Reciprocal"),
    "square_root": _if_positive("Sqrt"),
}

FILE = "model.onnx"


@dataclass(frozen=True)
class FloatArithmetic:
    """float32 throughout: linear layers are `Gemm`, a mean divides."""

    weights: Mapping[str, NDArray[np.float32]]  # the network's state dict

    pairwise = False

    def raw(self, name: str) -> str:
        return name

    def settle(self, graph: OnnxGraph, name: str, source: str, output: str) -> None:
        """Floats have no format to be brought to."""

    def mlp(self, graph: OnnxGraph, step: Mlp, source: str) -> None:
        rows, width = graph.shapes[source]
        tensor = source
        for index, (_, fan_out) in enumerate(pairwise((width, *step.widths))):
            last = index == len(step.widths) - 1
            prefix = f"{step.name}.{index}"
            # the modules of the Sequential alternate between Linear and ReLU
            weight, bias = (
                graph.constant(
                    f"{step.parameters}.{index}.{part}", self.weights[f"mlps.{step.parameters}.{2 * index}.{part}"]
                )
                for part in ("weight", "bias")
            )
            tensor = graph.node(
                "Gemm", [tensor, weight, bias], step.name if last else f"{prefix}.linear", (rows, fan_out), transB=1
            )
            if not last:
                tensor = graph.node("Relu", [tensor], prefix, (rows, fan_out))

    def table(self, graph: OnnxGraph, step: Table, source: str, output: str) -> None:
        if step.function not in FLOAT_FUNCTIONS:
            raise ValueError(f"onnx: {step.name} is the function {step.function!r}, which has no ONNX operators here")
        FLOAT_FUNCTIONS[step.function](graph, source, output)

    def mean(self, graph: OnnxGraph, step: Scatter, total: str, degree: str, output: str) -> None:
        graph.node("Div", [total, degree], output, graph.shapes[total])

    def least(self, name: str) -> float:
        return float(np.finfo(np.float32).min)


def float_onnx(network: GraphNetwork) -> ModelProto:
    """The network as a model with its raw features and `DOMAIN_index` int64 as inputs (for hit graphs `x` (nodes, 3),
    `edge_attr` (edges, 4) and `edge_index` (2, edges)) and output `logits` (edges,), or whatever the description names;
    checked by onnx."""
    weights = {
        name: np.ascontiguousarray(tensor.detach().cpu().float().numpy())
        for name, tensor in network.state_dict().items()
    }
    graph = network_graph(network.description, FloatArithmetic(weights))
    return graph.model([output_tensor(network.description)])


def export_float_onnx(network: GraphNetwork, path: Path | str) -> Path:
    """Write `float_onnx(network)` to `path`, atomically; the same network gives the same bytes."""
    return save_onnx(float_onnx(network), path)


class FloatOnnx:
    """A float ONNX file in ONNX Runtime, on one CPU thread. Raises FormUnavailable where ONNX Runtime is missing."""

    def __init__(self, path: Path | str, description: NetworkDescription) -> None:
        self.description = description
        self._session = OnnxSession(read_onnx(Path(path)))

    def output(self, rows: Rows[NDArray[Any]]) -> NDArray[np.float32]:
        """The output; (E,) edge logits of an edge classifier. Cost: O(rows) times the sizes of the MLPs."""
        inputs: dict[str, NDArray[Any]] = {**rows.features, **index_inputs(self.description, rows)}
        outputs = self._session.run({name: inputs[name] for name in self._session.inputs})
        return outputs[output_tensor(self.description)]

    def logits(self, graph: HitGraph) -> NDArray[np.float32]:
        """(E,) edge logits of a hit graph."""
        return self.output(rows_of(graph, self.description))


def _exported(network: GraphNetwork, folder: Path) -> FloatOnnx:
    return FloatOnnx(export_float_onnx(network, folder / FILE), network.description)


ONNX: FloatKind[NoSettings] = FloatKind(
    "onnx",
    lambda network, folder, settings: _exported(network, folder).logits,
    description="the float network, graphs of any size, as ONNX Runtime and TensorRT take it",
    open=lambda network, folder: FloatOnnx(folder / FILE, network.description).logits,
)
