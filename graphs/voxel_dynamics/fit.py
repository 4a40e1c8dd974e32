"""Fitting Voxel-Dynamics: voxels from hits, counts from the truth, both under the symmetry of the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.event import Event
from edgetrack.events.progress import Progress, no_progress
from edgetrack.graphs.voxel_dynamics.counting import PairCounts
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.kmeans import fit_voxels
from edgetrack.graphs.voxel_dynamics.smoothing import smoothed
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.targets import Order, Target, particle_pairs
from edgetrack.graphs.voxel_dynamics.voxels import Voxels

FEWEST, MOST = 1 << 6, 1 << 19


@dataclass(frozen=True)
class VoxelFitConfig:
    """How many voxels, which pairs are counted, and how often an event is seen.

    `symmetry` is exact: voxels and counts have it, and each event counts as all of its images. `views` are turns of
    each event by angles in between, so that voxels do not stand in the same places of every event; reflections that
    the symmetry lacks are made at random among them. One view is the event as it is.
    """

    voxels: int = 1 << 16  # V
    symmetry: Symmetry = field(default_factory=Symmetry)
    views: int = 8
    target: Target = "hyper"
    order: Order = "vertex"  # of a particle's hits, for the targets eom and cricket
    iterations: int = 15  # of K-means
    points_per_seed: int = 256  # hits that K-means works on, drawn at random
    smoothing: float = 0.0  # worth of voxels of half the number, in true pairs (4 is good); 0: counts as they are
    seed: int = 0

    def __post_init__(self) -> None:
        if not FEWEST <= self.voxels <= MOST or self.voxels % self.symmetry.order:
            raise ValueError(
                f"fit.voxels = {self.voxels}, wanted {FEWEST}…{MOST} and a multiple of {self.symmetry.order}, the "
                "number of elements of the symmetry"
            )
        for name in ("views", "iterations", "points_per_seed"):
            if getattr(self, name) < 1:
                raise ValueError(f"fit.{name} = {getattr(self, name)}, wanted 1 or more")
        if not self.smoothing >= 0 or (self.smoothing and self.voxels % (2 * self.symmetry.order)):
            raise ValueError(
                f"fit.smoothing = {self.smoothing}, wanted 0, or more where half of the {self.voxels} voxels are a "
                f"multiple of {self.symmetry.order}, the number of elements of the symmetry"
            )


class TrueHits(NamedTuple):
    """The hits of one event, and where they come from."""

    points: NDArray[np.float32]  # (N, 3) mm, x, y, z
    particle_id: NDArray[np.int64]  # (N,) 0 = noise
    distance: NDArray[np.float32]  # (N,) mm, from the vertex of the hit's particle; from the origin where it is unknown


def true_hits(event: Event) -> TrueHits:
    """Points and truth of `event`. Raises ValueError without truth. O(N log N)."""
    if event.truth is None:
        raise ValueError(f"event {event.event_id} has no truth, from which voxels are fitted; give events with truth")
    points = event.hits[["x", "y", "z"]].to_numpy(np.float32)
    particle_id = event.truth["particle_id"].to_numpy()
    vertex = np.zeros_like(points)
    if event.particles is not None:
        listed = event.particles.set_index("particle_id")[["vx", "vy", "vz"]]
        vertex = np.nan_to_num(listed.reindex(particle_id).to_numpy(np.float32))
    return TrueHits(points, particle_id, np.linalg.norm(points - vertex, axis=1))


def fit_dynamics(
    events: Sequence[TrueHits], config: VoxelFitConfig, workers: int = 1, progress: Progress = no_progress
) -> VoxelDynamics:
    """Counts of `config.target` in voxels by K-means, smoothed by those in half as many voxels; none pruned.

    The result depends on `config.seed`, not on `workers`. O(events · views · (N log V + pairs)) time; memory goes with
    the orbits that are seen.
    """
    if not events:
        raise ValueError("no events to fit voxels from; give some with truth")
    if not config.smoothing:
        return counted(events, config, workers, progress)
    steps = 2 * (config.iterations + len(events))
    half = replace(config, voxels=config.voxels // 2, smoothing=0.0)
    coarse = counted(events, half, workers, lambda done, of: progress(done, steps))
    fine = counted(events, config, workers, lambda done, of: progress(of + done, steps))
    return smoothed(fine, coarse, config.smoothing)


def counted(
    events: Sequence[TrueHits], config: VoxelFitConfig, workers: int = 1, progress: Progress = no_progress
) -> VoxelDynamics:
    """Voxels by K-means of the particles' hits, and the counts in them as they are."""
    steps = config.iterations + len(events)
    voxels = _voxels(events, config, workers, lambda done, of: progress(done, steps))
    seeds = len(voxels.seeds)
    generator = np.random.default_rng([config.seed, 1])
    counts, occupancy = PairCounts(seeds, config.symmetry), np.zeros(seeds, np.int64)
    for number, event in enumerate(events):
        first, second = particle_pairs(event.particle_id, config.target, config.order, event.distance, event.points)
        owned = event.particle_id != 0
        for points in views(event.points, config, generator):
            voxel = voxels.of(points, workers)
            occupancy += np.bincount(voxel % seeds, minlength=seeds)
            counts.add(voxel[owned], voxel[owned])  # a hit with itself: self-edges are of every target
            counts.add(voxel[first], voxel[second])
        progress(config.iterations + number + 1, steps)
    return VoxelDynamics(voxels, *counts.sorted(), occupancy, len(events) * config.views, config.target)


def views(
    points: NDArray[np.floating], config: VoxelFitConfig, generator: np.random.Generator
) -> list[NDArray[np.float64]]:
    """`config.views` turns of points (N, 3), one in each equal part of a sector; the points as they are for one."""
    turned = np.asarray(points, np.float64)
    if config.views == 1:
        return [turned]
    symmetry, found = config.symmetry, []
    for angle in (
        (np.arange(config.views) + generator.random(config.views)) * 2 * np.pi / symmetry.sectors / config.views
    ):
        flip_y, flip_z = np.where(generator.random(2) < 0.5, -1, 1)
        x, y, z = turned.T
        y = y if symmetry.mirror_phi else y * flip_y
        z = z if symmetry.mirror_z else z * flip_z
        cos, sin = np.cos(angle), np.sin(angle)
        found.append(np.column_stack([cos * x - sin * y, sin * x + cos * y, z]))
    return found


def _voxels(events: Sequence[TrueHits], config: VoxelFitConfig, workers: int, progress: Progress) -> Voxels:
    seeds = config.voxels // config.symmetry.order
    points = np.concatenate([event.points[event.particle_id != 0] for event in events])
    wanted = seeds * config.points_per_seed
    if len(points) > wanted:
        chosen = np.random.default_rng([config.seed, 0]).choice(len(points), wanted, replace=False)
        points = points[np.sort(chosen)]
    return fit_voxels(points, seeds, config.symmetry, config.iterations, config.seed, workers, progress)
