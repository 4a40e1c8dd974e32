"""The quantised network as QCDQ ONNX: QuantizeLinear, Clip, DequantizeLinear; run by ONNX Runtime.

Weights are int8 and biases int32 initialisers behind a `DequantizeLinear`; the bias has the scale of the input's grid
times that of the weights, which is what integer kernels expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import Capacity, InexactForm
from edgetrack.export.kind import FormKind, NoSettings
from edgetrack.export.onnx.graph import OnnxGraph, save_onnx
from edgetrack.export.onnx.integer_operators import (
    graph_inputs,
    integer_onnx,
    kernel_inputs,
    layer_names,
    value_tensors,
)
from edgetrack.export.onnx.network import output_tensor
from edgetrack.export.onnx.runtime import OnnxSession, probe
from edgetrack.models.rows import Graph, rows_of
from edgetrack.models.steps import Mlp
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

MAX_BITS = 8
INT32 = np.iinfo(np.int32)


def qcdq_onnx(model: IntegerModel) -> ModelProto:
    """The complete network, sizes of graphs free, as QCDQ.

    Raises ValueError, naming the layer, for more than 8 bits or accumulators that float32 cannot hold.
    """
    check_bits(model)
    return integer_onnx(model, quantize, linear)


def export_qcdq(model: IntegerModel, folder: Path) -> QcdqForm:
    """Write the network and each kernel (MLP, map, table) on its own into `folder`, and return the form.

    Files: `<network>.onnx`, `kernels/<kernel>.onnx`.
    """
    save_onnx(qcdq_onnx(model), folder / f"{model.description.name}.onnx")
    for kernel in model.description.kernels:
        save_onnx(qcdq_onnx(model.submodel(kernel.name)), folder / "kernels" / f"{kernel.name}.onnx")
    return QcdqForm(model, folder)


class QcdqForm:
    """QCDQ files in ONNX Runtime, each run twice: as it is, optimised, and node by node with every value shown.

    Cost: that of a float network in ONNX Runtime, twice; memory O(E × sum of widths), since all values are kept.
    """

    name = "qcdq"
    capacity: Capacity | None = None

    def __init__(self, model: IntegerModel, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self._sessions: dict[Path, tuple[OnnxSession, OnnxSession]] = {}

    def run_graph(self, graph: Graph) -> dict[str, IntArray]:
        """Codes of every value and hidden activation, of raw features.

        Raises ValueError for a node with more edges than float32 can add exactly, InexactForm where the optimised
        run of the file gives another output than the plain one, or a value is off its grid.
        """
        path = self.folder / f"{self.model.description.name}.onnx"
        return self._run(path, self.model, graph_inputs(self.model, rows_of(graph, self.model.description)))

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel for input codes."""
        part = self.model.submodel(kernel)
        return self._run(self.folder / "kernels" / f"{kernel}.onnx", part, kernel_inputs(part, inputs))[kernel]

    def _run(self, path: Path, model: IntegerModel, inputs: Mapping[str, NDArray[Any]]) -> dict[str, IntArray]:
        tensors = value_tensors(model)
        if path not in self._sessions:
            shown = probe(path, [tensor for tensor, _ in tensors.values()])
            self._sessions[path] = OnnxSession(path.read_bytes()), OnnxSession(shown, optimised=False)
        optimised, plain = self._sessions[path]
        unoptimised = plain.run({name: inputs[name] for name in plain.inputs})
        output = output_tensor(model.description)
        result = optimised.run({name: inputs[name] for name in optimised.inputs})[output]
        if not np.array_equal(result, unoptimised[output]):
            index = tuple(int(i) for i in np.argwhere(result != unoptimised[output])[0])
            raise InexactForm(
                f"{path.name}: {output} at {list(index)} is {result[index]!r} with ONNX Runtime's optimisations and "
                f"{unoptimised[output][index]!r} without; the file is not exact in integer kernels",
                model.description.output,
                index,
            )
        return {name: exact_codes(name, unoptimised[tensor], exponent) for name, (tensor, exponent) in tensors.items()}


