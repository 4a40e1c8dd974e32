"""The quantised network as QONNX: float tensors between `Quant` nodes of any bit width; run by qonnx' own executor.

Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks" (2022). The dialect that hls4ml
and FINN read: `MatMul`, `Add`, `Relu` and `Quant` only inside an MLP, so `cleanup_model` has nothing to rewrite.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import Capacity, FormUnavailable
from edgetrack.export.kind import FormKind, NoSettings
from edgetrack.export.onnx.graph import OnnxGraph, read_onnx, save_onnx
from edgetrack.export.onnx.integer_operators import graph_inputs, integer_onnx, kernel_inputs, value_tensors
from edgetrack.export.onnx.runtime import import_runtime
from edgetrack.models.rows import Graph, rows_of
from edgetrack.quantize.fixed_point import Format, IntArray, signed_bits
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

DOMAIN = "qonnx.custom_op.general"


def qonnx_onnx(model: IntegerModel) -> ModelProto:
    """The complete network, sizes of graphs free, as QONNX.

    Raises ValueError, naming the layer, for accumulators that float32 cannot hold.
    """
    return integer_onnx(model, quantize, linear, pairwise=True, opsets={DOMAIN: 1})


def export_qonnx(model: IntegerModel, folder: Path) -> QonnxForm:
    """Write the network and each kernel (MLP, map, table) on its own into `folder`, and return the form.

    Files: `<network>.onnx`, `kernels/<kernel>.onnx`. Raises FormUnavailable where qonnx or ONNX Runtime is missing.
    """
    save_onnx(qonnx_onnx(model), folder / f"{model.description.name}.onnx")
    for kernel in model.description.kernels:
        save_onnx(qonnx_onnx(model.submodel(kernel.name)), folder / "kernels" / f"{kernel.name}.onnx")
    return QonnxForm(model, folder)


class QonnxForm:
    """QONNX files in qonnx' executor: node by node, `Quant` in numpy, the rest in ONNX Runtime.

    Cost: a few milliseconds a node of the ONNX graph, whatever the size, plus O(N + E) times the sizes of the MLPs.
    """

    name = "qonnx"
    capacity: Capacity | None = None

    def __init__(self, model: IntegerModel, folder: Path) -> None:
        _import_qonnx()
        self.model = model
        self.folder = folder

    def run_graph(self, graph: Graph) -> dict[str, IntArray]:
        """Codes of every value and hidden activation, of raw features.

        Raises ValueError for a node with more edges than float32 can add exactly, InexactForm where a value is off
        its grid.
        """
        path = self.folder / f"{self.model.description.name}.onnx"
        return self._run(path, self.model, graph_inputs(self.model, rows_of(graph, self.model.description)))

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel for input codes."""
        part = self.model.submodel(kernel)
        return self._run(self.folder / "kernels" / f"{kernel}.onnx", part, kernel_inputs(part, inputs))[kernel]

    def _run(self, path: Path, model: IntegerModel, inputs: Mapping[str, NDArray[Any]]) -> dict[str, IntArray]:
        found = execute(read_onnx(path), inputs)
        return {
            name: exact_codes(name, found[tensor], exponent)
            for name, (tensor, exponent) in value_tensors(model).items()
        }


def execute(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Every tensor of a QONNX model by name, from qonnx' executor. Inputs that the model lacks are left out."""
    wrapper, execute_onnx = _import_qonnx()
    bound = bind_sizes(model, inputs)
    used = {value.name: inputs[value.name] for value in bound.graph.input}
    tensors: dict[str, NDArray[Any]] = execute_onnx(wrapper(bound), used, return_full_exec_context=True)
    return tensors


def bind_sizes(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> ModelProto:
    """A copy with the free sizes ("nodes", "edges") replaced by those of the inputs: qonnx takes a free size for 0."""
    bound = ModelProto()
    bound.CopyFrom(model)
    sizes: dict[str, int] = {}
    for value in bound.graph.input:
        for dimension, size in zip(value.type.tensor_type.shape.dim, inputs[value.name].shape, strict=True):
            if dimension.dim_param and sizes.setdefault(dimension.dim_param, size) != size:
                raise ValueError(
                    f"input {value.name!r} has {size} {dimension.dim_param}, another has {sizes[dimension.dim_param]}"
                )
    for value in (*bound.graph.input, *bound.graph.output, *bound.graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_value = sizes[dimension.dim_param]
    return bound


def quantize(graph: OnnxGraph, source: str, fmt: Format, output: str) -> None:
    """One `Quant` node: clamp to the format's codes, round half to even."""
    inputs = [
        source,
        graph.constant(f"scale.2^{fmt.exponent}", np.array(2.0**fmt.exponent, np.float32)),
        graph.constant("zero", np.array(0.0, np.float32)),
        graph.constant(f"bits.{fmt.bits}", np.array(fmt.bits, np.float32)),
    ]
    graph.node(
        "Quant",
        inputs,
        output,
        graph.shapes[source],
        domain=DOMAIN,
        signed=int(fmt.signed),
        narrow=int(fmt.narrow),
        rounding_mode="ROUND",
    )


def linear(graph: OnnxGraph, source: str, layer: IntegerLayer, exponent: int, name: str) -> str:
    """MatMul and Add of quantised weights and bias, then Relu before an unsigned format."""
    shape = (graph.shapes[source][0], len(layer.bias))
    weight = graph.constant(f"{name}.weight.real", layer.weight_format.dequantize(layer.weight.T).astype(np.float32))
    quantize(graph, weight, layer.weight_format, f"{name}.weight")
    bias_format = Format(signed_bits(int(np.abs(layer.bias).max(initial=0))), exponent + layer.weight_format.exponent)
    bias = graph.constant(f"{name}.bias.real", bias_format.dequantize(layer.bias).astype(np.float32))
    quantize(graph, bias, bias_format, f"{name}.bias")
    product = graph.node("MatMul", [source, f"{name}.weight"], f"{name}.product", shape)
    exact = graph.node("Add", [product, f"{name}.bias"], f"{name}.exact", shape)
    return exact if layer.activation.signed else graph.node("Relu", [exact], f"{name}.relu", shape)


def _import_qonnx() -> tuple[Any, Any]:
    """qonnx' ModelWrapper and execute_onnx. Raises FormUnavailable where qonnx is not installed."""
    import_runtime()
    try:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
    except ImportError as error:
        raise FormUnavailable("qonnx is missing: pip install qonnx") from error
    return ModelWrapper, execute_onnx


QONNX: FormKind[QonnxForm, NoSettings] = FormKind(
    "qonnx",
    lambda source, folder, settings: export_qonnx(source.model, folder),
    description="the whole network as ONNX with nodes that quantise to any width",
    open=lambda source, folder: QonnxForm(source.model, folder),
)
