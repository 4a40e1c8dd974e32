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
    side, then by its hits, then by entry; the same whatever `threads`. They are counted first, then written in place.
    O(occupied voxels · length of a row + E).
    """
    indptr = links[0]
    voxels = (len(indptr) - 1) * len(inverse)
    hits = np.argsort(voxel, kind="stable")
    rank = np.empty(len(hits), np.int64)
    rank[np.argsort(distance, kind="stable")] = np.arange(len(hits))
    starts = np.zeros(voxels + 1, np.int32)
    np.cumsum(np.bincount(voxel, minlength=voxels), out=starts[1:])
    occupied = np.flatnonzero(np.diff(starts))
    ends = np.zeros(len(occupied) + 1, np.int64)
    workers = max(1, min(threads, len(occupied) // _VOXELS_PER_CHUNK))
    chunks = 1 if workers == 1 else 8 * workers  # more than threads, since voxels cost differently
    bounds = list(itertools.pairwise(np.linspace(0, len(occupied), chunks + 1).astype(int).tolist()))
    symmetry = (product, np.flatnonzero(inverse == np.arange(len(inverse))))

    def count(bound: tuple[int, int]) -> None:
        part = slice(*bound)
        _count(occupied[part], starts, *links, *symmetry, ends[1:][part])

    def write(bound: tuple[int, int]) -> None:
        part = slice(*bound)
        _write(occupied[part], hits, rank[hits], starts, *links, *symmetry, ends[part], edges)

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
    own_inverse: NDArray[np.int64],
    found: NDArray[np.int64],
) -> None:
    """How many pairs each of these voxels has, into `found`."""
    seeds = len(indptr) - 1
    twice = np.zeros(product.shape[0], np.bool_)
    twice[own_inverse] = True
    for place in range(len(occupied)):
        u = occupied[place]
        k = u % seeds
        row = product[u // seeds]
        own = np.int64(starts[u + 1] - starts[u])
        partners, within = np.int64(0), np.int64(0)
        for entry in range(indptr[k], indptr[k + 1]):
            v = row[element[entry]] * seeds + seed[entry]
            number = starts[v + 1] - starts[v]
            if seed[entry] == k and twice[element[entry]]:
                # Both voxels have the entry: the pair is that of the smaller, and half of those within one voxel.
                within += own * (own - 1) // 2 if v == u else 0
                number = number if v > u else 0
            partners += number
        found[place] = partners * own + within


@compiled(nogil=True)
def _write(
    occupied: NDArray[np.int64],
    hits: NDArray[np.int64],
    rank: NDArray[np.int64],
    starts: NDArray[np.int32],
    indptr: NDArray[np.int64],
    element: NDArray[np.int32],
    seed: NDArray[np.int32],
    product: NDArray[np.int64],
    own_inverse: NDArray[np.int64],
    begins: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> None:
    """The pairs of each of these voxels, from its place in `begins` on; hits and ranks stand in the order of voxels."""
    seeds = len(indptr) - 1
    twice = np.zeros(product.shape[0], np.bool_)
    twice[own_inverse] = True
    partner_hit, partner_rank = np.empty(len(hits) + 1, np.int64), np.empty(len(hits) + 1, np.int64)
    for place in range(len(occupied)):
        u = occupied[place]
        k = u % seeds
        row = product[u // seeds]
        partners, within = 0, False
        for entry in range(indptr[k], indptr[k + 1]):
            v = row[element[entry]] * seeds + seed[entry]
            if seed[entry] == k and twice[element[entry]] and v <= u:
                within |= v == u
                continue
            for slot in range(starts[v], starts[v + 1]):
                partner_hit[partners], partner_rank[partners] = hits[slot], rank[slot]
                partners += 1
        at = begins[place]
        for own in range(starts[u], starts[u + 1]):
            i, mine = hits[own], rank[own]
            for other in range(partners):
                j = partner_hit[other]
                outward = mine < partner_rank[other]
                edges[0, at + other] = i if outward else j
                edges[1, at + other] = j if outward else i
            at += partners
            for slot in range(own + 1, starts[u + 1] if within else own + 1):
                outward = mine < rank[slot]
                edges[0, at] = i if outward else hits[slot]
                edges[1, at] = hits[slot] if outward else i
                at += 1
