"""Voxels: the cells of space that lie nearest to one of V centroids."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.voxel_dynamics.search import NearestCentroid, Search, nearest_centroid
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry


@dataclass(frozen=True)
class Voxels:
    """V = G · K voxels: the images of K seeds under the G elements of a symmetry.

    Voxel v = g · K + k is the image of seed k under element g.
    """

    seeds: NDArray[np.float32]  # (K, 3) mm, x, y, z
    symmetry: Symmetry = field(default_factory=Symmetry)
    search: Search = "kd_tree"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", np.ascontiguousarray(self.seeds, np.float32))
        if self.seeds.ndim != 2 or self.seeds.shape[1] != 3 or not len(self.seeds):
            raise ValueError(f"voxels: seeds have shape {self.seeds.shape}, wanted (K, 3), K ≥ 1: x, y, z in mm")
        if not np.isfinite(self.seeds).all():
            row = int(np.argmin(np.isfinite(self.seeds).all(axis=1)))
            raise ValueError(f"voxels: seed {row} is {self.seeds[row]}, wanted finite x, y, z in mm; fit again")

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # an index is made again

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
    def _nearest(self) -> NearestCentroid:
        return nearest_centroid(self.centroids, self.search)

    def of(self, points: NDArray[np.floating], workers: int = 1) -> NDArray[np.int64]:
        """(N,) the voxel of each point (N, 3), x, y, z in mm: that of the nearest centroid, exactly with the k-d tree.

        Points are searched for where they fold to, so that little of the tree is visited; the answer does not depend
        on `workers`. O(N log V).
        """
        if not len(points):
            return np.zeros(0, np.int64)
        element, folded = self.symmetry.folded(points)
        image, seed = np.divmod(self._nearest(folded, workers), len(self.seeds))
        voxel: NDArray[np.int64] = self.symmetry.product[element, image] * len(self.seeds) + seed
        return voxel
