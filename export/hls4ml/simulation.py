"""The C simulation of an hls4ml project: compiled by g++ and called with arrays."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path
from edgetrack.export.compiler import find_compiler
from edgetrack.export.form import FormUnavailable

COMPILE = ("-O1", "-std=c++17", "-fPIC", "-fno-gnu-unique", "-w", "-shared", "-Ifirmware/ap_types", "-I.")


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

        Takes 10 to 30 s. Raises FormUnavailable without g++, and for a oneAPI project.
        """
        if (self.folder / "CMakeLists.txt").is_file():
            raise FormUnavailable(
                f"{self.folder}: a oneAPI project is simulated by Intel's icpx: cmake -B build, make "
                "-C build fpga_emu, then build/*.fpga_emu, which compares with the integer model"
            )
        return ctypes.CDLL(str(compile_project(self.folder, self.name)))

    def run(self, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(n, *output shape) results of n samples, each input (n, *its shape): one call of the top function each."""
        arrays = [np.ascontiguousarray(inputs[name], np.float64) for name in self.inputs]
        samples = len(arrays[0])
        for name, array in zip(self.inputs, arrays, strict=True):
            if array.shape != (samples, *self.shapes[name]):
                raise ValueError(
                    f"{self.name}: input {name!r} has shape {array.shape}, wanted {(samples, *self.shapes[name])}"
                )
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
            received = {}
            for entry in entries:
                name = entry.name.decode()
                data = ctypes.cast(entry.data, ctypes.POINTER(ctypes.c_double))
                received[name] = np.ctypeslib.as_array(data, shape=self.shapes[name]).copy()
        finally:
            library.free_trace_storage()
        return received | {self.output: result}


class _TraceEntry(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p))


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
                raise RuntimeError(
                    f"g++ ended with {result.returncode} on hls4ml project {name}:\n{result.stderr[:2000]}"
                )
    return library
