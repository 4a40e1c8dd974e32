"""Walks along the edges of a graph, from hit to hit, and what lies around their path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.tracks.hypertrack.random_numbers import uniform
from edgetrack.tracks.hypertrack.subgraphs import Adjacency


@compiled()
def walk(
    adjacency: Adjacency,
    active: NDArray[np.bool_],
    path: NDArray[np.int64],
    least: float,
    key: np.uint64,
    first_draw: int,
    space: NDArray[np.int64],
) -> tuple[int, float]:
    """On from path[0], along log-odds above `least`, as far as the path (P,) goes: its length and its sum of log-odds.

    Each step goes to an active hit that is not yet on the path: along the best edge, of equals the first, for
    first_draw = −1; else along one drawn in proportion to its score, by the draws of `key` from first_draw + 1 on.
    `space` has room for a hit's entries.
    """
    length, total = 1, 0.0
    while length < len(path):
        entries = _ways_on(adjacency, active, path, length, least, space)
        if not len(entries):
            break
        if first_draw < 0:
            entry = entries[np.argmax(adjacency.logits[entries])]
        else:
            entry = _drawn(adjacency.logits, entries, uniform(key, first_draw + length))
        path[length] = adjacency.neighbours[entry]
        total += adjacency.logits[entry]
        length += 1
    return length, total


@compiled()
def surroundings(
    adjacency: Adjacency, active: NDArray[np.bool_], path: NDArray[np.int64], length: int, space: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The hits of path[:length] and, where it is the whole path, the active hits that are linked to one of them.

    A hit may come more than once. The result lies in `space`, which has room for the path and all entries.
    """
    space[:length] = path[:length]
    size = length
    if length == len(path):
        for hit in path:
            for other in adjacency.neighbours[adjacency.starts[hit] : adjacency.starts[hit + 1]]:
                if active[other]:
                    space[size] = other
                    size += 1
    return space[:size]


@compiled()
def _ways_on(
    adjacency: Adjacency,
    active: NDArray[np.bool_],
    path: NDArray[np.int64],
    length: int,
    least: float,
    space: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The entries of edges above `least` from the end of path[:length] to active hits that are not on it, in order."""
    size = 0
    for entry in range(adjacency.starts[path[length - 1]], adjacency.starts[path[length - 1] + 1]):
        node = adjacency.neighbours[entry]
        free = active[node] and adjacency.logits[entry] > least
        for before in path[:length]:
            free &= before != node
        if free:
            space[size] = entry
            size += 1
    return space[:size]


@compiled()
def _drawn(logits: NDArray[np.floating], entries: NDArray[np.int64], draw: float) -> int:
    """One of the entries (≥ 1), each as likely as its score is large, by `draw` from [0, 1)."""
    total = 0.0
    for entry in entries:
        total += 1 / (1 + np.exp(-logits[entry]))
    reached = 0.0
    for entry in entries:
        reached += 1 / (1 + np.exp(-logits[entry]))
        if reached > draw * total:
            break
    return int(entry)
