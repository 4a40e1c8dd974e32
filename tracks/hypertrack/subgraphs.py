"""The graph after the edge cut: neighbours of each hit, and the connected subgraphs that are clustered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.candidates import UNASSIGNED
from edgetrack.tracks.connected_components import checked_edges, connected_components


class Adjacency(NamedTuple):
    """Edges above the cut, from both their ends; 16 bytes an end of an edge."""

    starts: NDArray[np.int64]  # (N + 1,) hit i has entries starts[i] … starts[i + 1] − 1
    neighbours: NDArray[np.int64]  # (A,) ascending within a hit, each neighbour once, never the hit itself
    logits: NDArray[np.float64]  # (A,) of the edge to that neighbour


@dataclass(frozen=True)
class Subgraphs:
    """The graph after the cut, and the S components of it that are large enough. Memory is linear in hits and edges."""

    adjacency: Adjacency
    nodes: NDArray[np.int64]  # (M,) hits of the subgraphs, one subgraph behind the other, ascending within each
    offsets: NDArray[np.int64]  # (S + 1,) subgraph s has nodes offsets[s] … offsets[s + 1] − 1; the sizes rise

    @property
    def num_hits(self) -> int:
        return len(self.adjacency.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(S,) hits of each subgraph, never falling."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def cut_into_subgraphs(
    num_nodes: int,
    edge_index: NDArray[np.integer],
    logits: NDArray[np.floating],
    cut: float,
    min_graph: int = 4,
) -> Subgraphs:
    """The subgraphs that edges with a logit above `cut` make of the hits.

    An edge counts from both ends whatever its direction; an edge from a hit to itself is left out, and of several
    edges between the same two hits the highest logit counts. Components of fewer than `min_graph` hits are left out.
    They are sorted by size, so that neighbours in a batch are of like sizes, those of one size by their first hits.

    Args: num_nodes N; edge_index (2, E) integer; logits (E,) float, ±inf allowed; cut, a logit; min_graph, hits.
    Raises: ValueError for shapes or hits that do not fit, or a logit that is not a number. O(N + E).
    """
    edges, values = checked_edges(num_nodes, edge_index), np.asarray(logits, np.float64)
    if values.shape != edges.shape[1:]:
        raise ValueError(f"logits have shape {values.shape}, wanted ({edges.shape[1]},): one for each edge")
    if np.isnan(values).any():
        raise ValueError(f"logit of edge {int(np.flatnonzero(np.isnan(values))[0])} is not a number")
    keep = kept_edges(values, cut) & (edges[0] != edges[1])
    adjacency = Adjacency(*_adjacency(num_nodes, edges[0], edges[1], values, keep))
    labels = connected_components(num_nodes, edges, keep, min_graph).labels
    nodes, offsets = _by_size(labels)
    return Subgraphs(adjacency, nodes, offsets)


def cut_of_mean_degree(num_nodes: int, logits: NDArray[np.floating], mean_degree: float) -> float:
    """The logit above which so many edges lie that a hit has `mean_degree` of them on average, or just fewer.

    2 × edges / hits is the mean degree; every edge is counted, so each pair of hits should be given once. −∞ where the
    graph has no more edges than that. Edges of equal logit are kept or dropped together.
    Raises: ValueError for a mean degree that is not a number of at least 0. O(E).
    """
    if not mean_degree >= 0:
        raise ValueError(f"mean_degree = {mean_degree}, wanted at least 0")
    values = np.asarray(logits, np.float64)
    wanted = mean_degree * num_nodes / 2
    if len(values) <= wanted:
        return -np.inf
    first_dropped = len(values) - 1 - int(wanted)
    return float(np.partition(values, first_dropped)[first_dropped])


def _by_size(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(M,) hits in components (label ≥ 0), smaller components first, and (S + 1,) where each component starts."""
    assigned = np.flatnonzero(labels != UNASSIGNED)
    sizes = np.bincount(labels[assigned])
    order = np.argsort(sizes, kind="stable")
    rank = np.empty(len(sizes), np.int64)
    rank[order] = np.arange(len(sizes))
    nodes = assigned[np.argsort(rank[labels[assigned]], kind="stable")]
    return nodes, np.concatenate([[0], np.cumsum(sizes[order])]).astype(np.int64)


@compiled()
def _adjacency(
    num_nodes: int,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    logits: NDArray[np.float64],
    keep: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows of the symmetric adjacency, each ascending and without repeats.

    The rows are filled in the order of edges and then transposed: going through hits in order appends each to its
    neighbours in order, and the transpose of a symmetric matrix is itself. No sort.
    """
    start = np.zeros(num_nodes + 1, np.int64)
    for edge in range(len(source)):
        if keep[edge]:
            start[source[edge] + 1] += 1
            start[target[edge] + 1] += 1
    for node in range(num_nodes):
        start[node + 1] += start[node]
    fill = start[:-1].copy()
    unsorted = np.empty(start[-1], np.int64)
    of_unsorted = np.empty(start[-1], np.float64)
    for edge in range(len(source)):
        if keep[edge]:
            for end in range(2):
                node, other = (source[edge], target[edge]) if end == 0 else (target[edge], source[edge])
                unsorted[fill[node]], of_unsorted[fill[node]] = other, logits[edge]
                fill[node] += 1
    fill = start[:-1].copy()
    neighbours = np.empty(start[-1], np.int64)
    values = np.empty(start[-1], np.float64)
    for node in range(num_nodes):
        for entry in range(start[node], start[node + 1]):
            row, value = unsorted[entry], of_unsorted[entry]
            last = fill[row] - 1
            if last >= start[row] and neighbours[last] == node:
                values[last] = max(values[last], value)
            else:
                neighbours[fill[row]], values[fill[row]] = node, value
                fill[row] += 1
    return _closed_up(start, fill, neighbours, values)


@compiled()
def _closed_up(
    start: NDArray[np.int64], end: NDArray[np.int64], neighbours: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows start[i] … end[i] − 1 moved together: without the room that repeated edges left."""
    out = np.zeros(len(start), np.int64)
    place = 0
    for node in range(len(end)):
        for entry in range(start[node], end[node]):
            neighbours[place], values[place] = neighbours[entry], values[entry]
            place += 1
        out[node + 1] = place
    return out, neighbours[:place].copy(), values[:place].copy()
