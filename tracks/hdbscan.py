"""Track candidates by density of any scale: HDBSCAN over the scored edges."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from edgetrack.tracks.candidates import UNASSIGNED, TrackCandidates
from edgetrack.tracks.hypertrack.subgraphs import Subgraphs

APART = 1.0  # distance of hits that no edge joins: that of score 0
TOGETHER = 500  # hits of components that are clustered in one call
NEAREST = 1e-12  # scipy's spanning trees take an edge of length 0 for none


def hdbscan(subgraphs: Subgraphs, min_samples: int = 2, min_hits: int = 2) -> TrackCandidates:
    """HDBSCAN (Campello et al., PAKDD 2013; scikit-learn) of the hits, those of an edge at the distance 1 − score.

    Hits without an edge are as far from each other as score 0. The matrix of distances holds edges alone and is never
    made dense: instead of all pairs of hits that are `APART`, a hub that is no hit has each hit at that distance, which
    gives the same spanning trees. A component then stands apart from the others as a cluster of its own, and is divided
    where its density says so; a second, made-up component sees to that for an event with one track as well. Hits with
    fewer than `min_samples` hits nearer than `APART`, themselves included, are as far from all clusters, and in none.

    With `min_samples` up to 2 distances decide everything; above, a hit may be equally far (its core distance) from two
    clusters, and the order of hits decides, as in scikit-learn on the whole matrix.

    scikit-learn walks through the tree of clusters once for each division, so components are given to it together as
    long as they have no more than `TOGETHER` hits; none changes what is found in the others.

    Args: min_samples, hits, itself included, within the core distance of a hit; min_hits, smaller candidates are none.
    Raises: ValueError for min_samples or min_hits below 1. O(N + E) memory; O(E log E) time beside scikit-learn's walk,
    which is O(hits × divisions) of a component larger than `TOGETHER`.
    """
    if min_samples < 1 or min_hits < 1:
        raise ValueError(f"min_samples {min_samples}, min_hits {min_hits}; wanted at least 1")
    labels = np.full(subgraphs.num_hits, UNASSIGNED, np.int64)
    highest = 0
    for first, last in _parts(subgraphs.offsets):
        from sklearn.cluster import HDBSCAN  # a second to import, and no other method needs it

        nodes = subgraphs.nodes[first:last]
        distances = _distances(subgraphs, nodes, min_samples, max(min_hits, 2))
        model = HDBSCAN(min_cluster_size=max(min_hits, 2), min_samples=min_samples, metric="precomputed", copy=False)
        found = model.fit(distances).labels_[: len(nodes)]
        labels[nodes] = np.where(found < 0, UNASSIGNED, highest + found)
        highest += 1 + found.max(initial=0)
    labels[1 + np.diff(subgraphs.adjacency.starts) < min_samples] = UNASSIGNED
    return TrackCandidates.from_labels(labels, min_hits)


def _parts(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last place of the nodes of components that are clustered together."""
    first = 0
    for begin, end in pairwise(offsets.tolist()):
        if end - first > TOGETHER and begin > first:
            yield first, begin
            first = begin
    if offsets[-1] > first:
        yield first, int(offsets[-1])


def _distances(subgraphs: Subgraphs, nodes: NDArray[np.int64], min_samples: int, min_hits: int) -> csr_array:
    """Symmetric, with a diagonal of zeros: `nodes`, the hits of whole components, then a made-up one, then hubs.

    A hit has itself, a neighbour and the hubs at least, which are as many as `min_samples` asks for.
    """
    starts, neighbours, logits = subgraphs.adjacency
    count, extra, hubs = len(nodes), min_hits + min_samples, max(1, min_samples - 2)
    entry, ends = _entries(starts, nodes)
    rank = np.argsort(nodes)
    other = rank[np.searchsorted(nodes, neighbours[entry], sorter=rank)]
    made_up = count + np.arange(extra)
    size = count + extra + hubs
    others, hub = np.arange(count + extra), count + extra + np.arange(hubs)
    rows, columns, values = [ends], [other], [expit(-logits[entry])]
    for left, right, distance in ((made_up[:, None], made_up, 0.5), (others[:, None], hub, APART)):
        a, b = (part.ravel() for part in np.broadcast_arrays(left, right))
        a, b = a[a != b], b[a != b]
        sides = ((a, b), (b, a)) if distance == APART else ((a, b),)
        for one, other in sides:
            rows, columns, values = [*rows, one], [*columns, other], [*values, np.full(len(one), distance)]
    diagonal = np.arange(size)
    at = np.concatenate([*rows, diagonal]), np.concatenate([*columns, diagonal])
    data: NDArray[np.float64] = np.concatenate([*(np.maximum(v, NEAREST) for v in values), np.zeros(size)])
    return csr_array((data, at), shape=(size, size))


def _entries(starts: NDArray[np.int64], nodes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries of the rows `nodes` of an adjacency, and the place in `nodes` that each is of."""
    lengths = starts[nodes + 1] - starts[nodes]
    before = np.cumsum(lengths) - lengths
    place = np.repeat(np.arange(len(nodes)), lengths)
    return np.arange(lengths.sum()) + np.repeat(starts[nodes] - before, lengths), place
