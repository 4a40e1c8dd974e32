"""Smoothing by coarser voxels, against the formula voxel by voxel."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from voxel_tracks import SYMMETRIES, made_dynamics

from edgetrack.graphs.voxel_dynamics.smoothing import UNITS, smoothed
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_counts_are_the_formula_of_each_pair_of_voxels_and_their_coarse_voxels(symmetry: Symmetry) -> None:
    fine, coarse = made_dynamics(symmetry, seeds=7, particles=9), made_dynamics(symmetry, seeds=3, particles=25, seed=4)
    strength, least = 4.0, 0.002
    found = smoothed(fine, coarse, strength, least).matrix().toarray()
    seen, above = fine.matrix().toarray(), coarse.matrix().toarray()
    voxel_hits, coarse_hits = (
        np.tile(one.occupancy, symmetry.order) / symmetry.order / one.views for one in (fine, coarse)
    )
    centres = coarse.voxels.centroids.astype(float)
    parent = [int(np.argmin(((centres - c) ** 2).sum(axis=1))) for c in fine.voxels.centroids.astype(float)]
    expected = np.zeros(seen.shape)
    for u, v in product(range(len(seen)), repeat=2):
        images = symmetry.order * (0.5 if u == v or exchanged(symmetry, 7, u, v) else 1.0)
        pairs = images * voxel_hits[u] * voxel_hits[v] * fine.views
        p, q = parent[u], parent[v]
        coarse_images = symmetry.order * (0.5 if p == q or exchanged(symmetry, 3, p, q) else 1.0)
        share = max(above[p, q] / max(coarse_images * coarse_hits[p] * coarse_hits[q] * coarse.views, 1e-9), 1e-6)
        posterior = (seen[u, v] + strength) / (pairs + strength / share)
        if posterior >= least and (seen[u, v] or share >= least):
            expected[u, v] = np.rint(UNITS * pairs * posterior)
    np.testing.assert_array_equal(found, expected)
    assert (found[seen == 0] > 0).any()
    assert (found != UNITS * seen).any()


def exchanged(symmetry: Symmetry, seeds: int, u: int, v: int) -> bool:
    """Whether an element of the symmetry that undoes itself takes each of the two voxels to the other."""
    h = symmetry.product[symmetry.inverse[u // seeds], v // seeds]
    return bool(u % seeds == v % seeds and symmetry.inverse[h] == h)


def test_shares_stay_where_the_statistics_are_large_and_follow_the_coarse_ones_where_they_are_not() -> None:
    fine, coarse = made_dynamics(SYMMETRIES[3], seeds=10), made_dynamics(SYMMETRIES[3], seeds=5, seed=2)
    weak, strong = smoothed(fine, coarse, 1e-9, 0.0), smoothed(fine, coarse, 1e9, 0.0)
    rows = np.searchsorted(weak.keys, fine.keys)
    rows = rows[np.isin(fine.keys, weak.keys)]
    np.testing.assert_allclose(weak.shares[rows], fine.shares[np.isin(fine.keys, weak.keys)], rtol=1e-6)
    assert not np.array_equal(weak.shares, strong.shares)


def test_voxels_of_another_symmetry_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot be smoothed by those of .*; fit both with the same symmetry"):
        smoothed(made_dynamics(SYMMETRIES[0]), made_dynamics(SYMMETRIES[1]))
