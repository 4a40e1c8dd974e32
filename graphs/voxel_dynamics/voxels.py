"""Voxels: the cells of space that lie nearest to one of V centroids."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry


@dataclass(frozen=True)
class Voxels:
    """V = G · K voxels: the images of K seeds under the G elements of a symmetry.

    Voxel v = g · K + k is the image of seed k under element g.
    """

    seeds: NDArray[np.float32]  # (K, 3) mm, x, y, z
    symmetry: Symmetry = field(default_factory=Symmetry)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", np.ascontiguousarray(self.seeds, np.float32))
        if self.seeds.ndim != 2 or self.seeds.shape[1] != 3 or not len(self.seeds):
            raise ValueError(f"voxels: seeds have shape {self.seeds.shape}, wanted (K, 3), K ≥ 1: x, y, z in mm")
        if not np.isfinite(self.seeds).all():
            row = int(np.argmin(np.isfinite(self.seeds).all(axis=1)))
            raise ValueError(f"voxels: seed {row} is {self.seeds[row]}, wanted finite x, y, z in mm; fit again")

    @property
    def number(self) -> int:
        """V."""
        return len(self.seeds) * self.symmetry.order

    @cached_property
    def centroids(self) -> NDArray[np.float32]:
        """(V, 3) mm, x, y, z."""
        element = np.repeat(np.arange(self.symmetry.order), len(self.seeds))
        images = self.symmetry.applied(element, np.tile(self.seeds, (self.symmetry.order, 1)))
        return images.astype(np.float32)

    @cached_property
    def _tree(self) -> Any:
        return cKDTree(self.centroids, balanced_tree=False, compact_nodes=True)

    def of(self, points: NDArray[np.floating], workers: int = 1) -> NDArray[np.int64]:
        """(N,) the voxel of each point (N, 3), x, y, z in mm: that of the nearest centroid, exactly.

        Points are searched for where they fold to, in a k-d tree of which little is then visited; the answer does not
        depend on `workers`. O(N log V).
        """
        if not len(points):
            return np.zeros(0, np.int64)
        element, folded = self.symmetry.folded(points)
        _, found = self._tree.query(folded, workers=workers)
        image, seed = np.divmod(found, len(self.seeds))
        voxel: NDArray[np.int64] = self.symmetry.product[element, image] * len(self.seeds) + seed
        return voxel
