"""A graph in random order, to test that order carries nothing."""

from __future__ import annotations

import numpy as np

from edgetrack.graphs.hitgraph import HitGraph


def shuffled(graph: HitGraph, rng: np.random.Generator) -> HitGraph:
    """The same graph with hits and edges in random order."""
    node_order = rng.permutation(graph.num_nodes)
    return graph.permuted(node_order, rng.permutation(graph.num_edges))
