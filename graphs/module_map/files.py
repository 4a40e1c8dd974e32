"""A module map on disk: one compressed npz file, no pickle, with a version and the SHA-256 of all that it holds."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path
from edgetrack.graphs.files import GraphFileError, read_arrays
from edgetrack.graphs.module_map.module_map import ModuleMap
from edgetrack.graphs.module_map.modules import Modules

VERSION = 1
_KINDS = {
    "version": "iu",
    "sha256": "U",
    "geometry": "U",
    **{name: "iu" for name in ("layer", "module_id", "source", "target", "count", "events")},
    **{name: "f" for name in ("centers", "normals", "slope", "z0", "reach", "pt_min")},
    "symmetry": "U",
}


def save_module_map(module_map: ModuleMap, path: Path | str) -> Path:
    """Write `module_map` to `path` (`.npz`, atomic, the same bytes for the same); return it.

    Keys: version; geometry, the SHA-256 of the modules' numbers; layer, module_id, centers, normals of the modules;
    source, target, count, slope, z0 of the pairs; reach, pt_min, events, symmetry; sha256 of all others.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"module map {path} ends with {path.suffix!r}, wanted '.npz'; rename it")
    modules = module_map.modules
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION),
        "geometry": np.array(modules.geometry),
        **{name: getattr(modules, name) for name in ("layer", "module_id", "centers", "normals")},
        **{name: getattr(module_map, name) for name in ("source", "target", "count", "slope", "z0")},
        **{name: np.array(getattr(module_map, name)) for name in ("reach", "pt_min", "events", "symmetry")},
    }
    arrays["sha256"] = np.array(_sum(arrays))
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # with a date that is always the same
            entry.compress_type = zipfile.ZIP_LZMA
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return path


def load_module_map(path: Path | str) -> ModuleMap:
    """What `save_module_map` wrote. Raises FileNotFoundError; GraphFileError for another version, or anything else."""
    path = Path(path)
    arrays = read_arrays(path)
    for key, kinds in _KINDS.items():
        if key not in arrays or arrays[key].dtype.kind not in kinds:
            found = str(arrays[key].dtype) if key in arrays else "missing"
            raise GraphFileError(f"{path}: key {key!r} is {found}; wanted a file that `edgetrack module-map` wrote")
        if key == "version" and int(arrays["version"]) != VERSION:
            raise GraphFileError(
                f"{path}: a module map of version {int(arrays['version'])}, this edgetrack reads {VERSION}; make it "
                "again (edgetrack module-map)"
            )
    if str(arrays["sha256"]) != _sum(arrays):
        raise GraphFileError(f"{path}: its contents are not those that were written (SHA-256); write it again")
    try:
        modules = Modules(arrays["layer"], arrays["module_id"], arrays["centers"], arrays["normals"])
        values: dict[str, Any] = {name: arrays[name] for name in ("source", "target", "count", "slope", "z0")}
        values |= {"reach": float(arrays["reach"]), "pt_min": float(arrays["pt_min"])}
        values |= {"events": int(arrays["events"]), "symmetry": str(arrays["symmetry"])}
        module_map = ModuleMap(modules, **values)
    except (TypeError, ValueError) as error:
        raise GraphFileError(f"{path}: {error}; the file is damaged, write it again") from error
    if str(arrays["geometry"]) != modules.geometry:
        raise GraphFileError(f"{path}: its modules are not those of its geometry; the file is damaged, write it again")
    return module_map


def _sum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, types, shapes and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        if name != "sha256":
            array = np.asarray(arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
