"""The float network as ONNX, in the form that ONNX Runtime and TensorRT (10 and newer) take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from edgetrack.export.kind import FloatKind, NoSettings
from edgetrack.export.onnx.graph import OnnxGraph, save_onnx
from edgetrack.export.onnx.network import EDGE_INDEX, LOGITS, network_graph, output_tensor
from edgetrack.export.onnx.runtime import OnnxSession
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import Mlp
from edgetrack.models.network import GraphNetwork


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
                graph.constant(f"{prefix}.{part}", self.weights[f"mlps.{step.name}.{2 * index}.{part}"])
                for part in ("weight", "bias")
            )
            tensor = graph.node(
                "Gemm", [tensor, weight, bias], step.name if last else f"{prefix}.linear", (rows, fan_out), transB=1
            )
            if not last:
                tensor = graph.node("Relu", [tensor], prefix, (rows, fan_out))

    def mean(self, graph: OnnxGraph, total: str, degree: str, output: str) -> None:
        graph.node("Div", [total, degree], output, graph.shapes[total])


def float_onnx(network: GraphNetwork) -> ModelProto:
    """The network as a model with inputs `x` (nodes, 3), `edge_attr` (edges, 4), `edge_index` (2, edges) int64 and
    output `logits` (edges,), or whatever the description names; checked by onnx."""
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

    def __init__(self, path: Path | str) -> None:
        self._session = OnnxSession(Path(path).read_bytes())

    def logits(self, graph: HitGraph) -> NDArray[np.float32]:
        """(E,) edge logits. Cost: O(N + E) times the sizes of the MLPs."""
        inputs: dict[str, NDArray] = {"x": graph.x, "edge_attr": graph.edge_attr, EDGE_INDEX: graph.edge_index}
        return self._session.run({name: inputs[name] for name in self._session.inputs})[LOGITS]


ONNX: FloatKind[NoSettings] = FloatKind(
    "onnx", lambda network, folder, settings: FloatOnnx(export_float_onnx(network, folder / "model.onnx")).logits
)
