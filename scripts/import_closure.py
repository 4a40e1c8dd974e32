"""The source that a function runs: its module, all that this imports of the package, and data files that they name."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "edgetrack"
TOP = Path(__file__).resolve().parents[1]  # edgetrack.ROOM is the folder ROOM in here


@cache
def source_digest(module: str) -> str:
    """SHA-256 of every file that `module` ("edgetrack.scripts.train") can run or copy, by path and contents."""
    digest = hashlib.sha256()
    for path in source_files(module):
        digest.update(f"{path.relative_to(TOP)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def source_files(module: str) -> list[Path]:
    """The files of the import closure, in order.

    Imports count wherever they stand, also in functions and for types only. A package that a string names, as in
    `resources.files("edgetrack.hls_projects")`, counts with all its files: kernels, scripts, device targets.
    """
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = module_file(name)
        if path is None or path in found:
            continue
        found.add(path)
        for imported, is_data in _named_in(path):
            if is_data:
                found |= _data_files(imported)
            else:
                waiting += _with_parents(imported)
    return sorted(found)


def module_file(name: str) -> Path | None:
    """The file of a module or package of edgetrack; None for what is neither."""
    inner = name.split(".")[1:]
    path = TOP.joinpath(*inner) if inner else TOP / PACKAGE
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _named_in(path: Path) -> Iterator[tuple[str, bool]]:
    """(name, whether a string names it as a package with data) of all of edgetrack that a source file mentions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((one.name, False) for one in names if _is_own(one.name))
            case ast.ImportFrom(module=str(source), names=names) if _is_own(source):
                yield source, False
                yield from ((f"{source}.{one.name}", False) for one in names)
            case ast.Constant(value=str(text)) if (
                text.startswith(f"{PACKAGE}.") and text.replace(".", "").isidentifier()
            ):
                yield text, True


def _is_own(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _data_files(package: str) -> set[Path]:
    """All files of a package's folder but compiled ones; none where the string names something else."""
    folder = TOP.joinpath(*package.split(".")[1:])
    if not (folder / "__init__.py").is_file():
        return set()
    return {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
