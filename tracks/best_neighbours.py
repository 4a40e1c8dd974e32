"""Track candidates from mutual best neighbours: each hit takes one hit inwards and one outwards at most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.connected_components import checked_edges


class BestEdges(NamedTuple):
    """Edges that are the best of both their hits, in two disjoint parts; together they are paths."""

    sure: NDArray[np.bool_]  # (E,)
    ambiguous: NDArray[np.bool_]  # (E,) at an end of a path, with a small lead


def best_neighbours(
    num_nodes: int,
    edge_index: NDArray[np.integer],
    logits: NDArray[np.floating],
    threshold: float,
    margin: float = 0.0,
) -> BestEdges:
    """The edges above `threshold` that are the best outgoing edge of their inner hit and the best incoming edge of
    their outer hit.

    Rivals of an edge are the other edges above threshold that leave the same hit or reach the same hit; its lead is its
    logit less that of its best rival. Edges with a lead above 0 are the best, so they are a set of paths, the chains: a
    hit has at most one edge in and one out.

    An edge at an end of a chain is ambiguous where its lead is below `margin`. In jets a track's last hit is easily
    taken from the particle beside it, while a wrong edge inside a chain would have to fit on both sides.

    Ties: edges that tie for the best of a hit have no lead, and none of them is the best; the order of hits and edges
    plays no part, whatever the precision of the logits. Hardware needs the two highest logits of each hit and side, and
    a comparison an edge.

    Args: num_nodes N; edge_index (2, E) from inner to outer hit; logits (E,), ±inf allowed; threshold and margin,
    logits. Raises ValueError for shapes that do not fit or a negative margin. O(N + E).
    """
    edge_index, values = checked_edges(num_nodes, edge_index), np.asarray(logits, np.float64)
    if values.shape != edge_index.shape[1:]:
        raise ValueError(f"logits have shape {values.shape}, wanted ({edge_index.shape[1]},): one for each edge")
    if not margin >= 0:
        raise ValueError(f"margin = {margin}, wanted at least 0: a difference of logits")
    source, target = edge_index
    lead = _leads(num_nodes, source, target, values, kept_edges(values, threshold))
    best: NDArray[np.bool_] = lead > 0
    arrives, leaves = np.zeros(num_nodes, np.bool_), np.zeros(num_nodes, np.bool_)
    arrives[target[best]], leaves[source[best]] = True, True
    sure: NDArray[np.bool_] = best & ((arrives[source] & leaves[target]) | (lead >= margin))
    return BestEdges(sure, best & ~sure)


@compiled()
def _leads(
    num_nodes: int,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    logits: NDArray[np.float64],
    kept: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(E,) logit of each kept edge less that of its best kept rival, +inf without rival; −1 for other edges."""
    best = np.full((2, num_nodes), -np.inf)
    second = np.full((2, num_nodes), -np.inf)
    count = np.zeros((2, num_nodes), np.int64)
    for edge in range(len(source)):
        if not kept[edge]:
            continue
        for side in range(2):
            node = source[edge] if side == 0 else target[edge]
            count[side, node] += 1
            if logits[edge] > best[side, node]:
                second[side, node] = best[side, node]
                best[side, node] = logits[edge]
            elif logits[edge] > second[side, node]:
                second[side, node] = logits[edge]
    lead = np.full(len(source), -1.0)
    for edge in range(len(source)):
        if not kept[edge]:
            continue
        lead[edge] = np.inf
        for side in range(2):
            node = source[edge] if side == 0 else target[edge]
            if count[side, node] > 1:
                rival = second[side, node] if logits[edge] == best[side, node] else best[side, node]
                gap = 0.0 if rival == logits[edge] else logits[edge] - rival  # of two infinite ones too
                lead[edge] = min(lead[edge], gap)
    return lead
