"""Random micrographs of a graph, to test what decides on them."""

from __future__ import annotations

import numpy as np

from edgetrack.models.micrographs import Micrographs


def random_micrographs(hits: int, count: int, seed: int = 0, largest: int = 9, pivots: int = 3) -> Micrographs:
    """`count` sets of 1 … `largest` of `hits` hits, overlapping; pivots repeat, in small sets of need."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, count)
    sets = [rng.permutation(hits)[:size] for size in sizes]
    return Micrographs(
        np.concatenate([np.zeros(0, np.int64), *sets]),
        np.cumsum([0, *sizes]),
        np.array([rng.choice(nodes, pivots) for nodes in sets], np.int64).reshape(count, pivots),
    )
