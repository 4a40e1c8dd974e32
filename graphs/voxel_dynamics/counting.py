"""Counts of pairs of voxels that hits of one particle lie in, one count an orbit of the symmetry; sparse throughout.

An orbit of pairs {g u, g v}, g in the group, is written (k, h, l): its pair of seed k with image h of seed l. That of
seed l with image h⁻¹ of seed k is the same; the smaller key (k · G + h) · K + l stands for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry

_EMPTY = -1
_LARGEST_LOAD = 0.6  # of the slots of the hash table


def pair_keys(first: NDArray[np.int64], second: NDArray[np.int64], seeds: int, symmetry: Symmetry) -> NDArray[np.int64]:
    """(n,) the key of the orbit of each pair of voxels (n,)."""
    (g, k), (other, l_) = np.divmod(first, seeds), np.divmod(second, seeds)
    h = symmetry.product[symmetry.inverse[g], other]
    keys: NDArray[np.int64] = np.minimum(
        (k * symmetry.order + h) * seeds + l_, (l_ * symmetry.order + symmetry.inverse[h]) * seeds + k
    )
    return keys


class PairCounts:
    """How often each orbit of pairs of voxels was seen: a hash table that grows with what it holds."""

    def __init__(self, seeds: int, symmetry: Symmetry) -> None:
        self.seeds, self.symmetry = seeds, symmetry
        self._between = symmetry.product[symmetry.inverse[:, None], np.arange(symmetry.order)]  # g⁻¹ h
        self._keys = np.full(1 << 16, _EMPTY, np.int64)
        self._counts = np.zeros(1 << 16, np.int64)
        self._used = 0

    def add(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
        """Count pairs of voxels (n,); a pair of a voxel with itself is one as any other. O(n)."""
        while self._used + len(first) > _LARGEST_LOAD * len(self._keys):
            keys, counts = self._keys, self._counts
            self._keys = np.full(2 * len(keys), _EMPTY, np.int64)
            self._counts = np.zeros(2 * len(keys), np.int64)
            _move(keys, counts, self._keys, self._counts)
        self._used += _add(first, second, self.seeds, self._between, self.symmetry.inverse, self._keys, self._counts)

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keys (n,), ascending, and their counts (n,)."""
        filled = np.flatnonzero(self._keys != _EMPTY)
        order = filled[np.argsort(self._keys[filled])]
        return self._keys[order], self._counts[order]


@compiled(nogil=True)
def _slot(key: int, keys: NDArray[np.int64]) -> int:
    """Where `key` is, or belongs."""
    mask = len(keys) - 1
    at: Any = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
    while keys[at] != key and keys[at] != -1:
        at = (at + 1) & mask
    return int(at)


@compiled(nogil=True)
def _move(
    old_keys: NDArray[np.int64], old_counts: NDArray[np.int64], keys: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    for row in range(len(old_keys)):
        if old_keys[row] != -1:
            at = _slot(old_keys[row], keys)
            keys[at] = old_keys[row]
            counts[at] = old_counts[row]


@compiled(nogil=True)
def _add(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    seeds: int,
    between: NDArray[np.int64],
    inverse: NDArray[np.int64],
    keys: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    """Count each pair; return how many keys are new."""
    new = 0
    order = len(inverse)
    for pair in range(len(first)):
        u, v = first[pair], second[pair]
        k, other = u % seeds, v % seeds
        h = between[u // seeds, v // seeds]
        key = min((k * order + h) * seeds + other, (other * order + inverse[h]) * seeds + k)
        at = _slot(key, keys)
        if keys[at] == -1:
            keys[at] = key
            new += 1
        counts[at] += 1
    return new
