"""K-means of hits under a symmetry: seeds whose images are the centroids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress, no_progress
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.voxels import Voxels


def fit_voxels(
    points: NDArray[np.floating],
    seeds: int,
    symmetry: Symmetry,
    iterations: int = 20,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Voxels:
    """K-means (Lloyd) of points (N, 3) in mm, and of all their images under `symmetry`, with `seeds` · G centroids.

    Each iteration finds the nearest centroid of each point exactly, and moves a seed to the mean of the points whose
    centroid is one of its images, brought back by the inverse element. A seed that no point has moves to a point at
    random. The result depends on `seed`, and not on `workers`. O(iterations · N log V).
    """
    generator = np.random.default_rng(seed)
    _, points = symmetry.folded(points)
    if len(points) < seeds:
        raise ValueError(f"{len(points)} points cannot make {seeds} seeds of voxels; give more events, or fewer voxels")
    centres = points[generator.choice(len(points), seeds, replace=False)]
    for iteration in range(iterations):
        image, nearest = np.divmod(Voxels(centres.astype(np.float32), symmetry).of(points, workers), seeds)
        moved = symmetry.applied(symmetry.inverse[image], points)
        counts = np.bincount(nearest, minlength=seeds)
        sums = np.column_stack([np.bincount(nearest, moved[:, axis], seeds) for axis in range(3)])
        centres = sums / np.maximum(counts, 1)[:, None]
        empty = np.flatnonzero(counts == 0)
        centres[empty] = points[generator.choice(len(points), len(empty), replace=False)]
        progress(iteration + 1, iterations)
    return Voxels(centres.astype(np.float32), symmetry)
