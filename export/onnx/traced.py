"""ONNX tensors that an `Operation` can compute with: each operator appends its node to the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrack.export.onnx.graph import OnnxGraph


@dataclass(frozen=True)
class TracedTensor:
    """A float32 tensor (rows, width) of a graph; results are named `prefix`.0, `prefix`.1, … in turn."""

    graph: OnnxGraph
    name: str
    prefix: str

    @property
    def width(self) -> int:
        return int(self.graph.shapes[self.name][1])

    def __add__(self, other: TracedTensor) -> TracedTensor:
        return self._made("Add", [self.name, other.name], max(self.width, other.width))

    def __sub__(self, other: TracedTensor) -> TracedTensor:
        return self._made("Sub", [self.name, other.name], max(self.width, other.width))

    def __mul__(self, other: TracedTensor | float) -> TracedTensor:
        if isinstance(other, TracedTensor):
            return self._made("Mul", [self.name, other.name], max(self.width, other.width))
        factor = self.graph.constant(f"factor.{other}", np.array(other, np.float32))
        return self._made("Mul", [self.name, factor], self.width)

    def __neg__(self) -> TracedTensor:
        return self._made("Neg", [self.name], self.width)

    def __abs__(self) -> TracedTensor:
        return self._made("Abs", [self.name], self.width)

    def sum(self, axis: int = -1, keepdims: bool = True) -> TracedTensor:
        axes = self.graph.constant("axis.1", np.array([1]))
        return self._made("ReduceSum", [self.name, axes], 1, keepdims=1)

    def _made(self, operator: str, inputs: list[str], width: int, **attributes: Any) -> TracedTensor:
        place = 0
        while f"{self.prefix}.{place}" in self.graph:
            place += 1
        rows = self.graph.shapes[self.name][0]
        tensor = self.graph.node(operator, inputs, f"{self.prefix}.{place}", [rows, width], **attributes)
        return TracedTensor(self.graph, tensor, self.prefix)
