"""Which hits of a particle are joined: all of them, or those that follow each other on its trajectory.

M. Mieskolainen, "HyperTrack: Neural Combinatorics for High Energy Physics" (2023), section 3.1: `eom`, the path of the
equation of motion; `cricket`, with double hops besides; `hyper`, all pairs. Each holds the one before it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

Target = Literal["eom", "cricket", "hyper"]
Order = Literal["vertex", "tree"]

HOPS: dict[str, int] = {"eom": 1, "cricket": 2, "hyper": 1 << 30}


def particle_pairs(
    particle_id: NDArray[np.int64],
    target: Target = "hyper",
    order: Order = "vertex",
    distance: NDArray[np.floating] | None = None,
    points: NDArray[np.floating] | None = None,
) -> NDArray[np.int64]:
    """(2, P) pairs of hits of one particle that are at most 1 (`eom`), 2 (`cricket`) or any steps (`hyper`) apart.

    Steps are taken along the hits in order of their `distance` (N,) from the particle's vertex, then of their number
    (order `vertex`; the truth has no times), or on the edges of the minimum spanning tree of their `points` (N, 3)
    (order `tree`). Each pair comes once; noise, particle 0, has none. O(N log N + P), a tree O(hits²) a particle.
    """
    distance = np.zeros(len(particle_id)) if distance is None else distance
    hits: NDArray[np.int64] = np.lexsort((distance, particle_id))
    hits = hits[particle_id[hits] != 0]
    ids = particle_id[hits]
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else np.zeros(0, np.int64)
    ends = np.append(starts[1:], len(ids))[: len(starts)]
    if order == "tree" and target != "hyper":
        if points is None:
            raise ValueError("pairs on a tree need the points of the hits; give points (N, 3), or the order vertex")
        return hits[_on_trees(starts, ends, np.asarray(points, np.float64)[hits], HOPS[target])]
    hops = np.minimum(HOPS[target], np.repeat(ends, ends - starts) - np.arange(len(ids)) - 1)
    first = np.repeat(np.arange(len(ids)), hops)
    step = np.arange(len(first)) - np.repeat(np.cumsum(hops) - hops, hops) + 1
    return np.stack([hits[first], hits[first + step]])


def _on_trees(
    starts: NDArray[np.int64], ends: NDArray[np.int64], points: NDArray[np.float64], hops: int
) -> NDArray[np.int64]:
    """(2, P) rows of points joined on the trees of the ranges: by one edge, and by two with `hops` of 2."""
    parent = _trees(starts, ends, points)
    child = np.flatnonzero(parent >= 0)
    pairs = [np.stack([parent[child], child])]
    if hops > 1:
        grandchild = child[parent[parent[child]] >= 0]
        pairs.append(np.stack([parent[parent[grandchild]], grandchild]))
        by_parent = child[np.argsort(parent[child], kind="stable")]
        siblings = particle_pairs(parent[by_parent] + 1)  # a parent's children are a group of their own
        pairs.append(by_parent[siblings])
    return np.concatenate(pairs, axis=1)


@compiled(nogil=True)
def _trees(starts: NDArray[np.int64], ends: NDArray[np.int64], points: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) parent of each row in the minimum spanning tree of its range, grown from its first (Prim); −1 for that."""
    parent = np.full(len(points), -1, np.int64)
    nearest = np.empty(len(points))
    for tree in range(len(starts)):
        begin, end = starts[tree], ends[tree]
        nearest[begin:end] = np.inf
        new = begin
        for _ in range(begin + 1, end):
            nearest[new] = -1.0  # in the tree
            best = -1
            for row in range(begin, end):
                if nearest[row] < 0:
                    continue
                squared = ((points[row] - points[new]) ** 2).sum()
                if squared < nearest[row]:
                    nearest[row], parent[row] = squared, new
                if best < 0 or nearest[row] < nearest[best]:
                    best = row
            new = best
    return parent
