"""The C simulation of an hls4ml project: compiled by g++ and called with arrays, in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path
from edgetrack.export.compiler import find_compiler
from edgetrack.export.form import FormUnavailable
from edgetrack.export.hls4ml import simulation_process
from edgetrack.export.hls4ml.simulation_process import Request
from edgetrack.export.hls4ml.simulation_unit import simulation_unit

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
    def simulator(self) -> Simulator:
        """The compiled C simulation; built into the folder where no library of the same sources is there yet.

        Takes seconds, 40 for a hundred layers. Raises FormUnavailable without g++, and for a oneAPI project.
        """
        if (self.folder / "CMakeLists.txt").is_file():
            raise FormUnavailable(
                f"{self.folder}: a oneAPI project is simulated by Intel's icpx: cmake -B build, make "
                "-C build fpga_emu, then build/*.fpga_emu, which compares with the integer model"
            )
        return Simulator(compile_project(self.folder, self.name))

    def run(self, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(n, *output shape) results of n samples, each input (n, *its shape): one call of the top function each.

        Raises RuntimeError where the simulation breaks off.
        """
        return self.simulator.ask(self._request(inputs))[""]

    def trace(self, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """The output of every layer for one sample (each input without a leading axis), the result included.

        Raises RuntimeError where the simulation breaks off.
        """
        request = self._request({name: inputs[name][None] for name in self.inputs})
        request["traced"] = {name: self.shapes[name] for name in self.traced}
        received = self.simulator.ask(request)
        return received | {self.output: received.pop("")[0]}

    def _request(self, inputs: Mapping[str, NDArray[np.float64]]) -> Request:
        arrays = [np.ascontiguousarray(inputs[name], np.float64) for name in self.inputs]
        samples = len(arrays[0])
        for name, array in zip(self.inputs, arrays, strict=True):
            if array.shape != (samples, *self.shapes[name]):
                raise ValueError(
                    f"{self.name}: input {name!r} has shape {array.shape}, wanted {(samples, *self.shapes[name])}"
                )
        return {"function": f"{self.name}_double", "inputs": arrays, "output": self.shapes[self.output], "traced": {}}


class Simulator:
    """A compiled simulation in a process of its own, which ends with this object."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self._process = subprocess.Popen(
            # -P: the types.py beside it is no module of Python's own
            [sys.executable, "-P", simulation_process.__file__, str(library.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        weakref.finalize(self, _end, self._process, self._errors)

    def ask(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """The answer of the simulation. Raises RuntimeError, with its last words, where it breaks off."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            pickle.dump(request, requests, protocol=5)
            requests.flush()
            answer: dict[str, NDArray[np.float64]] = pickle.load(answers)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            status = self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()
            raise RuntimeError(
                f"the C simulation {self._library} broke off with status {status}: {said[-500:] or 'no message'}"
            ) from error
        return answer


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    process.wait()
    errors.close()


def compile_project(folder: Path, name: str) -> Path:
    """The C simulation as a shared library beside the project, named by the hash of all its sources."""
    compiler = find_compiler()
    unit = simulation_unit(folder, name)
    digest = hashlib.sha256(" ".join([compiler, *COMPILE, unit]).encode())
    sources = [folder / f"{name}_bridge.cpp", *sorted((folder / "firmware").rglob("*"))]
    for path in sources:
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    library = folder / f"{name}-{digest.hexdigest()[:16]}.so"
    if not library.is_file():
        with atomic_path(library) as temporary:
            command = [compiler, *COMPILE, "-x", "c++", "-", "-o", str(temporary.resolve())]
            result = subprocess.run(command, cwd=folder, input=unit, capture_output=True, text=True, check=False)
            if result.returncode:
                raise RuntimeError(
                    f"g++ ended with {result.returncode} on hls4ml project {name}:\n{result.stderr[:2000]}"
                )
    return library
