"""An `IntegerModel` as an ONNX graph over floats that hold exact multiples of powers of two.

Both quantised ONNX forms (QCDQ and QONNX) carry integers in float32. That is exact as long as every accumulator and
every sum stays below 2^24 LSB; an export checks the accumulators, a run checks the sums over neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from edgetrack.export.cases import max_degree
from edgetrack.export.onnx.graph import OnnxGraph
from edgetrack.export.onnx.network import EDGE_INDEX, network_graph, output_tensor, tensor_of
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import Add, Mlp, ScatterMean, ScatterSum
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import RECIPROCAL_BITS, IntegerLayer, IntegerModel

FLOAT32_EXACT = 1 << 24  # integers up to this magnitude are float32 numbers

# (graph, source tensor, format, output tensor): bring the source to the format
Quantizer = Callable[[OnnxGraph, str, Format, str], None]
# (graph, source tensor, layer, exponent of the source's grid, name): accumulators of a layer, ReLU included
Linear = Callable[[OnnxGraph, str, IntegerLayer, int, str], str]


@dataclass(frozen=True)
class IntegerArithmetic:
    """The contract's arithmetic: exact sums, brought to a value's format by `quantiser`."""

    model: IntegerModel
    quantiser: Quantizer
    linear: Linear
    pairwise: bool

    def raw(self, name: str) -> str:
        return f"{name}.exact"

    def settle(self, graph: OnnxGraph, name: str, source: str, output: str) -> None:
        self.quantiser(graph, source, self.model.formats[name], output)

    def mlp(self, graph: OnnxGraph, step: Mlp, source: str) -> None:
        exponent, tensor = self.model.exponent(step.source), source
        for layer, name in zip(self.model.layers[step.name], layer_names(step), strict=True):
            exact = self.linear(graph, tensor, layer, exponent, name)
            self.quantiser(graph, exact, layer.activation, name)
            exponent, tensor = layer.activation.exponent, name

    def mean(self, graph: OnnxGraph, total: str, degree: str, output: str) -> None:
        """Multiply by round_half_even(2^12 / degree) / 2^12, exactly `quantize.integer_model.reciprocals`.

        float32 division is correctly rounded, and 2^12 / degree is no nearer to a tie than 1 / (2 degree), except at
        degree 2^13, which is a tie and exact: so `Round` (half to even) sees the right side for every degree.
        """
        one = graph.constant("reciprocal.one", np.array([2.0**RECIPROCAL_BITS], np.float32))
        unit = graph.constant("reciprocal.unit", np.array([2.0**-RECIPROCAL_BITS], np.float32))
        column = graph.shapes[degree]
        reciprocal = f"{degree}.reciprocal"
        if reciprocal not in graph:
            quotient = graph.node("Div", [one, degree], f"{reciprocal}.real", column)
            codes = graph.node("Round", [quotient], f"{reciprocal}.codes", column)
            graph.node("Mul", [codes, unit], reciprocal, column)
        graph.node("Mul", [total, reciprocal], output, graph.shapes[total])


def integer_onnx(
    model: IntegerModel,
    quantiser: Quantizer,
    linear: Linear,
    *,
    pairwise: bool = False,
    opsets: dict[str, int] | None = None,
) -> ModelProto:
    """The model as an ONNX graph. Raises ValueError, naming the layer, where float32 could not be exact."""
    check_accumulators(model)
    graph = network_graph(model.description, IntegerArithmetic(model, quantiser, linear, pairwise))
    doc = f"Exact while no node has more than {largest_degree(model)} edges at one end."
    return graph.model([output_tensor(model.description)], opsets, doc)


def layer_names(step: Mlp) -> list[str]:
    """Tensors of the activations of an MLP: "phi.0", "phi.1", …, and the last as "phi"."""
    return [f"{step.name}.{index}" for index in range(len(step.widths) - 1)] + [step.name]


def value_tensors(model: IntegerModel) -> dict[str, tuple[str, int]]:
    """Tensor and exponent of every value and hidden activation, in the order of the steps."""
    tensors: dict[str, tuple[str, int]] = {}
    for value in (*model.description.inputs, *model.description.steps):
        if isinstance(value, Mlp):
            for name, layer in zip(layer_names(value), model.layers[value.name], strict=True):
                tensors[name] = (name, layer.activation.exponent)
        else:
            tensors[value.name] = (tensor_of(model.description, value.name), model.exponent(value.name))
    return tensors


def check_accumulators(model: IntegerModel) -> None:
    """Raise ValueError for a layer or sum that could reach 2^24 LSB."""
    for step in model.description.steps:
        bounds: dict[str, int] = {}
        if isinstance(step, Mlp):
            bounds = dict(zip(layer_names(step), model.accumulator_bounds(step.name), strict=True))
        elif isinstance(step, Add):
            exponent = min(model.exponent(part) for part in step.parts)
            bounds[step.name] = sum(
                int(model.magnitudes(part).max()) << (model.exponent(part) - exponent) for part in step.parts
            )
        for name, bound in bounds.items():
            if bound > FLOAT32_EXACT:
                raise ValueError(
                    f"{name}: accumulators reach ±{bound}, but float32 holds integers to 2^24 only; give the layer "
                    "fewer weight or activation bits, or a smaller bias"
                )
    for name, limit in degree_limits(model).items():
        if limit < 1:
            raise ValueError(f"{name}: float32 cannot hold a mean of so wide values; give its source fewer bits")


def largest_degree(model: IntegerModel) -> int:
    """Most edges at one end of a node for which every sum and mean over neighbours is exact in float32."""
    return min(degree_limits(model).values(), default=FLOAT32_EXACT)


def degree_limits(model: IntegerModel) -> dict[str, int]:
    """`largest_degree` of each sum and mean over neighbours."""
    limits: dict[str, int] = {}
    for step in model.description.steps:
        if isinstance(step, ScatterSum | ScatterMean):
            magnitude = int(model.magnitudes(step.source).max())
            limits[step.name] = FLOAT32_EXACT // magnitude
            if isinstance(step, ScatterMean):  # |sum · reciprocal| ≤ magnitude · (2^12 + degree / 2)
                mean_limit = 2 * (FLOAT32_EXACT // magnitude - (1 << RECIPROCAL_BITS))
                limits[step.name] = min(limits[step.name], mean_limit)
    return limits


def graph_inputs(model: IntegerModel, graph: HitGraph) -> dict[str, NDArray]:
    """What the ONNX graph of a network takes, of a hit graph: raw features and `edge_index`.

    Raises ValueError for a graph with a node of more edges than float32 sums hold exactly.
    """
    degree, largest = max_degree(graph), largest_degree(model)
    if degree > largest:
        raise ValueError(f"{graph.name}: a node has {degree} edges; sums over neighbours are exact to {largest} only")
    return {"x": graph.x, "edge_attr": graph.edge_attr, EDGE_INDEX: graph.edge_index}


def mlp_inputs(part: IntegerModel, codes: Mapping[str, IntArray]) -> dict[str, NDArray]:
    """What the ONNX graph of one MLP (`IntegerModel.submodel`) takes, of input codes: their real values, float32."""
    return {name: part.formats[name].dequantize(np.asarray(value)).astype(np.float32) for name, value in codes.items()}
