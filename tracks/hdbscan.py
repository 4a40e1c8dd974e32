"""Track candidates by density of any scale: HDBSCAN over the scored edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from edgetrack.tracks.candidates import UNASSIGNED, TrackCandidates
from edgetrack.tracks.hypertrack.subgraphs import Subgraphs

APART = 1.0  # distance of hits that no edge joins: that of score 0
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

    Args: min_samples, hits, itself included, within the core distance of a hit; min_hits, smaller candidates are none.
    Raises: ValueError for min_samples or min_hits below 1. O(E log E) time beside scikit-learn's walk through the tree
    of clusters, O(N + E) memory.
    """
    if min_samples < 1 or min_hits < 1:
        raise ValueError(f"min_samples {min_samples}, min_hits {min_hits}; wanted at least 1")
    labels = np.full(subgraphs.num_hits, UNASSIGNED, np.int64)
    if len(subgraphs):
        from sklearn.cluster import HDBSCAN  # a second to import, and no other method needs it

        model = HDBSCAN(min_cluster_size=max(min_hits, 2), min_samples=min_samples, metric="precomputed", copy=False)
        found = model.fit(_distances(subgraphs, min_samples, max(min_hits, 2))).labels_
        labels[subgraphs.nodes] = found[: len(subgraphs.nodes)]
        labels[1 + np.diff(subgraphs.adjacency.starts) < min_samples] = UNASSIGNED
    return TrackCandidates.from_labels(labels, min_hits)


def _distances(subgraphs: Subgraphs, min_samples: int, min_hits: int) -> csr_array:
    """Symmetric, with a diagonal of zeros: hits of subgraphs, then a made-up component, then the hubs.

    A hit has itself, a neighbour and the hubs at least, which are as many as `min_samples` asks for.
    """
    starts, neighbours, logits = subgraphs.adjacency
    count, extra, hubs = len(subgraphs.nodes), min_hits + min_samples, max(1, min_samples - 2)
    row_of = np.full(subgraphs.num_hits, -1, np.int64)
    row_of[subgraphs.nodes] = np.arange(count)
    ends = np.repeat(row_of, np.diff(starts))
    inside = ends >= 0  # both ends of an edge are in one component
    made_up = count + np.arange(extra)
    size = count + extra + hubs
    others, hub = np.arange(count + extra), count + extra + np.arange(hubs)
    rows, columns, values = [ends[inside]], [row_of[neighbours[inside]]], [expit(-logits[inside])]
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
