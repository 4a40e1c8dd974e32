"""Counts in fine voxels, smoothed by what coarser voxels around them counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.voxel_dynamics.counting import pair_keys
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics

UNITS = 16  # a smoothed count is a whole number of such parts of a pair
_RAREST = 1e-6  # share of true pairs where even the coarse voxels saw none


def smoothed(fine: VoxelDynamics, coarse: VoxelDynamics, strength: float = 4.0, least: float = 1e-5) -> VoxelDynamics:
    """`fine` with shares (n + κ) / (N + κ / s): n of N pairs of hits were true, s is the share in the coarse voxels.

    That is the mean of a Poisson rate whose prior is the coarse share at the worth of κ = `strength` true pairs. Pairs
    of voxels that were never seen, but whose coarse voxels were, are linked so, too. A voxel belongs to the coarse
    voxel that its centroid lies in; orbits of a share below `least` are left out. Counts are in sixteenths of a pair,
    as if there had been `UNITS` times as many views.

    Raises: ValueError where the two have other symmetries or targets. O(orbits · children² · log).
    """
    symmetry = fine.voxels.symmetry
    if coarse.voxels.symmetry != symmetry or coarse.target != fine.target:
        raise ValueError(
            f"voxels of {symmetry} and target {fine.target} cannot be smoothed by those of {coarse.voxels.symmetry} "
            f"and {coarse.target}; fit both with the same symmetry and target"
        )
    parent = coarse.voxels.of(fine.voxels.seeds)  # (K,) the coarse voxel of each seed; images follow by symmetry
    keys = np.union1d(fine.keys, _children(fine, coarse.pruned(least), parent))
    candidates = replace(fine, keys=keys, counts=np.ones(len(keys), np.int64), threshold=0.0)
    k, h, other = candidates.orbits()
    pairs = 1.0 / candidates.shares  # N, of a count of one
    number = _looked_up(fine.keys, fine.counts, keys)
    image, seed = np.divmod(parent[other], len(coarse.voxels.seeds))
    moved = symmetry.product[h, image] * len(coarse.voxels.seeds) + seed
    above = pair_keys(parent[k], moved, len(coarse.voxels.seeds), symmetry)
    share = np.maximum(_looked_up(coarse.keys, coarse.shares, above), _RAREST)
    posterior = (number + strength) / (pairs + strength / share)
    counts = np.rint(UNITS * pairs * posterior).astype(np.int64)
    kept = (counts > 0) & (posterior >= least)
    return replace(
        fine, keys=keys[kept], counts=counts[kept], occupancy=fine.occupancy * UNITS, views=fine.views * UNITS
    )


def _children(fine: VoxelDynamics, coarse: VoxelDynamics, parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys (n,), ascending, of the fine orbits within the orbits of `coarse`."""
    symmetry, seeds, coarse_seeds = fine.voxels.symmetry, len(fine.voxels.seeds), len(coarse.voxels.seeds)
    image, owner = np.divmod(parent, coarse_seeds)
    # Seed j lies in image g of a coarse seed: its image under g⁻¹ lies in the coarse seed's own voxel.
    child = symmetry.inverse[image] * seeds + np.arange(seeds)
    order = np.argsort(owner, kind="stable")
    child, sizes = child[order], np.bincount(owner, minlength=coarse_seeds)
    starts = np.cumsum(sizes) - sizes
    k, h, other = coarse.orbits()
    number = sizes[k] * sizes[other]
    orbit = np.repeat(np.arange(len(k)), number)
    place = np.arange(len(orbit)) - np.repeat(np.cumsum(number) - number, number)
    first_place, second_place = np.divmod(place, sizes[other][orbit])
    first = child[starts[k][orbit] + first_place]
    element, seed = np.divmod(child[starts[other][orbit] + second_place], seeds)
    second = symmetry.product[h[orbit], element] * seeds + seed
    return np.unique(pair_keys(first, second, seeds, symmetry))


def _looked_up(keys: NDArray[np.int64], values: NDArray[np.generic], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) the value of each wanted key, 0 where it is not among the ascending `keys`."""
    if not len(keys):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place].astype(np.float64), 0.0)
