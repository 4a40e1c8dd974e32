"""A module map on disk: one compressed npz file, no pickle, with a version and the SHA-256 of all that it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.files import GraphFileError, check_kinds, check_npz, read_arrays, write_compressed
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
    check_npz(path, "module map")
    modules = module_map.modules
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION),
        "geometry": np.array(modules.geometry),
        **{name: getattr(modules, name) for name in ("layer", "module_id", "centers", "normals")},
        **{name: getattr(module_map, name) for name in ("source", "target", "count", "slope", "z0")},
        **{name: np.array(getattr(module_map, name)) for name in ("reach", "pt_min", "events", "symmetry")},
    }
    arrays["sha256"] = np.array(_sum(arrays))
    write_compressed(path, arrays)
    return path


def load_module_map(path: Path | str) -> ModuleMap:
    """What `save_module_map` wrote. Raises FileNotFoundError; GraphFileError for another version, or anything else."""
    path = Path(path)
    arrays = read_arrays(path)
    check_kinds(path, arrays, {"version": "iu"}, "module-map")
    if int(arrays["version"]) != VERSION:
        raise GraphFileError(
            f"{path}: a module map of version {int(arrays['version'])}, this edgetrack reads {VERSION}; make it again "
            "(edgetrack module-map)"
        )
    check_kinds(path, arrays, _KINDS, "module-map")
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
