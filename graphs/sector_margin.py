"""How wide the margin of a sector must be, from data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import SectorConfig, beyond_core, cores


@dataclass(frozen=True)
class Margin:
    """The least overlaps with which every owned edge has its whole receptive field in its sector."""

    phi: float  # rad
    eta: float


def needed_margin(graphs: Sequence[HitGraph], config: SectorConfig, rounds: int, true_edges: bool = False) -> Margin:
    """The least overlaps with which no owned edge of `graphs` lacks anything, for the cores of `config`.

    rounds = 0: its outer hit is seen, so that no edge is lost at a seam. rounds = n: so are all messages of n rounds of
    message passing, summed at the outer hit of each edge: one round takes the edges that end at either of its hits,
    and so their inner hits. `true_edges`: only for edges labelled true, whose sums still run over all edges.
    Cost: O(sectors × rounds × (N + E)) a graph.
    Raises: ValueError for `true_edges` of graphs without labels.
    """
    phi = eta = 0.0
    for graph in graphs:
        if true_edges and graph.y is None:
            raise ValueError(f"{graph.name} has no edge labels, wanted to know its true edges; take all edges")
        phi_of, eta_of, core_of = cores(graph, config)
        of_edge = core_of[graph.edge_index[0]]
        asked = graph.y if true_edges and graph.y is not None else np.ones(graph.num_edges, bool)
        for index in range(config.phi_sectors * config.eta_sectors):
            seen = _context(graph, asked & (of_edge == index), rounds)
            seen &= core_of != index  # a hit on the border may be a rounding error beyond its own core
            if seen.any():
                beyond_phi, beyond_eta = beyond_core(phi_of[seen], eta_of[seen], index, config)
                phi, eta = max(phi, float(beyond_phi.max())), max(eta, float(beyond_eta.max()))
    return Margin(phi, eta)


def _context(graph: HitGraph, edges: NDArray[np.bool_], rounds: int) -> NDArray[np.bool_]:
    """(N,) bool, the hits whose features reach the scores of `edges` (E,)."""
    source, target = graph.edge_index
    seen = np.zeros(graph.num_nodes, bool)
    seen[source[edges]] = True
    seen[target[edges]] = True
    for _ in range(rounds):
        seen[source[seen[target]]] = True
    return seen
