"""What cutting a graph into sectors loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import Sector, SectorConfig, sectors

PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True)
class SectorLoss:
    """Parent edges and nodes over all sectors of one or more graphs.

    Each parent edge is owned by exactly one sector, or lost at a seam, or lost to overflow:
    `edges` = `owned_edges` + `seam_edges` + `overflow_edges`; the same holds of the true ones.
    """

    edges: int
    owned_edges: int
    seam_edges: int  # the outer hit lies beyond the margin of the sector of the inner hit
    overflow_edges: int  # the edge, or one of its hits, did not fit
    nodes: int
    overflow_nodes: int  # hits that did not fit the sector whose core they lie in
    true_edges: int | None  # the same of edges labelled true; None where truth is not known
    true_seam_edges: int | None
    true_overflow_edges: int | None
    node_occupancy: tuple[int, ...]  # hits wanted by a sector: its `PERCENTILES`, the largest last
    edge_occupancy: tuple[int, ...]  # edges wanted by a sector
    node_capacity: int  # hits that fit: one less than the padded size, which has a dummy
    edge_capacity: int


def sector_loss(cuts: Sequence[tuple[HitGraph, Sequence[Sector]]], config: SectorConfig) -> SectorLoss:
    """The loss over graphs and their sectors as `sectors.sectors` made them with `config`. Cost: O(N + E).

    Raises: ValueError for no graph at all.
    """
    if not cuts:
        raise ValueError("no graph to report the loss of sectors for; wanted one at least")
    parts = [sector for _, pieces in cuts for sector in pieces]
    known = all(graph.y is not None for graph, _ in cuts)

    def true(field: str) -> int | None:
        if not known:
            return None
        return sum(
            int(graph.y[getattr(s, field)].sum()) for graph, pieces in cuts for s in pieces if graph.y is not None
        )

    return SectorLoss(
        edges=sum(graph.num_edges for graph, _ in cuts),
        owned_edges=sum(int(s.owned.sum()) for s in parts),
        seam_edges=sum(len(s.seam) for s in parts),
        overflow_edges=sum(len(s.overflow) for s in parts),
        nodes=sum(graph.num_nodes for graph, _ in cuts),
        overflow_nodes=sum(s.core_nodes - int(s.core.sum()) for s in parts),
        true_edges=sum(int(graph.y.sum()) for graph, _ in cuts if graph.y is not None) if known else None,
        true_seam_edges=true("seam"),
        true_overflow_edges=true("overflow"),
        node_occupancy=_percentiles([s.wanted_nodes for s in parts]),
        edge_occupancy=_percentiles([s.wanted_edges for s in parts]),
        node_capacity=config.node_capacity - 1,
        edge_capacity=config.edge_capacity,
    )


def _percentiles(counts: list[int]) -> tuple[int, ...]:
    return tuple(int(v) for v in np.percentile(counts, PERCENTILES, method="higher"))


def cutting_loss(graphs: Sequence[HitGraph], config: SectorConfig) -> SectorLoss:
    """What cutting these graphs into sectors loses."""
    return sector_loss([(graph, sectors(graph, config)) for graph in graphs], config)
