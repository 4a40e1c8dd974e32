"""An hls4ml project on disk, and its C simulation: compiled by g++ and called with arrays."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.storage import atomic_path
from edgetrack.export.compiler import find_compiler
from edgetrack.export.hls_network import HlsNetwork

COMPILE = ("-O1", "-std=c++17", "-fPIC", "-fno-gnu-unique", "-w", "-shared", "-Ifirmware/ap_types", "-I.")


@dataclass(frozen=True)
class HlsTarget:
    """What a project is built for. `strategy` and `reuse_factor` are hls4ml's, for every linear layer."""

    io_type: Literal["io_parallel", "io_stream"] = "io_stream"
    strategy: Literal["Latency", "Resource"] = "Latency"
    reuse_factor: int = 1
    part: str = "xcvu13p-flga2577-2-e"
    clock_period_ns: float = 5.0
    backend: Literal["Vitis"] = "Vitis"


@dataclass(frozen=True)
class HlsProject:
    """A written project. `shapes` has the shape of each input, of the output and of every layer that is traced."""

    folder: Path
    name: str
    inputs: tuple[str, ...]
    output: str
    shapes: Mapping[str, tuple[int, ...]]
    traced: tuple[str, ...]

    @cached_property
    def library(self) -> ctypes.CDLL:
        """The compiled C simulation; built into the folder where no library of the same sources is there yet.

        Takes 10 to 30 s. Raises FormUnavailable without g++.
        """
        return ctypes.CDLL(str(compile_project(self.folder, self.name)))

    def run(self, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(n, *output shape) results of n samples, each input (n, *its shape): one call of the top function each."""
        arrays = [np.ascontiguousarray(inputs[name], np.float64) for name in self.inputs]
        samples = len(arrays[0])
        for name, array in zip(self.inputs, arrays, strict=True):
            if array.shape != (samples, *self.shapes[name]):
                raise ValueError(f"{self.name}: input {name!r} has shape {array.shape}, "
                                 f"wanted {(samples, *self.shapes[name])}")
        results = np.zeros((samples, *self.shapes[self.output]))
        buffers = [*arrays, results]
        addresses = [array.ctypes.data for array in buffers]
        strides = [array.strides[0] for array in buffers]
        function = getattr(self.library, f"{self.name}_double")
        function.argtypes, function.restype = [ctypes.c_void_p] * len(buffers), None
        for sample in range(samples):
            function(*[address + sample * stride for address, stride in zip(addresses, strides, strict=True)])
        return results

    def trace(self, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """The output of every layer for one sample (each input without a leading axis), the result included."""
        library = self.library
        library.allocate_trace_storage.argtypes = [ctypes.c_size_t]
        library.collect_trace_output.argtypes = [ctypes.c_void_p]
        library.allocate_trace_storage(ctypes.sizeof(ctypes.c_double))
        try:
            result = self.run({name: inputs[name][None] for name in self.inputs})[0]
            entries = (_TraceEntry * len(self.traced))()
            library.collect_trace_output(ctypes.byref(entries))
            made = {}
            for entry in entries:
                name = entry.name.decode()
                data = ctypes.cast(entry.data, ctypes.POINTER(ctypes.c_double))
                made[name] = np.ctypeslib.as_array(data, shape=self.shapes[name]).copy()
        finally:
            library.free_trace_storage()
        return made | {self.output: result}


class _TraceEntry(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p))


def write_project(network: HlsNetwork, title: str, folder: Path, target: HlsTarget) -> HlsProject:
    """Write the project into `folder`, which then holds nothing of an earlier one but compiled libraries.

    The same network and target give the same bytes. Takes some seconds.
    """
    name = re.sub(r"\W", "_", title)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work, _silence():
        graph = _model_graph(network, name, Path(work), target)
        # The stamp, random by default, names the library that hls4ml's own build script makes.
        graph.config.config["Stamp"] = "csim"
        graph.config.backend.writer.write_hls(graph)
        _settle(Path(work), folder)
    layers = {layer.name: layer for layer in graph.get_layers()}
    traced = tuple(layer for layer in network.values if layer in layers)
    shapes = {
        layer: tuple(int(size) for size in layers[layer].get_output_variable().shape)
        for layer in (*network.inputs, *traced)
    }
    return HlsProject(folder, name, tuple(network.inputs), network.output, shapes, traced)


def _model_graph(network: HlsNetwork, name: str, folder: Path, target: HlsTarget) -> Any:
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    from edgetrack.export.hls_layers import register

    register(target.backend)
    config = create_config(
        output_dir=str(folder), project_name=name, backend=target.backend, part=target.part,
        clock_period=target.clock_period_ns, io_type=target.io_type, write_weights_txt=False,
    )
    config["TraceOutput"] = True
    config["HLSConfig"] = {
        "Model": {"Precision": {"default": "fixed<32,16>"}, "ReuseFactor": target.reuse_factor,
                  "Strategy": target.strategy},
        "LayerName": {
            layer: {"Precision": types, "ReuseFactor": target.reuse_factor, "Strategy": target.strategy, "Trace": True}
            for layer, types in network.precision.items()
        },
    }
    layers = [dict(layer) for layer in network.layers]
    return ModelGraph.from_layer_list(config, layers, inputs=list(network.inputs), outputs=[network.output])


def _settle(written: Path, folder: Path) -> None:
    """Move what hls4ml wrote to its place; what names the temporary folder (its own configuration) is left behind."""
    (written / "hls4ml_config.yml").unlink(missing_ok=True)
    for path in written.iterdir():
        target = folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)


def compile_project(folder: Path, name: str) -> Path:
    """The C simulation as a shared library beside the project, named by the hash of all its sources."""
    compiler = find_compiler()
    digest = hashlib.sha256(" ".join([compiler, *COMPILE]).encode())
    sources = [folder / f"{name}_bridge.cpp", *sorted((folder / "firmware").rglob("*"))]
    for path in sources:
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    library = folder / f"{name}-{digest.hexdigest()[:16]}.so"
    if not library.is_file():
        # One unit for both sources: most of the time goes into the headers.
        unit = f'#include "firmware/{name}.cpp"\n#include "{name}_bridge.cpp"\n'
        with atomic_path(library) as temporary:
            command = [compiler, *COMPILE, "-x", "c++", "-", "-o", str(temporary.resolve())]
            result = subprocess.run(command, cwd=folder, input=unit, capture_output=True, text=True, check=False)
            if result.returncode:
                raise RuntimeError(f"g++ ended with {result.returncode} on hls4ml project {name}:\n"
                                   f"{result.stderr[:2000]}")
    return library


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """hls4ml reports on stdout, and warns where it overrides what it had set itself."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
