"""Which hits of a particle are joined: its whole set of hits, or its trajectory."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Target = Literal["eom", "cricket", "hyper"]
Order = Literal["vertex", "tree"]

HOPS: dict[str, int] = {"eom": 1, "cricket": 2, "hyper": 1 << 30}


def particle_pairs(
    particle_id: NDArray[np.int64], target: Target = "hyper", distance: NDArray[np.floating] | None = None
) -> NDArray[np.int64]:
    """(2, P) pairs of hits of one particle that are at most 1 (`eom`), 2 (`cricket`) or any steps (`hyper`) apart.

    Steps are counted in the order of `distance` (N,) from the particle's vertex, then of hits. Each pair comes once,
    the nearer hit first; noise has none. O(N log N + P).
    """
    distance = np.zeros(len(particle_id)) if distance is None else distance
    order = np.lexsort((distance, particle_id))
    order = order[particle_id[order] != 0]
    ids = particle_id[order]
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else np.zeros(0, np.int64)
    lengths = np.diff(np.append(starts, len(ids)))
    hops = np.minimum(HOPS[target], np.repeat(starts + lengths, lengths) - np.arange(len(ids)) - 1)
    first = np.repeat(np.arange(len(ids)), hops)
    step = np.arange(len(first)) - np.repeat(np.cumsum(hops) - hops, hops) + 1
    return np.stack([order[first], order[first + step]])
