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
    distance: NDArray[np.float64],
    links: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
    product: NDArray[np.int64],
    inverse: NDArray[np.int64],
    threads: int = 1,
) -> NDArray[np.int64]:
    """(2, E) pairs of hits whose voxels (N,) are linked; each once, none of a hit with itself.

    Row k of the links (indptr, h, l), from indptr[k] to indptr[k + 1], has an entry (h, l) for each orbit (k, h, l) of
    linked pairs of voxels: image g h of seed l is linked to image g of seed k, for every g. A pair goes from the hit of
    smaller `distance` (N,) to the other, of equal ones from the smaller number. Pairs come by the voxel on the row's
    side, then by entry, then by hit; the same whatever `threads`. They are counted first, then written to their places.
    O(occupied voxels · length of a row + E).
    """
    indptr = links[0]
    voxels = (len(indptr) - 1) * len(inverse)
    hits = np.argsort(voxel, kind="stable").astype(np.int32)
    starts = np.zeros(voxels + 1, np.int32)
    np.cumsum(np.bincount(voxel, minlength=voxels), out=starts[1:])
    occupied = np.flatnonzero(np.diff(starts))
    ends = np.zeros(len(occupied) + 1, np.int64)
    workers = max(1, min(threads, len(occupied) // _VOXELS_PER_CHUNK))
    chunks = 1 if workers == 1 else 8 * workers  # more than threads, since voxels cost differently
    bounds = list(itertools.pairwise(np.linspace(0, len(occupied), chunks + 1).astype(int).tolist()))

    def count(bound: tuple[int, int]) -> None:
        part = slice(*bound)
        _count(occupied[part], starts, *links, product, inverse, ends[1:][part])

    def write(bound: tuple[int, int]) -> None:
        part = slice(*bound)
        _write(occupied[part], hits, distance, starts, *links, product, inverse, ends[part], edges)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(count, bounds))
        np.cumsum(ends, out=ends)
        edges = np.empty((2, int(ends[-1])), np.int64)
        list(pool.map(write, bounds))
    return edges


@compiled(nogil=True)
def _count(
    occupied: NDArray[np.int64],
    starts: NDArray[np.int32],
    indptr: NDArray[np.int64],
    element: NDArray[np.int32],
    seed: NDArray[np.int32],
    product: NDArray[np.int64],
    inverse: NDArray[np.int64],
    found: NDArray[np.int64],
) -> None:
    """How many pairs each of these voxels has, into `found`."""
    seeds = len(indptr) - 1
    for place in range(len(occupied)):
        u = occupied[place]
        k = u % seeds
        row = product[u // seeds]
        own = np.int64(starts[u + 1] - starts[u])
        partners, within = np.int64(0), np.int64(0)
        for entry in range(indptr[k], indptr[k + 1]):
            h = element[entry]
            v = row[h] * seeds + seed[entry]
            number = starts[v + 1] - starts[v]
            if number == 0:
                continue
            # Where h undoes itself, both voxels have the entry: the pair is that of the smaller.
            if seed[entry] == k and inverse[h] == h:
                if v == u:
                    within = own * (own - 1) // 2
                    continue
                if v < u:
                    continue
            partners += number
        found[place] = partners * own + within


@compiled(nogil=True)
def _write(
    occupied: NDArray[np.int64],
    hits: NDArray[np.int32],
    distance: NDArray[np.float64],
    starts: NDArray[np.int32],
    indptr: NDArray[np.int64],
    element: NDArray[np.int32],
    seed: NDArray[np.int32],
    product: NDArray[np.int64],
    inverse: NDArray[np.int64],
    begins: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> None:
    """The pairs of each of these voxels, from its place in `begins` on."""
    seeds = len(indptr) - 1
    for place in range(len(occupied)):
        u = occupied[place]
        k = u % seeds
        row = product[u // seeds]
        at = begins[place]
        for entry in range(indptr[k], indptr[k + 1]):
            h = element[entry]
            v = row[h] * seeds + seed[entry]
            begin, end = starts[v], starts[v + 1]
            if begin == end or (seed[entry] == k and inverse[h] == h and v < u):
                continue
            for first in range(starts[u], starts[u + 1]):
                i = hits[first]
                for second in range(first + 1 if v == u else begin, end):
                    j = hits[second]
                    swap = distance[j] < distance[i] or (distance[j] == distance[i] and j < i)
                    edges[0, at] = j if swap else i
                    edges[1, at] = i if swap else j
                    at += 1
