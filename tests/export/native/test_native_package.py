"""The exported sources: a C++ program without Python gives the same codes; builds are kept by their content."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from numpy.typing import NDArray

from edgetrack.export.compiler import find_compiler
from edgetrack.export.form import FormUnavailable
from edgetrack.export.native.build import library
from edgetrack.export.native.integer_dialect import IntegerDialect
from edgetrack.export.native.network_source import NetworkSource
from edgetrack.export.native.package import write_package
from edgetrack.models.rows import Rows, hit_rows


@cache
def source() -> NetworkSource:
    return NetworkSource(IntegerDialect(random_integer_model(toy_description())))


def write_graph(rows: Rows[NDArray[Any]], network: NetworkSource, path: Path) -> None:
    """The file that the example reads."""
    counts = np.array([rows.counts[name] for name in network.domains], np.int64)
    features = [np.ascontiguousarray(rows.features[value.name], np.float32) for value in network.description.inputs]
    ends = [np.ascontiguousarray(rows.ends[end], np.int64) for end in network.ends]
    arrays: list[NDArray[Any]] = [counts, *features, *ends]
    path.write_bytes(b"".join(array.tobytes() for array in arrays))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_example_program_gives_the_models_codes_without_python(tmp_path: Path) -> None:
    write_package(source(), tmp_path)
    command = ["make", f"CXX={find_compiler()}", "PATHS=portable", "OPTIMISE=-O0 -Wall -Wextra -Werror"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    graph = random_graph(40, 130, 2)
    write_graph(hit_rows(graph), source(), tmp_path / "graph.bin")
    run = subprocess.run([tmp_path / "example", "graph.bin", "3"], cwd=tmp_path, capture_output=True, check=True)
    rows = np.array([line.split() for line in run.stdout.decode().splitlines()], float)
    dialect = source().dialect
    assert isinstance(dialect, IntegerDialect)
    np.testing.assert_array_equal(rows[:, 0], dialect.model.run_graph(graph)["head"][:, 0])
    np.testing.assert_array_equal(rows[:, 1], dialect.model.logits(graph))
    assert len(np.unique(rows[:, 0])) > 8
    other = subprocess.run(
        [tmp_path / "example", "graph.bin", "1", "none"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (other.returncode, other.stderr) == (1, b"no such path here\n")


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_package(NetworkSource(IntegerDialect(random_integer_model(toy_description()))), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"network.cpp", "network.h", "native.h", "Makefile", "README.md", "example.cpp"} <= set(files)
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_library_is_built_once_for_each_content() -> None:
    text, symbol = source().text, source().symbol
    first = library(text, symbol, "portable", ("-O0",))
    written = first.stat().st_mtime_ns
    assert library(text, symbol, "portable", ("-O0",)) == first
    assert first.stat().st_mtime_ns == written
    assert first.parent.stat().st_mode & 0o077 == 0


def test_no_compiler_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(FormUnavailable, match=r"needs no-such-compiler on PATH .*apt-get install g\+\+"):
        library(source().text, source().symbol, "portable")


def test_a_source_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="failed on the native network"):
        library("#error no", source().symbol, "portable")
