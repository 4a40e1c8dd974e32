"""Track candidates by density: DBSCAN over the scored edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.tracks.candidates import UNASSIGNED, TrackCandidates
from edgetrack.tracks.connected_components import checked_edges, connected_components


def dbscan(
    num_nodes: int,
    edge_index: NDArray[np.integer],
    distance: NDArray[np.floating],
    eps: float,
    min_samples: int = 2,
    min_hits: int = 2,
) -> TrackCandidates:
    """DBSCAN (Ester et al., KDD 1996) on the graph: hits are neighbours when an edge of at most `eps` joins them.

    A hit with `min_samples` hits or more in its neighbourhood, itself included, is a core hit; core hits joined by
    edges are one candidate; another hit goes to the candidate of its nearest core hit, or to none when it has none.

    Distances are symmetric: an edge counts from both its ends. The published code of the Interaction Network fills one
    triangle of the distance matrix only, so that a hit sees its outer neighbours but not its inner ones, and its
    candidates depend on the order of hits, which was sorted by particle there. With symmetric distances and
    `min_samples` at most 2, every hit with a neighbour is a core hit, and the candidates are the connected components
    of the edges within `eps`.

    In DBSCAN as published a border hit goes to whichever candidate is visited first. Here it is the nearest core hit
    that decides, then the candidate with more core hits, and a hit that two still claim equally goes to none: the
    order of hits plays no part.

    Args: num_nodes N; edge_index (2, E) integer; distance (E,) float >= 0, for instance 1 − score; eps in the same
    unit; min_samples; min_hits, smaller candidates are dropped.
    Raises: ValueError for shapes or node numbers that do not fit, or a distance that is negative or not a number.
    Cost: O(E log E) time, O(N + E) memory; no matrix of hits by hits.
    """
    edge_index, distance = checked_edges(num_nodes, edge_index), np.asarray(distance, np.float64)
    if distance.shape != edge_index.shape[1:]:
        raise ValueError(f"distance has shape {distance.shape}, wanted ({edge_index.shape[1]},): one for each edge")
    if not (distance >= 0).all():
        raise ValueError("a distance is negative or not a number, wanted >= 0, such as 1 − score")
    close = (distance <= eps) & (edge_index[0] != edge_index[1])
    core = 1 + _num_neighbours(num_nodes, edge_index[:, close]) >= min_samples
    joins_cores = np.zeros(len(close), np.bool_)
    joins_cores[close] = core[edge_index[0, close]] & core[edge_index[1, close]]
    labels = connected_components(num_nodes, edge_index, joins_cores, min_hits=1).labels.copy()
    labels[~core] = UNASSIGNED
    sizes = np.bincount(labels[core], minlength=num_nodes + 1)
    border, owner = _owners_of_border_hits(edge_index[:, close], distance[close], core, labels, sizes)
    labels[border] = owner
    return TrackCandidates.from_labels(labels, min_hits)


def _num_neighbours(num_nodes: int, edge_index: NDArray[np.integer]) -> NDArray[np.int64]:
    """(N,) distinct neighbours of each node, edges taken both ways and a repeated edge once."""
    low, high = edge_index.min(axis=0).astype(np.int64), edge_index.max(axis=0).astype(np.int64)
    pairs = np.unique(low * num_nodes + high)
    return np.bincount(np.concatenate([pairs // num_nodes, pairs % num_nodes]), minlength=num_nodes)


def _owners_of_border_hits(
    edge_index: NDArray[np.integer],
    distance: NDArray[np.float64],
    core: NDArray[np.bool_],
    labels: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hits that are no core hits but have a core neighbour, and the label of each (−1 when undecided)."""
    ends = np.concatenate([edge_index, edge_index[::-1]], axis=1).astype(np.int64)
    distance = np.concatenate([distance, distance])
    claims = ~core[ends[0]] & core[ends[1]]
    border, label, distance = ends[0, claims], labels[ends[1, claims]], distance[claims]
    order = np.lexsort((label, -sizes[label], distance, border))
    border, label, distance = border[order], label[order], distance[order]
    first = np.flatnonzero(np.diff(border, prepend=-1))
    best = np.repeat(first, np.diff(first, append=len(border)))  # each claim's strongest rival
    rival = (label != label[best]) & (distance == distance[best]) & (sizes[label] == sizes[label[best]])
    owner = label[first].copy()
    owner[np.isin(border[first], border[rival])] = UNASSIGNED
    return border[first], owner
