"""An `IntegerModel` as an ONNX graph over floats that hold exact multiples of powers of two.

Both quantised ONNX forms (QCDQ and QONNX) carry integers in float32. That is exact as long as every accumulator and
every sum stays within 2^24 LSB; an export proves it for the model's largest degree, a run checks the degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgetrack.export.onnx.graph import Dimensions, OnnxGraph
from edgetrack.export.onnx.network import index_inputs, network_graph, output_tensor, tensor_of
from edgetrack.models.rows import Rows
from edgetrack.models.steps import Mlp, Scatter, Table
from edgetrack.quantize.exact_in_float import check_exact_in_float32
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

WIDEST_FUSED = 1 << 30  # LSB of the result
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64

# (graph, source tensor, format, output tensor): bring the source to the format
Quantizer = Callable[[OnnxGraph, str, Format, str], None]
# (graph, source tensor, layer, exponent of the source's grid, name): accumulators of a layer, ReLU included
Linear = Callable[[OnnxGraph, str, IntegerLayer, int, str], str]


@dataclass(frozen=True)
class IntegerArithmetic:
    """The contract's arithmetic: exact sums, brought to a value's format by `quantiser`."""

    model: IntegerModel
    quantizer: Quantizer
    linear: Linear
    pairwise: bool

    def raw(self, name: str) -> str:
        return f"{name}.exact"

    def settle(self, graph: OnnxGraph, name: str, source: str, output: str) -> None:
        fmt, bound = self.model.formats[name], self.model.bounds.get(name)
        if bound is not None and bound.largest * 2.0 ** (bound.exponent - fmt.exponent) >= WIDEST_FUSED:
            source = self._limited(graph, name, source)
        self.quantizer(graph, source, fmt, output)

    def _limited(self, graph: OnnxGraph, name: str, source: str) -> str:
        """The tensor cut at four times the format's range, which saturates anyway.

        ONNX Runtime fuses a product or sum between dequantised values and its QuantizeLinear into an integer kernel,
        whose conversion to int32 wraps around beyond 2^31.
        """
        fmt, shape = self.model.formats[name], graph.shapes[source]
        for operator, sign in (("Min", 1), ("Max", -1)):
            limit = graph.constant(f"{name}.{operator}", np.array(sign * 4.0 * fmt.magnitude * fmt.step, np.float32))
            source = graph.node(operator, [source, limit], f"{name}.{operator}.cut", shape)
        return source

    def mlp(self, graph: OnnxGraph, step: Mlp, source: str) -> None:
        exponent, tensor = self.model.exponent(step.source), source
        for layer, name in zip(self.model.layers[step.name], layer_names(step), strict=True):
            exact = self.linear(graph, tensor, layer, exponent, name)
            self.quantizer(graph, exact, layer.activation, name)
            exponent, tensor = layer.activation.exponent, name

    def table(self, graph: OnnxGraph, step: Table, source: str, output: str) -> None:
        """The contents at the code of each number."""
        fmt, shape = self.model.columns(step.source)[0], graph.shapes[source]
        contents = self.model.formats[step.name].dequantize(self.model.tables[step.name]).astype(np.float32)
        table = graph.constant(f"{step.name}.contents", contents)
        per_step = graph.constant(f"per.2^{fmt.exponent}", np.array(2.0**-fmt.exponent, np.float32))
        codes = graph.node("Mul", [source, per_step], f"{step.name}.entry.real", shape)
        whole = graph.node("Cast", [codes], f"{step.name}.entry.code", shape, dtype=INT64, to=INT64)
        lowest = graph.constant(f"lowest.{fmt.lowest}", np.array(fmt.lowest, np.int64))
        place = graph.node("Sub", [whole, lowest], f"{step.name}.entry", shape, dtype=INT64)
        graph.node("Gather", [table, place], output, shape, axis=0)

    def mean(self, graph: OnnxGraph, step: Scatter, total: str, degree: str, output: str) -> None:
        """Times round_half_even(2^bits / degree) / 2^bits, `quantize.exact.reciprocals`, and rounded to the format.

        In double, since the product has more digits than float32 keeps; `output` is on the format's grid, and stays
        what it is when brought to the format.
        """
        bits, fmt = self.model.reciprocal_bits, self.model.formats[step.name]
        reciprocal = f"{degree}.reciprocal"
        if reciprocal not in graph:
            column = graph.shapes[degree]
            real = graph.node("Cast", [degree], f"{degree}.double", column, dtype=DOUBLE, to=DOUBLE)
            quotient = self._double(graph, "Div", [self._number(graph, 2.0**bits), real], f"{reciprocal}.real", column)
            codes = self._double(graph, "Round", [quotient], f"{reciprocal}.codes", column)
            self._double(graph, "Mul", [codes, self._number(graph, 2.0**-bits)], reciprocal, column)
        shape = graph.shapes[total]
        wide = graph.node("Cast", [total], f"{step.name}.double", shape, dtype=DOUBLE, to=DOUBLE)
        exact = self._double(graph, "Mul", [wide, reciprocal], f"{step.name}.product", shape)
        lsb, lowest, highest = (self._number(graph, value) for value in (1 / fmt.step, fmt.lowest, fmt.highest))
        in_steps = self._double(graph, "Mul", [exact, lsb], f"{step.name}.steps", shape)
        rounded = self._double(graph, "Round", [in_steps], f"{step.name}.rounded", shape)
        clipped = self._double(graph, "Clip", [rounded, lowest, highest], f"{step.name}.clipped", shape)
        mean = self._double(graph, "Mul", [clipped, self._number(graph, fmt.step)], f"{step.name}.mean", shape)
        graph.node("Cast", [mean], output, shape, to=FLOAT)

    def least(self, name: str) -> float:
        bound = self.model.bound(name)
        return float(-(bound.largest + 1) * 2.0**bound.exponent)

    @staticmethod
    def _number(graph: OnnxGraph, value: float) -> str:
        return graph.constant(f"double.{float(value)}", np.array(value, np.float64))

    @staticmethod
    def _double(graph: OnnxGraph, operator: str, inputs: list[str], output: str, shape: Dimensions) -> str:
        return graph.node(operator, inputs, output, shape, dtype=DOUBLE)


def integer_onnx(
    model: IntegerModel,
    quantizer: Quantizer,
    linear: Linear,
    *,
    pairwise: bool = False,
    opsets: dict[str, int] | None = None,
) -> ModelProto:
    """The model as an ONNX graph. Raises ValueError, naming the layer, where float32 could not be exact."""
    check_exact_in_float32(model)
    graph = network_graph(model.description, IntegerArithmetic(model, quantizer, linear, pairwise))
    doc = f"Exact while nothing has more than {model.max_degree} neighbours at one end."
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


def graph_inputs(model: IntegerModel, rows: Rows[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What the ONNX graph of a network takes: raw features, and the ends of each domain.

    Raises ValueError where an element has more neighbours than the model is exact for.
    """
    degree = rows.max_degree()
    if degree > model.max_degree:
        raise ValueError(f"{rows.name}: degree {degree}; sums over neighbours are exact to {model.max_degree} only")
    return {**rows.features, **index_inputs(model.description, rows)}


def kernel_inputs(part: IntegerModel, codes: Mapping[str, IntArray]) -> dict[str, NDArray[Any]]:
    """What the ONNX graph of one kernel (`IntegerModel.submodel`) takes, of input codes: their real values, float32."""
    return {name: part.formats[name].dequantize(np.asarray(value)).astype(np.float32) for name, value in codes.items()}
