"""ONNX models run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from edgetrack.export.form import FormUnavailable
from edgetrack.export.onnx.graph import read_onnx


class OnnxSession:
    """One artefact in ONNX Runtime, on `threads` threads of the CPU.

    `optimised` switches ONNX Runtime's own graph optimisations, which fuse quantised operators into integer kernels.
    Raises FormUnavailable where ONNX Runtime is missing.
    """

    def __init__(self, model: ModelProto | bytes, *, optimised: bool = True, threads: int = 1) -> None:
        runtime = import_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        levels = runtime.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        # processors without VNNI otherwise saturate pairs of 8-bit products at 16 bits
        options.add_session_config_entry("session.x64quantprecision", "1")
        content = model if isinstance(model, bytes) else model.SerializeToString()
        self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.inputs = [value.name for value in self._session.get_inputs()]
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Every output by name."""
        return dict(zip(self.outputs, self._session.run(self.outputs, dict(inputs)), strict=True))


def import_runtime() -> Any:
    """The module `onnxruntime`. Raises FormUnavailable where it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise FormUnavailable("ONNX Runtime is missing: install the extra edgetrack[cpu] or edgetrack[gpu]") from error
    return onnxruntime


def probe(path: Path, tensors: Sequence[str]) -> ModelProto:
    """The model of a file with `tensors` as further outputs, in memory; the file is not touched."""
    model = read_onnx(path)
    known = {info.name: info for info in model.graph.value_info}
    present = {output.name for output in model.graph.output}
    for tensor in tensors:
        if tensor not in present:
            if tensor not in known:
                raise ValueError(f"{path.name}: no tensor {tensor!r}; the file was not written by this version")
            model.graph.output.append(known[tensor])
    return model
