"""Small detectors, events and matrices for the tests of Voxel-Dynamics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.voxel_dynamics.counting import PairCounts
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.fit import TrueHits
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.targets import particle_pairs
from edgetrack.graphs.voxel_dynamics.voxels import Voxels

SYMMETRIES = [
    Symmetry(1, mirror_phi=False, mirror_z=False),
    Symmetry(5, mirror_phi=False, mirror_z=True),
    Symmetry(3, mirror_phi=True, mirror_z=False),
    Symmetry(4, mirror_phi=True, mirror_z=True),
]


def tracks(seed: int, particles: int, noise: int = 10) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Hits (N, 3) of straight tracks through five cylinders and noise, shuffled; each one's particle (N,), 0: none."""
    rng = np.random.default_rng(seed)
    radius = np.array([30.0, 70.0, 110.0, 170.0, 260.0])
    phi = np.repeat(rng.uniform(-np.pi, np.pi, particles), 5)
    slope = np.repeat(rng.normal(0, 1.5, particles), 5)
    r = np.tile(radius, particles)
    points = np.column_stack([r * np.cos(phi), r * np.sin(phi), r * slope])
    points = np.concatenate([points, rng.normal(0, 150, (noise, 3))])
    owner = np.append(np.repeat(np.arange(1, particles + 1), 5), np.zeros(noise, np.int64))
    order = rng.permutation(len(points))
    return points[order], owner[order]


def made_dynamics(symmetry: Symmetry, seeds: int = 12, particles: int = 60, seed: int = 0) -> VoxelDynamics:
    """Counts of some tracks in voxels around hits at random; the tracks are `tracks(seed + 100, particles)`."""
    points, owner = tracks(seed + 100, particles)
    _, folded = symmetry.folded(points)
    chosen = np.random.default_rng(seed).choice(len(folded), seeds, replace=False)
    voxels = Voxels(folded[chosen].astype(np.float32), symmetry)
    voxel = voxels.of(points)
    counts = PairCounts(seeds, symmetry)
    counts.add(*voxel[particle_pairs(owner)])
    return VoxelDynamics(voxels, *counts.sorted(), np.bincount(voxel % seeds, minlength=seeds), views=1)


def event(seed: int, particles: int = 150) -> TrueHits:
    """The hits of `tracks` as the fit takes them."""
    points, owner = tracks(seed, particles, noise=30)
    return TrueHits(points.astype(np.float32), owner, np.linalg.norm(points, axis=1).astype(np.float32))
