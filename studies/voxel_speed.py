"""How fast Voxel-Dynamics joins the hits of one event, and in how much memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.geometric import geometric_edges
from edgetrack.graphs.selection import SelectedHits
from edgetrack.graphs.voxel_dynamics.counting import PairCounts
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.voxels import Voxels
from edgetrack.studies.graph_building import WINDOWS, synthetic_hits
from edgetrack.studies.hypertrack_speed import interleaved

DRAWN = 200_000  # random pairs of hits that are looked up


def adjacency_case(hits: int, voxels: int, links: int, repeats: int, seed: int) -> dict[str, Any]:
    """Nearest centroids alone, and with them all pairs of one event of so many hits, one thread.

    `peak_bytes_per_pair`: the largest memory while pairs are made, their 16 bytes each included; with half of the hits
    too, which have a quarter of the pairs. Raises RuntimeError where pairs are linked by no count, come twice, or lack
    one of `DRAWN` random pairs of hits that is linked.
    """
    dynamics, points = random_dynamics(hits, voxels, links, seed)
    edges = dynamics.edges(points)
    _check_pairs(dynamics, points, edges, seed)
    runs: dict[str, Callable[[], object]] = {
        "centroids": lambda: dynamics.voxels.of(points),
        "centroids_and_pairs": lambda: dynamics.edges(points),
    }
    times = interleaved(runs, repeats)
    return {
        "name": "adjacency",
        "size": {"hits": hits, "voxels": dynamics.voxels.number, "pairs": edges.shape[1]},
        "peak_bytes_per_pair": {
            "all_hits": _bytes_per_pair(dynamics, points),
            "half_of_them": _bytes_per_pair(dynamics, points[::2]),
        },
        "milliseconds": {name: 1e3 * value for name, value in times.items()},
    }


def random_dynamics(hits: int, voxels: int, links: int, seed: int) -> tuple[VoxelDynamics, NDArray[np.float64]]:
    """Voxels around synthetic pixel hits, with a count for up to `links` doublets of them; and (hits, 3) others, in mm.

    Raises ValueError where `voxels` is no multiple of the symmetry's order.
    """
    symmetry = Symmetry()
    seeds = voxels // symmetry.order
    if not seeds or voxels % symmetry.order:
        raise ValueError(f"{voxels} voxels, wanted a multiple of {symmetry.order}, the number of images of each seed")
    seen = synthetic_hits(max(hits // 2, seeds), seed)
    places, rng = _places(seen), np.random.default_rng(seed)
    made = Voxels(symmetry.folded(rng.permutation(places)[:seeds])[1].astype(np.float32), symmetry)
    voxel, doublets, counts = made.of(places), geometric_edges(seen, WINDOWS, 1), PairCounts(seeds, symmetry)
    chosen = doublets[:, rng.permutation(doublets.shape[1])[:links]]
    counts.add(voxel[chosen[0]], voxel[chosen[1]])
    occupancy = np.bincount(voxel % seeds, minlength=seeds)
    return VoxelDynamics(made, *counts.sorted(), occupancy, views=1), _places(synthetic_hits(hits, seed + 1))


def _places(hits: SelectedHits) -> NDArray[np.float64]:
    """(N, 3) x, y, z in mm."""
    return np.column_stack([hits.r * np.cos(hits.phi), hits.r * np.sin(hits.phi), hits.z])


def _check_pairs(dynamics: VoxelDynamics, points: NDArray[np.float64], edges: NDArray[np.int64], seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(0, len(points), (2, DRAWN))
    drawn = drawn[:, drawn[0] != drawn[1]]
    keys, wanted = (pairs.min(axis=0) * len(points) + pairs.max(axis=0) for pairs in (edges, drawn))
    keys.sort()
    twice = int(np.count_nonzero(keys[1:] == keys[:-1]))
    wrong = int(np.count_nonzero(dynamics.shares_of(points, edges) <= 0))
    lacking = int(np.count_nonzero(~np.isin(wanted[dynamics.shares_of(points, drawn) > 0], keys)))
    if twice or wrong or lacking:
        raise RuntimeError(
            f"of {edges.shape[1]} pairs {twice} come twice and {wrong} are linked by no count; of {drawn.shape[1]} "
            f"random ones {lacking} are lacking"
        )


def _bytes_per_pair(dynamics: VoxelDynamics, points: NDArray[np.float64]) -> float:
    tracemalloc.start()
    try:
        pairs = dynamics.edges(points).shape[1]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return float(peak / max(pairs, 1))
