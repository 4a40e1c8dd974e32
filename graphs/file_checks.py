"""What the values in a graph file must be: units, ranges, labels, and which form names its particles how."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.layers import PIXEL_LAYERS

# Largest r and |z| of a hit, and the least that the outermost hit has, in the units of x (m). No tracker is larger, and
# none lies within its beam pipe: values beyond are mm, or metres divided by 1000 once more.
LARGEST_R, LARGEST_Z = 15.0, 30.0
LEAST_OUTERMOST_R = 0.01


def check_coordinates(graph: HitGraph) -> None:
    """Raise ValueError for hits that are not r/1000 mm, φ/π, z/1000 mm of a tracker, and for edges within one hit.

    O(N + E).
    """
    radius, phi, z = graph.x.T
    for bad, what, remedy in (
        (~(radius > 0), "r is not above 0", "hits on the beam line have no φ and no η: drop them"),
        (~(np.abs(phi) <= 1), "φ/π is outside [−1, 1]", "divide φ in rad by π, wrapped to [−π, π]"),
        (radius > LARGEST_R, f"r is above {LARGEST_R:g} m", "it looks like mm: divide by 1000"),
        (np.abs(z) > LARGEST_Z, f"|z| is above {LARGEST_Z:g} m", "it looks like mm: divide by 1000"),
    ):
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(
                f"{graph.name}: x[{row}] = {graph.x[row].tolist()} ({int(bad.sum())} such hits): {what}; wanted "
                f"r/1000 mm, φ/π, z/1000 mm: {remedy}"
            )
    if graph.num_nodes and radius.max() < LEAST_OUTERMOST_R:
        raise ValueError(
            f"{graph.name}: the outermost hit lies at r = {1000 * radius.max():.3g} mm, inside any beam pipe; x holds "
            "r/1000 mm, φ/π, z/1000 mm: do not divide metres by 1000"
        )
    loops = graph.edge_index[0] == graph.edge_index[1]
    if loops.any():
        edge = int(np.argmax(loops))
        raise ValueError(
            f"{graph.name}: edge {edge} joins hit {int(graph.edge_index[0, edge])} to itself ({int(loops.sum())} such "
            "edges); wanted edges between two hits: drop these"
        )


def check_labels(y: NDArray[np.generic]) -> None:
    """Raise ValueError for labels (E,) other than 0 and 1."""
    other = (y != 0) & (y != 1)
    if other.any():
        edge = int(np.argmax(other))
        raise ValueError(f"y[{edge}] = {y[edge]} ({int(other.sum())} such edges), wanted 0 or 1: true edges are 1")


def published_particle_ids(arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.int64]:
    """particle_id (N,) of the published TrackML form, from `pid`, `y` and `edge_index`; 0 = noise.

    The published graphs count their particles 0…P−1 without a gap and have no noise: 1 is added. Any other numbers are
    taken for TrackML's own identifiers, of which 0 is noise. Raises ValueError where the labels contradict that: a pid
    0 that is noise by its number but has true edges, or that is a particle by its number but has more hits than there
    are layers, and no true edge.
    """
    pid = arrays["particle_id"].astype(np.int64)
    numbers = np.unique(pid)
    counted = not len(numbers) or (numbers[0] == 0 and numbers[-1] == len(numbers) - 1)
    if "y" in arrays:
        source, target = arrays["edge_index"][:, arrays["y"].astype(bool)]
        has_edges = bool(((pid[source] == 0) & (pid[target] == 0)).any())
        is_crowd = int(np.count_nonzero(pid == 0)) > len(PIXEL_LAYERS)
        if (has_edges and not counted) or (counted and is_crowd and not has_edges):
            raise ValueError(
                f"pid 0 has {'true edges' if has_edges else 'many hits and no true edge'}, but the pids "
                f"{'have gaps' if has_edges else 'count from 0 without a gap'}: is it a particle or noise? Wanted pids "
                "0…P−1 without noise; write the form x, particle_id instead, where 0 is noise"
            )
    return pid + 1 if counted else pid
