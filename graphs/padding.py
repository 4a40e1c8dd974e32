"""Graphs of one fixed size, for hardware whose shapes are part of the design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph


@dataclass(frozen=True)
class PaddedGraph:
    """A graph filled up to (nodes, edges): its own nodes and edges first, then padding.

    The last node is always a dummy, with zero features; padded edges run from it to itself with zero features, so
    that no message of theirs reaches a hit. What a form computes where a mask is False means nothing.
    """

    x: NDArray[np.float32]  # (nodes, 3)
    edge_index: NDArray[np.int64]  # (2, edges)
    edge_attr: NDArray[np.float32]  # (edges, 4)
    node_mask: NDArray[np.bool_]  # (nodes,) True for hits
    edge_mask: NDArray[np.bool_]  # (edges,) True for edges of the graph


def pad(graph: HitGraph, nodes: int, edges: int) -> PaddedGraph:
    """`graph` at the size of `nodes` (hits, padding and the dummy) and `edges`.

    Raises: ValueError where it has more than `nodes` − 1 hits or more than `edges` edges.
    """
    if graph.num_nodes > nodes - 1 or graph.num_edges > edges:
        raise ValueError(
            f"{graph.name}: {graph.num_nodes} nodes and {graph.num_edges} edges do not fit {nodes} (one of them the "
            f"dummy) and {edges}; cut it into sectors of that capacity, or raise the capacity"
        )
    x = np.zeros((nodes, 3), np.float32)
    x[: graph.num_nodes] = graph.x
    edge_index = np.full((2, edges), nodes - 1)
    edge_index[:, : graph.num_edges] = graph.edge_index
    edge_attr = np.zeros((edges, 4), np.float32)
    edge_attr[: graph.num_edges] = graph.edge_attr
    return PaddedGraph(x, edge_index, edge_attr, np.arange(nodes) < graph.num_nodes, np.arange(edges) < graph.num_edges)
