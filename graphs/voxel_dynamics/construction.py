"""The settings of a construction by Voxel-Dynamics: which file, and how far it is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.files import load_voxels
from edgetrack.graphs.voxel_dynamics.search import Search

OWN = Path(__file__).parents[1] / "pretrained"


@dataclass(frozen=True)
class VoxelConstruction:
    """All hits of the detector as nodes, and every pair whose voxels are linked as an edge."""

    kind: Literal["voxel_dynamics"] = "voxel_dynamics"
    file: str = ""  # voxels.npz of `edgetrack voxels`, or one of the package's own by name
    search: Search = "kd_tree"  # of the nearest centroid; exact, as is faiss_gpu, and faiss_ivf nearly so
    threshold: float | None = None  # least share of true pairs that links, above the file's own; the file's for null

    def __post_init__(self) -> None:
        if self.threshold is not None and not self.threshold >= 0:
            raise ValueError(f"construction.threshold = {self.threshold}, wanted 0 or more, or null for the file's")

    def dynamics(self) -> VoxelDynamics:
        """What the file holds, read once as long as it stays the same, cut at the threshold.

        Raises: ValueError for no such file, or a threshold below that which it was cut at; as `load_voxels`.
        """
        path = voxels_path(self.file)
        return _read(path, path.stat().st_mtime_ns, self.search, self.threshold)


def voxels_path(name: str) -> Path:
    """A file of `edgetrack voxels`, or one of the package's own by name. Raises ValueError naming what is there."""
    path, own = Path(name), OWN / f"{name}.npz"
    if name and path.is_file():
        return path
    if name and own.is_file():
        return own
    known = ", ".join(sorted(file.stem for file in OWN.glob("*.npz")))
    raise ValueError(
        f"construction.file = {name!r}: neither a file of `edgetrack voxels` nor one of the package's own ({known})"
    )


@lru_cache(maxsize=4)
def _read(path: Path, written: int, search: Search, threshold: float | None) -> VoxelDynamics:
    dynamics = load_voxels(path)
    dynamics = replace(dynamics, voxels=replace(dynamics.voxels, search=search))
    if threshold is None:
        return dynamics
    if threshold < dynamics.threshold:
        raise ValueError(
            f"construction.threshold = {threshold:g}, but {path} was cut at {dynamics.threshold:g}; wanted no less, "
            "or a file with more orbits (edgetrack voxels --efficiency)"
        )
    return dynamics.pruned(threshold)