def quantize(graph: OnnxGraph, source: str, fmt: Format, output: str) -> None:
    """QuantizeLinear → Clip, where the format is narrower than its bytes → DequantizeLinear."""
    shape = graph.shapes[source]
    carrier = np.int8 if fmt.signed else np.uint8
    dtype = TensorProto.INT8 if fmt.signed else TensorProto.UINT8
    scale, zero = _scale(graph, fmt.exponent), graph.constant(f"{carrier.__name__}.zero", np.array(0, carrier))
    codes = graph.node("QuantizeLinear", [source, scale, zero], f"{output}.codes", shape, dtype=dtype)
    if (fmt.lowest, fmt.highest) != (np.iinfo(carrier).min, np.iinfo(carrier).max):
        limits = [
            graph.constant(f"{carrier.__name__}.{limit}", np.array(limit, carrier))
            for limit in (fmt.lowest, fmt.highest)
        ]
        codes = graph.node("Clip", [codes, *limits], f"{output}.clipped", shape, dtype=dtype)
    graph.node("DequantizeLinear", [codes, scale, zero], output, shape)


def linear(graph: OnnxGraph, source: str, layer: IntegerLayer, exponent: int, name: str) -> str:
    """Gemm of dequantised weights and bias, then Relu before an unsigned format."""
    carrier = np.int8 if layer.weight_format.signed else np.uint8
    scale = _scale(graph, layer.weight_format.exponent)
    codes = graph.constant(f"{name}.weight.codes", layer.weight.astype(carrier))
    # a zero of its own: ONNX Runtime rewrites it where it makes weights unsigned, and fails if another layer shares it
    zero = graph.constant(f"{name}.weight.zero", np.array(0, carrier))
    weight = graph.node("DequantizeLinear", [codes, scale, zero], f"{name}.weight", layer.weight.shape)
    bias_codes = graph.constant(f"{name}.bias.codes", layer.bias.astype(np.int32))
    bias_scale = _scale(graph, exponent + layer.weight_format.exponent)
    bias = graph.node("DequantizeLinear", [bias_codes, bias_scale], f"{name}.bias", layer.bias.shape)
    shape = (graph.shapes[source][0], len(layer.bias))
    exact = graph.node("Gemm", [source, weight, bias], f"{name}.exact", shape, transB=1)
    return exact if layer.activation.signed else graph.node("Relu", [exact], f"{name}.relu", shape)


def _scale(graph: OnnxGraph, exponent: int) -> str:
    return graph.constant(f"scale.2^{exponent}", np.array(2.0**exponent, np.float32))


def check_bits(model: IntegerModel) -> None:
    """Raise ValueError for a value, weight or bias that 8-bit QuantizeLinear (32 bits for a bias) cannot hold."""
    for value in (*model.description.inputs, *model.description.steps):
        if isinstance(value, Mlp):
            for name, layer in zip(layer_names(value), model.layers[value.name], strict=True):
                _check_width(name, "activation", layer.activation)
                _check_width(name, "weight", layer.weight_format)
                if layer.bias.size and not (INT32.min <= layer.bias.min() and layer.bias.max() <= INT32.max):
                    raise ValueError(f"{name}: bias of {np.abs(layer.bias).max()} LSB is outside int32; clip it")
        elif value.name in model.formats:
            _check_width(value.name, "activation", model.formats[value.name])


def _check_width(name: str, what: str, fmt: Format) -> None:
    if fmt.bits > MAX_BITS:
        raise ValueError(
            f"{name}: {what} has {fmt.bits} bits, but QuantizeLinear holds at most {MAX_BITS}; retrain it with "
            f"{MAX_BITS} bits or fewer, or export to QONNX, which takes any width"
        )


QCDQ: FormKind[QcdqForm, NoSettings] = FormKind(
    "qcdq",
    lambda source, folder, settings: export_qcdq(source.model, folder),
    description="the whole network in ONNX's own operators, for ONNX Runtime",
    open=lambda source, folder: QcdqForm(source.model, folder),
)
