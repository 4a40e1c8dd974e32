"""Voxel-Dynamics: which voxels share particles, by count; and the pairs of hits that it joins.

M. Mieskolainen, "HyperTrack: Neural Combinatorics for High Energy Physics" (2023), section 3.1. There C is a Boolean
V × V matrix. Here it has counts, one for each orbit of a symmetry of the tracker, and is cut where a count is small
against what hits that do not belong together would give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from edgetrack.graphs.voxel_dynamics.adjacency import linked_pairs
from edgetrack.graphs.voxel_dynamics.counting import pair_keys
from edgetrack.graphs.voxel_dynamics.targets import HOPS, Target
from edgetrack.graphs.voxel_dynamics.voxels import Voxels


@dataclass(frozen=True)
class VoxelDynamics:
    """Counts of orbits of pairs of voxels, and how large a share of true pairs links them.

    An orbit (k, h, l), seed k with image h of seed l, has the key (k · G + h) · K + l; of its two keys it is written by
    the smaller (`counting.py`).
    """

    voxels: Voxels
    keys: NDArray[np.int64]  # (n,) orbits that were seen, ascending
    counts: NDArray[np.int64]  # (n,) pairs of hits of one particle there
    occupancy: NDArray[np.int64]  # (K,) hits in the images of each seed
    views: int  # events, and turns of events, that were counted
    target: Target = "hyper"
    threshold: float = 0.0  # least share of true pairs in a linked orbit, at the pile-up of the fit

    def __post_init__(self) -> None:
        for name in ("keys", "counts", "occupancy"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int64))
        seeds, order = len(self.voxels.seeds), self.voxels.symmetry.order
        if self.target not in HOPS:
            raise ValueError(f"voxels: target is {self.target!r}, wanted one of {', '.join(HOPS)}")
        if self.counts.shape != self.keys.shape or self.occupancy.shape != (seeds,):
            raise ValueError(
                f"voxels: {self.keys.shape} keys, {self.counts.shape} counts and occupancy {self.occupancy.shape}, "
                f"wanted as many counts as keys, and ({seeds},): fit again"
            )
        ascending = (np.diff(self.keys) > 0).all()
        if len(self.keys) and not (ascending and self.keys[0] >= 0 and self.keys[-1] < seeds * order * seeds):
            raise ValueError(f"voxels: keys must ascend within 0…{seeds * order * seeds - 1}; fit again")
        if (self.counts < 1).any() or (self.occupancy < 0).any() or self.views < 1 or not self.threshold >= 0:
            raise ValueError(
                "voxels: counts and views must be at least 1, occupancy and threshold 0 or more; fit again"
            )

    def orbits(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(n,) k, h, l of each key."""
        seeds, order = len(self.voxels.seeds), self.voxels.symmetry.order
        rest, other = np.divmod(self.keys, seeds)
        return rest // order, rest % order, other

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """(n,) count / number of pairs of hits in the voxels of the orbit: the share of true pairs, as it is estimated.

        A view has n = occupancy / (views · G) hits in a voxel on average, and G · n_k n_l pairs of hits in an orbit;
        half of them where both voxels of a pair are images of each other by an element that undoes itself.
        """
        order = self.voxels.symmetry.order
        k, h, other = self.orbits()
        same = (k == other) & (self.voxels.symmetry.inverse[h] == h)
        pairs = np.where(same, 0.5, 1.0) * self.occupancy[k] * self.occupancy[other]
        shares: NDArray[np.float64] = self.counts * float(order) * self.views / np.maximum(pairs, 0.5)
        return shares

    def shares_of(self, points: NDArray[np.floating], edges: NDArray[np.int64]) -> NDArray[np.float64]:
        """(E,) the share of true pairs in the orbit of each edge (2, E) of points (N, 3); 0 for one never seen."""
        voxel = self.voxels.of(points)
        keys = pair_keys(voxel[edges[0]], voxel[edges[1]], len(self.voxels.seeds), self.voxels.symmetry)
        place = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.zeros(len(keys))
        return np.where(self.keys[place] == keys, self.shares[place], 0.0)

    def pruned(self, threshold: float) -> VoxelDynamics:
        """Only the orbits whose share of true pairs is `threshold` or more, and the threshold at that."""
        kept = self.shares >= threshold
        return replace(self, keys=self.keys[kept], counts=self.counts[kept], threshold=threshold)

    @cached_property
    def links(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """indptr (K + 1,), h (m,) and l (m,) of the orbits at or above the threshold, in rows of k."""
        k, h, other = (part[self.shares >= self.threshold] for part in self.orbits())
        indptr = np.concatenate([[0], np.cumsum(np.bincount(k, minlength=len(self.voxels.seeds)))])
        return indptr, h.astype(np.int32), other.astype(np.int32)

    def matrix(self) -> Any:
        """C, (V, V): scipy's sparse array of the counts at or above the threshold, symmetric. O(G · n) memory."""
        symmetry, number = self.voxels.symmetry, self.voxels.number
        chosen = self.shares >= self.threshold
        k, h, other = (part[chosen] for part in self.orbits())
        seeds = len(self.voxels.seeds)
        element = np.arange(symmetry.order)[:, None]
        first = (element * seeds + k).ravel()
        second = (symmetry.product[:, h] * seeds + other).ravel()
        counts = np.broadcast_to(self.counts[chosen], (symmetry.order, len(k))).ravel()
        low, high = np.minimum(first, second), np.maximum(first, second)
        key, place = np.unique(low * number + high, return_index=True)
        low, high, counts = key // number, key % number, counts[place]
        off = low != high
        rows, columns = np.append(low, high[off]), np.append(high, low[off])
        return csr_array((np.append(counts, counts[off]), (rows, columns)), shape=(number, number))

    def edges(self, points: NDArray[np.floating], threads: int = 1) -> NDArray[np.int64]:
        """(2, E) pairs of hits (N, 3), x, y, z in mm, whose voxels are linked: each pair once, from the hit nearer to
        the origin to the farther, of equally near ones from the smaller number. None joins a hit to itself.

        The same pairs in the same order whatever `threads`. O(N log V + voxels with hits · links of one + E).
        """
        points = np.asarray(points, np.float64).reshape(-1, 3)
        if not np.isfinite(points).all():
            row = int(np.argmin(np.isfinite(points).all(axis=1)))
            raise ValueError(f"hit {row} is at {points[row]}, wanted finite x, y, z in mm; drop such hits before")
        symmetry = self.voxels.symmetry
        voxel = self.voxels.of(points, threads)
        distance = (points**2).sum(axis=1)
        return linked_pairs(voxel, distance, self.links, symmetry.product, symmetry.inverse, threads)
