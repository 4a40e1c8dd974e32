"""Damage to exported ONNX files: the silent failures of exporters, to prove that comparisons would see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, helper, numpy_helper


def drop_reduction(path: Path) -> int:
    """Remove `reduction` from every ScatterElements, as a legacy exporter does: one edge wins. Gives how many."""
    model = onnx.load(path)
    count = 0
    for node in model.graph.node:
        for attribute in [attribute for attribute in node.attribute if attribute.name == "reduction"]:
            node.attribute.remove(attribute)
            count += 1
    onnx.save(model, path)
    return count


def make_bias_float(path: Path, layer: str, offset_lsb: float) -> None:
    """Replace the dequantised bias of a QCDQ layer by a float one, `offset_lsb` of its grid away."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if list(node.output) == [f"{layer}.bias"])
    codes, scale = (_initializer(model, name) for name in node.input)
    bias = ((codes + offset_lsb) * scale).astype(np.float32)
    model.graph.node.remove(node)
    for info in [info for info in model.graph.value_info if info.name == f"{layer}.bias"]:
        model.graph.value_info.remove(info)
    model.graph.initializer.append(numpy_helper.from_array(bias, f"{layer}.bias"))
    onnx.save(model, path)


def set_attribute(path: Path, output: str, name: str, value: int | str) -> None:
    """Change an attribute of the node that makes `output`."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if list(node.output) == [output])
    old = next(attribute for attribute in node.attribute if attribute.name == name)
    changed: AttributeProto = helper.make_attribute(name, value)
    assert changed != old, "a mutation must change something"
    node.attribute.remove(old)
    node.attribute.append(changed)
    onnx.save(model, path)


def bypass(path: Path, operator: str, output: str) -> None:
    """Take the node of `operator` that makes `output` out of the graph; its first input takes its place."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.op_type == operator and list(node.output) == [output])
    for other in model.graph.node:
        for index, name in enumerate(other.input):
            if name == output:
                other.input[index] = node.input[0]
    model.graph.node.remove(node)
    onnx.save(model, path)


def _initializer(model: ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(value for value in model.graph.initializer if value.name == name))
