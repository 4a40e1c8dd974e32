"""ONNX graphs built node by node, with the shape of every tensor declared.

No exporter stands between a network and its file: the same network gives the same bytes, a tensor has the name of the
value that it holds, and the sizes of a graph stay free under the names "nodes" and "edges".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgetrack.events.atomic_write import atomic_path

# Opset 18 and IR 8 are old enough for TensorRT 10 and qonnx, and have ScatterElements with a reduction (since 16).
OPSET = 18
IR_VERSION = 8

Dimension = int | str
Dimensions = Sequence[Dimension]


class OnnxGraph:
    """A graph under construction. Names of values are identifiers; every other tensor has a dot in its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shapes: dict[str, tuple[Dimension, ...]] = {}
        self._types: dict[str, int] = {}
        self._constants: dict[str, NDArray[Any]] = {}
        self._nodes: list[NodeProto] = []
        self._inputs: list[str] = []

    def __contains__(self, tensor: str) -> bool:
        return tensor in self.shapes

    def input(self, name: str, shape: Dimensions, dtype: int = TensorProto.FLOAT) -> str:
        """Declare an input of the graph."""
        self._declare(name, shape, dtype)
        self._inputs.append(name)
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """An initialiser; the same name may come again with the same value."""
        if name in self._constants and np.array_equal(self._constants[name], value):
            return name
        self._declare(name, value.shape, helper.np_dtype_to_tensor_dtype(value.dtype))
        self._constants[name] = value
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str,
        shape: Dimensions,
        *,
        dtype: int = TensorProto.FLOAT,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Append `output = operator(inputs)`, a tensor of `shape`; returns `output`."""
        missing = [tensor for tensor in inputs if tensor not in self.shapes]
        assert not missing, f"{output} = {operator}({inputs}): {missing} not made before"
        self._declare(output, shape, dtype)
        self._nodes.append(
            helper.make_node(operator, list(inputs), [output], name=f"{operator}.{output}", domain=domain, **attributes)
        )
        return output

    def model(self, outputs: Iterable[str], opsets: dict[str, int] | None = None, doc: str = "") -> ModelProto:
        """The finished model, checked by onnx with strict shape inference against the declared shapes."""
        outputs = list(outputs)
        hidden = [
            name
            for name in self.shapes
            if name not in self._inputs and name not in outputs and name not in self._constants
        ]
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [self._info(name) for name in self._inputs],
            [self._info(name) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
            value_info=[self._info(name) for name in hidden],
        )
        imports = [helper.make_opsetid(domain, version) for domain, version in {"": OPSET, **(opsets or {})}.items()]
        model = helper.make_model(
            graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="edgetrack", doc_string=doc
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _declare(self, name: str, shape: Dimensions, dtype: int) -> None:
        assert name not in self.shapes, f"{name!r} is made twice"
        self.shapes[name] = tuple(shape)
        self._types[name] = dtype

    def _info(self, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, self._types[name], self.shapes[name])


def read_onnx(path: Path) -> ModelProto:
    """The model in a file. Raises ValueError, naming it, where it is missing or damaged."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise ValueError(f"{path}: no whole ONNX file ({str(error).strip()}); export it again") from error
    return model


def save_onnx(model: ModelProto, path: Path | str) -> Path:
    """Write `model` atomically; the same model gives the same bytes."""
    path = Path(path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
    return path
