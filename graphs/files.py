"""Hit graphs on disk: one npz file each, without pickle."""

from __future__ import annotations

import io
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path
from edgetrack.graphs.file_checks import check_coordinates, check_labels, published_particle_ids
from edgetrack.graphs.hitgraph import HitGraph

# key → (accepted numpy kinds, what it must be)
_REQUIRED = {
    "x": ("f", "float (N, 3): r/1000 mm, φ/π, z/1000 mm"),
    "edge_index": ("iu", "integer (2, E), source → target"),
}
_OPTIONAL = {
    "y": ("biu", "bool (E,)"),
    "particle_id": ("iu", "integer (N,), 0 = noise"),
    "pt": ("f", "float (N,) GeV"),
    "eta": ("f", "float (N,)"),
    "hit_id": ("iu", "integer (N,)"),
    "node_attr": ("f", "float (N, F), further features of each hit"),
    "weight": ("f", "float (N,), 0 for noise"),
    "vertex_r": ("f", "float (N,) mm"),
    "name": ("U", "text"),
}
# The graphs of real TrackML events made for the Interaction Network paper use these names instead.
_TRACKML_KEYS = {"X": "x", "pid": "particle_id"}

# What zipfile and numpy raise for damaged bytes; RuntimeError is a flag that claims encryption.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    tokenize.TokenError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class GraphFileError(ValueError):
    """A file that does not hold a hit graph; the message names the file and the key."""


def save_graph(graph: HitGraph, path: Path | str) -> Path:
    """Write `graph` to `path` (`.npz`, compressed, atomic, same bytes for the same graph); return the path.

    Keys: x (N, 3) float32, edge_index (2, E) int32, name, and where known y (E,) bool, particle_id (N,)
    int64, pt (N,) float32 GeV, eta (N,) float32, hit_id (N,) int64,
    node_attr (N, F) float32, weight (N,) float32, vertex_r (N,) float32 mm.
    """
    path = Path(path)
    check_npz(path, "graph file")
    arrays: dict[str, Any] = {
        "x": graph.x,
        "edge_index": graph.edge_index.astype(np.int32),
        "name": np.array(graph.name),
    }
    for key in ("y", "particle_id", "pt", "eta", "hit_id", "node_attr", "weight", "vertex_r"):
        value = getattr(graph, key)
        if value is not None:
            arrays[key] = value
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)
    return path


def load_graph(path: Path | str) -> HitGraph:
    """The graph in `path`: the form of `save_graph`, or the TrackML form.

    The TrackML form has X, edge_index, y and pid; what a pid of 0 means there says `published_particle_ids`. The
    graph's name is the file's stem.

    Raises: FileNotFoundError; GraphFileError with file and key for a truncated file, a missing key, a wrong type or
    shape, values that `HitGraph` refuses, labels other than 0 and 1, an edge from a hit to itself, and coordinates
    that are no tracker's in r/1000 mm, φ/π, z/1000 mm.
    """
    path = Path(path)
    arrays = read_arrays(path)
    trackml = "X" in arrays and "x" not in arrays
    if trackml:
        arrays = {_TRACKML_KEYS.get(key, key): value for key, value in arrays.items()}
    for key, (kinds, wanted) in {**_REQUIRED, **_OPTIONAL}.items():
        if key not in arrays:
            if key in _REQUIRED:
                raise GraphFileError(f"{path}: key {key!r} is missing, found {sorted(arrays)}; wanted {key}: {wanted}")
        elif arrays[key].dtype.kind not in kinds:
            raise GraphFileError(f"{path}: key {key!r} is {arrays[key].dtype}, wanted {wanted}")
    name = str(arrays["name"]) if "name" in arrays else path.stem
    fields = {key: arrays[key] for key in (*_REQUIRED, *_OPTIONAL) if key in arrays and key != "name"}
    try:
        if "y" in fields:
            check_labels(fields["y"])
        graph = HitGraph(name=name, **fields)
        check_coordinates(graph)
        if trackml and "particle_id" in fields:
            graph = replace(graph, particle_id=published_particle_ids(fields))
        return graph
    except ValueError as error:
        raise GraphFileError(f"{path}: {error}") from error


def load_graphs(folder: Path | str) -> list[HitGraph]:
    """Every graph in `folder` (`*.npz`, sorted by file name), in either form of `load_graph`."""
    return [load_graph(path) for path in graph_paths(folder)]


def graph_paths(folder: Path | str) -> list[Path]:
    """The graph files of `folder`, sorted by name; an empty or missing folder is an error."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; give the folder that `edgetrack build` wrote")
    paths = sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
    if not paths:
        below = sorted({path.parent.name for path in folder.glob("*/*.npz")})
        hint = f"; there are graphs one level below, in {', '.join(below)}" if below else ""
        raise FileNotFoundError(f"no graph (*.npz) in {folder}{hint}")
    return paths


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of an npz file; a damaged one is an error that names file and key."""
    key = "the archive"
    try:
        with path.open("rb") as file:
            content = io.BytesIO(file.read())  # so that a damaged directory cannot seek out of the file
        with zipfile.ZipFile(content) as archive:
            arrays = {}
            for member in archive.namelist():
                key = member.removesuffix(".npy")
                with archive.open(member) as stream:
                    arrays[key] = np.lib.format.read_array(stream, allow_pickle=False)
            return arrays
    except _DAMAGE as error:
        raise GraphFileError(
            f"{path}: cannot read {key}: {error}; the file is truncated or no npz file, write it again"
        ) from error


def write_compressed(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an npz file by LZMA, atomically; the same arrays give the same bytes."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # with a date that is always the same
            entry.compress_type = zipfile.ZIP_LZMA
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)


def check_kinds(path: Path, arrays: Mapping[str, NDArray[Any]], kinds: Mapping[str, str], verb: str) -> None:
    """Raise GraphFileError, naming file, key and the verb that writes such files, unless the arrays that `kinds` names
    are there, each of a dtype kind among its letters.
    """
    for key, letters in kinds.items():
        if key not in arrays or arrays[key].dtype.kind not in letters:
            found = str(arrays[key].dtype) if key in arrays else "missing"
            raise GraphFileError(f"{path}: key {key!r} is {found}; wanted a file that `edgetrack {verb}` wrote")


def check_npz(path: Path, what: str) -> None:
    """Raise ValueError where a file to be written has another ending."""
    if path.suffix != ".npz":
        raise ValueError(f"{what} {path} ends with {path.suffix!r}, wanted '.npz'; rename it")
