"""Voxel-Dynamics on disk: one compressed npz file, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.files import GraphFileError, check_kinds, check_npz, read_arrays, write_compressed
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.voxels import Voxels

_KINDS = {
    "seeds": "f",
    "symmetry": "iu",
    "steps": "u",
    "counts": "u",
    "occupancy": "u",
    "views": "iu",
    "target": "U",
    "threshold": "f",
}


def save_voxels(dynamics: VoxelDynamics, path: Path | str) -> Path:
    """Write the orbits at or above the threshold to `path` (`.npz`, atomic, the same bytes for the same); return it.

    Keys: seeds (K, 3) float32 mm; symmetry (3,) sectors, mirror_phi, mirror_z; steps (4, n) uint8, from key to key,
    and counts (4, n) uint8, of four bytes each, lowest first, a row for each byte; occupancy (K,); views; target;
    threshold. LZMA takes about two bytes an orbit.
    """
    path = Path(path)
    check_npz(path, "voxel file")
    kept = dynamics.pruned(dynamics.threshold)
    symmetry = kept.voxels.symmetry
    arrays: dict[str, NDArray[Any]] = {
        "seeds": kept.voxels.seeds,
        "symmetry": np.array([symmetry.sectors, symmetry.mirror_phi, symmetry.mirror_z], np.int64),
        "steps": _bytes(np.diff(kept.keys, prepend=0), path),
        "counts": _bytes(kept.counts, path),
        "occupancy": kept.occupancy.astype(np.uint64),
        "views": np.array(kept.views),
        "target": np.array(kept.target),
        "threshold": np.array(kept.threshold, np.float64),
    }
    write_compressed(path, arrays)
    return path


def load_voxels(path: Path | str) -> VoxelDynamics:
    """What `save_voxels` wrote. Raises FileNotFoundError; GraphFileError with file and key for anything else."""
    path = Path(path)
    arrays = read_arrays(path)
    check_kinds(path, arrays, _KINDS, "voxels")
    try:
        sectors, mirror_phi, mirror_z = (int(value) for value in arrays["symmetry"])
        return VoxelDynamics(
            Voxels(arrays["seeds"], Symmetry(sectors, bool(mirror_phi), bool(mirror_z))),
            np.cumsum(_numbers(arrays["steps"])),
            _numbers(arrays["counts"]),
            arrays["occupancy"].astype(np.int64),
            int(arrays["views"]),
            str(arrays["target"]),  # type: ignore[arg-type]  # checked where it is made
            float(arrays["threshold"]),
        )
    except (TypeError, ValueError) as error:
        raise GraphFileError(f"{path}: {error}; the file is damaged, write it again") from error


def _bytes(values: NDArray[np.int64], path: Path) -> NDArray[np.uint8]:
    """(4, n) the bytes of numbers (n,) below 2^32: equal bytes lie together, which is what compression wants."""
    if len(values) and values.max() >= 1 << 32:
        raise ValueError(f"{path}: a count or a step between keys is {values.max()}, wanted below 2^32")
    return np.ascontiguousarray(values.astype("<u4").view(np.uint8).reshape(-1, 4).T)


def _numbers(rows: NDArray[Any]) -> NDArray[np.int64]:
    if rows.ndim != 2 or rows.shape[0] != 4 or rows.dtype != np.uint8:
        raise ValueError(f"bytes of numbers are {rows.dtype} {rows.shape}, wanted uint8 (4, n)")
    return np.ascontiguousarray(rows.T).view("<u4").astype(np.int64).reshape(-1)
