"""Pairs of hits whose voxels are linked, each once: compiled, in memory linear in hits and pairs."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

_VOXELS_PER_CHUNK = 2048  # below this many occupied voxels, starting a thread costs more than it saves


def linked_pairs(
    voxel: NDArray[np.int64],
    indptr: NDArray[np.int64],
    element: NDArray[np.int32],
    seed: NDArray[np.int32],
    product: NDArray[np.int64],
    inverse: NDArray[np.int64],
    threads: int = 1,
) -> NDArray[np.int32]:
    """(2, E) pairs of hits i, j whose voxels (N,) are linked; each once, none with itself.

    Row k of the links, indptr[k] … indptr[k + 1], has an entry (h, l) for each orbit (k, h, l) of linked pairs of
    voxels: image g h of seed l is linked to image g of seed k, for every g. Pairs come by the voxel on the row's side,
    then by entry, then by hit; the same whatever `threads`. O(occupied voxels · length of a row + E).
    """
    voxels = (len(indptr) - 1) * len(inverse)
    hits = np.argsort(voxel, kind="stable").astype(np.int32)
    starts = np.zeros(voxels + 1, np.int32)
    np.cumsum(np.bincount(voxel, minlength=voxels), out=starts[1:])
    occupied = np.flatnonzero(np.diff(starts))

    def chunk(bounds: tuple[int, int]) -> NDArray[np.int32]:
        part = occupied[slice(*bounds)]
        number = _pairs(part, hits, starts, indptr, element, seed, product, inverse, np.empty((2, 0), np.int32))
        pairs = np.empty((2, number), np.int32)
        _pairs(part, hits, starts, indptr, element, seed, product, inverse, pairs)
        return pairs

    workers = max(1, min(threads, len(occupied) // _VOXELS_PER_CHUNK))
    if workers == 1:
        return chunk((0, len(occupied)))
    limits = np.linspace(0, len(occupied), 4 * workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(chunk, itertools.pairwise(limits))), axis=1)


@compiled(nogil=True)
def _pairs(
    occupied: NDArray[np.int64],
    hits: NDArray[np.int32],
    starts: NDArray[np.int32],
    indptr: NDArray[np.int64],
    element: NDArray[np.int32],
    seed: NDArray[np.int32],
    product: NDArray[np.int64],
    inverse: NDArray[np.int64],
    pairs: NDArray[np.int32],
) -> int:
    """Number of pairs of hits from these voxels; written to `pairs` where that has room for them."""
    seeds = len(indptr) - 1
    found = 0
    write = pairs.shape[1] > 0
    for u in occupied:
        k = u % seeds
        row = product[u // seeds]
        for entry in range(indptr[k], indptr[k + 1]):
            h = element[entry]
            v = row[h] * seeds + seed[entry]
            begin, end = starts[v], starts[v + 1]
            # Where h undoes itself, both voxels have the entry: the pair is that of the smaller.
            if begin == end or (seed[entry] == k and inverse[h] == h and v < u):
                continue
            for i in range(starts[u], starts[u + 1]):
                first = i + 1 if v == u else begin
                if write:
                    for j in range(first, end):
                        pairs[0, found + j - first] = hits[i]
                        pairs[1, found + j - first] = hits[j]
                found += end - first
    return found
