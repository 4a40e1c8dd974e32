"""A network's C++ as a shared library: compiled at first use, kept by its content."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from edgetrack.events.atomic_write import atomic_path, write_text
from edgetrack.events.compiled import cache_folder
from edgetrack.export.compiler import find_compiler

# Fastest first: a library has the flags that its path's instructions need, and no others.
PATH_FLAGS: Mapping[str, tuple[str, ...]] = {
    "avx512vnni": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mavx2", "-mfma"),
    "avx2": ("-mavx2", "-mfma"),
    "portable": (),
}
# Flags that change no number: errors of the mathematical library and traps of the processor are not looked at.
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing")
HEADERS = ("native.h", "native_network.h", "native_steps.h", "native_layers.h", "native_floats.h")
DRIVER = "native_driver.cpp"
FORCE = "EDGETRACK_NATIVE_PATH"
_CPU_FLAGS = {
    "avx512vnni": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx2", "fma"},
    "avx2": {"avx2", "fma"},
}


@functools.cache
def paths_here() -> tuple[str, ...]:
    """Paths that this processor can run, fastest first."""
    found: set[str] = set()
    if platform.machine().lower() in ("x86_64", "amd64"):
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        line = next((line for line in text.splitlines() if line.startswith("flags")), "")
        found = set(line.partition(":")[2].split())
    return tuple(path for path in PATH_FLAGS if _CPU_FLAGS.get(path, set()) <= found)


def chosen_path(wanted: str = "") -> str:
    """`wanted`, or what the variable EDGETRACK_NATIVE_PATH names, or the fastest path of this processor.

    Raises ValueError for a path that there is not, or that this processor cannot run.
    """
    path = wanted or os.environ.get(FORCE, "")
    if not path:
        return paths_here()[0]
    if path not in paths_here():
        raise ValueError(
            f"native path {path!r}: this processor runs {', '.join(paths_here())} of {', '.join(PATH_FLAGS)}; "
            f"choose one of them, or none (settings.native.paths, {FORCE})"
        )
    return path


def symbols_source(symbol: str) -> str:
    """paths.cpp: the network on those paths that EDGETRACK_HAS_… names, fastest first."""
    lines = ['#include "native_network.h"', 'extern "C" {']
    for path in PATH_FLAGS:
        lines += [f"#if defined(EDGETRACK_HAS_{path.upper()})", f"extern const edgetrack_network {symbol}_{path};"]
        lines += ["#endif"]
    lines += [f"const edgetrack_network *const *{symbol}(void) {{", "static const edgetrack_network *const paths[] = {"]
    for path in PATH_FLAGS:
        lines += [f"#if defined(EDGETRACK_HAS_{path.upper()})", f"&{symbol}_{path},", "#endif"]
    return "\n".join([*lines, "nullptr};", "return paths;", "}", "}", ""])


def native_header(name: str) -> str:
    """A file of hls_projects/native."""
    return resources.files("edgetrack.hls_projects").joinpath(f"native/{name}").read_text(encoding="utf-8")


def library(network: str, symbol: str, path: str, extra: tuple[str, ...] = ()) -> Path:
    """The shared library of a network's source on one path, from the cache, or compiled into it.

    `extra`: flags after all others. Raises as `build_library` does.
    """
    files = {DRIVER: native_header(DRIVER), "network.cpp": network, "paths.cpp": symbols_source(symbol)}
    return build_library(files, symbol, path, extra)


def build_library(files: Mapping[str, str], name: str, path: str, extra: tuple[str, ...] = ()) -> Path:
    """The shared library of `files` (name → text) and the package's headers, with the instructions of one path.

    Seconds to compile; its name is a hash of all sources, flags and the compiler, and it appears whole or not at all,
    so that several processes can do this at once.
    Raises FormUnavailable without a compiler, RuntimeError where it fails.
    """
    compiler = find_compiler()
    every = {header: native_header(header) for header in HEADERS} | dict(files)
    upper = path.upper()
    defined = (f"-DEDGETRACK_PATH={path}", f"-DEDGETRACK_{upper}", f"-DEDGETRACK_HAS_{upper}")
    flags = (*FLAGS, *PATH_FLAGS[path], *defined, *extra)
    key = hashlib.sha256(repr((_version(compiler), flags, sorted(every.items()))).encode()).hexdigest()[:32]
    place = _folder() / f"{name}-{path}-{key}.so"
    if not place.is_file():
        _compile(compiler, flags, every, place)
    return place


def _compile(compiler: str, flags: tuple[str, ...], files: Mapping[str, str], place: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="edgetrack-native-") as folder, atomic_path(place) as target:
        for name, text in files.items():
            write_text(Path(folder) / name, text)
        sources = [str(Path(folder) / name) for name in files if name.endswith(".cpp")]
        command = [compiler, *flags, "-shared", *sources, "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{compiler} failed on the native network:\n{done.stderr[-4000:]}")


@functools.cache
def _version(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return f"{Path(compiler).resolve()} {done.stdout}"


@functools.cache
def _folder() -> Path:
    kept = cache_folder()
    folder = kept / "native" if kept else Path(tempfile.mkdtemp(prefix="edgetrack-native-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
