"""φ/η sectors of a graph, of the fixed size that hardware has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph, optional_rows


@dataclass(frozen=True)
class SectorConfig:
    """How a graph is cut, and the memory of one sector.

    A sector has a core, and around it a margin of `overlap` in which it also sees hits. Cores tile the detector:
    equal slices in φ, and in the hit's η as seen from the origin, where the outermost reach to infinity.
    """

    phi_sectors: int = 8
    eta_sectors: int = 1
    eta_max: float = 4.0  # η slices are equal between −eta_max and eta_max
    overlap_phi: float = 0.05  # rad, on either side of the core
    overlap_eta: float = 0.1  # on either side of the core
    node_capacity: int = 1024  # nodes of the padded form: hits and the dummy
    edge_capacity: int = 4096

    def __post_init__(self) -> None:
        for name, least in (("phi_sectors", 1), ("eta_sectors", 1), ("node_capacity", 2), ("edge_capacity", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"sectors.{name} = {getattr(self, name)}, wanted at least {least}")
        for name in ("overlap_phi", "overlap_eta"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"sectors.{name} = {getattr(self, name)}, wanted 0 or more")
        if not 0 < self.eta_max < np.inf:
            raise ValueError(f"sectors.eta_max = {self.eta_max}, wanted a finite number above 0")


@dataclass(frozen=True)
class Sector:
    """One sector of a parent graph, and what it had no room for.

    Every parent edge belongs to the sector whose core holds its inner hit. The sector owns it if the outer hit lies
    within its margin; otherwise it is lost at the seam. `graph` also holds edges that other sectors own, as context
    for message passing: only the scores of owned edges count.
    """

    parent: HitGraph
    name: str
    nodes: NDArray[np.int64]  # (N,) rows of the parent's x, ascending
    edges: NDArray[np.int64]  # (E,) columns of the parent's edge_index, ascending
    core: NDArray[np.bool_]  # (N,) the hit lies in the core
    owned: NDArray[np.bool_]  # (E,) the edge belongs to this sector
    wanted_nodes: int  # hits in core and margin, before the capacity
    wanted_edges: int  # edges between them, before the capacity
    core_nodes: int  # hits in the core, before the capacity
    seam: NDArray[np.int64]  # parent edges from the core that end outside the margin: lost
    overflow: NDArray[np.int64]  # parent edges that would be owned but did not fit: lost

    @cached_property
    def graph(self) -> HitGraph:
        """Its hits and edges as a graph of their own."""
        return subgraph(self.parent, self.nodes, self.edges, self.name)


def sectors(graph: HitGraph, config: SectorConfig) -> list[Sector]:
    """Cut `graph` into `phi_sectors` × `eta_sectors` sectors, φ running fastest.

    Where there is no room for all, the hits of the core come first, then those of the margin; of the edges between
    hits that fit, the owned first, then the context; each in the parent's order.
    Cost: O(sectors × (N + E)).
    """
    return [
        limited(sector, config.node_capacity - 1, config.edge_capacity) for sector in unlimited_sectors(graph, config)
    ]


def unlimited_sectors(graph: HitGraph, config: SectorConfig) -> list[Sector]:
    """The sectors of `graph` as they are before the capacity. Cost: O(sectors × (N + E))."""
    phi, eta, core_of = cores(graph, config)
    pieces = []
    for index in range(config.phi_sectors * config.eta_sectors):
        core = core_of == index
        beyond_phi, beyond_eta = beyond_core(phi, eta, index, config)
        seen = core | ((beyond_phi <= config.overlap_phi) & (beyond_eta <= config.overlap_eta))
        source, target = graph.edge_index
        nodes, edges = np.flatnonzero(seen), np.flatnonzero(seen[source] & seen[target])
        pieces.append(
            Sector(
                parent=graph,
                name=f"{graph.name} sector {index}",
                nodes=nodes,
                edges=edges,
                core=core[nodes],
                owned=core[source[edges]],
                wanted_nodes=len(nodes),
                wanted_edges=len(edges),
                core_nodes=int(core.sum()),
                seam=np.flatnonzero(core[source] & ~seen[target]),
                overflow=np.zeros(0, np.int64),
            )
        )
    return pieces


def cores(graph: HitGraph, config: SectorConfig) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """φ (N,) in rad and η (N,) of the hits, and the sector whose core holds each."""
    x = graph.x.astype(np.float64)
    phi, eta = x[:, 1] * np.pi, np.arcsinh(x[:, 2] / np.maximum(x[:, 0], 1e-9))
    column = np.clip(((phi + np.pi) / (2 * np.pi) * config.phi_sectors).astype(int), 0, config.phi_sectors - 1)
    width = 2 * config.eta_max / config.eta_sectors
    row = np.clip(np.floor((eta + config.eta_max) / width), 0, config.eta_sectors - 1).astype(int)
    return phi, eta, row * config.phi_sectors + column


def beyond_core(
    phi: NDArray[np.float64], eta: NDArray[np.float64], index: int, config: SectorConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far (n,) each hit lies outside the core of sector `index`, in φ (rad) and in η; 0 and below: inside."""
    column, row = index % config.phi_sectors, index // config.phi_sectors
    half = np.pi / config.phi_sectors
    from_centre = np.abs((phi - (2 * column + 1) * half + 2 * np.pi) % (2 * np.pi) - np.pi)
    width = 2 * config.eta_max / config.eta_sectors
    below = row * width - config.eta_max - eta if row > 0 else np.full_like(eta, -np.inf)
    above = eta + config.eta_max - (row + 1) * width if row < config.eta_sectors - 1 else np.full_like(eta, -np.inf)
    return from_centre - half, np.maximum(below, above)


def limited(sector: Sector, nodes: int, edges: int) -> Sector:
    """`sector` with room for so many hits and edges, itself where all fit. Cost: O(its size + its parent's hits)."""
    if len(sector.nodes) <= nodes and len(sector.edges) <= edges:
        return sector
    kept = np.concatenate([sector.nodes[sector.core], sector.nodes[~sector.core]])[:nodes]
    fits = np.zeros(sector.parent.num_nodes, bool)
    fits[kept] = True
    source, target = sector.parent.edge_index[:, sector.edges]
    room = fits[source] & fits[target]
    chosen = np.concatenate([np.flatnonzero(room & sector.owned), np.flatnonzero(room & ~sector.owned)])[:edges]
    chosen.sort()
    lost = sector.owned.copy()
    lost[chosen] = False
    inside = fits[sector.nodes]
    return replace(
        sector,
        nodes=sector.nodes[inside],
        core=sector.core[inside],
        edges=sector.edges[chosen],
        owned=sector.owned[chosen],
        overflow=np.sort(np.concatenate([sector.overflow, sector.edges[lost]])),
    )


def merged_scores(
    graph: HitGraph, pieces: Sequence[Sector], scores: Sequence[NDArray[np.floating]]
) -> NDArray[np.float64]:
    """(E,) score of each edge of `graph` from the sector that owns it; −∞, rejected, for an edge lost by the cut.

    Args: pieces, the sectors of `graph`; scores, for each of them one (its E,) array.
    Raises: ValueError for sectors of another graph, scores that do not fit, or an edge that two sectors own. O(E).
    """
    if len(pieces) != len(scores):
        raise ValueError(f"{graph.name}: {len(pieces)} sectors and {len(scores)} arrays of scores, wanted one for each")
    result, owners = np.full(graph.num_edges, -np.inf), np.zeros(graph.num_edges, np.int64)
    for sector, values in zip(pieces, scores, strict=True):
        if sector.parent is not graph or np.shape(values) != (len(sector.edges),):
            raise ValueError(
                f"{sector.name}: {np.shape(values)} scores, wanted ({len(sector.edges)},), one for each "
                f"of its edges, and a sector of {graph.name}"
            )
        own = sector.edges[sector.owned]
        result[own] = values[sector.owned]
        owners[own] += 1
    if (owners > 1).any():
        raise ValueError(
            f"{graph.name}: edge {int(np.argmax(owners))} is owned by {owners.max()} sectors, wanted one "
            "at most: give the sectors of one cut, each once"
        )
    return result


def subgraph(graph: HitGraph, nodes: NDArray[np.int64], edges: NDArray[np.int64], name: str | None = None) -> HitGraph:
    """The graph of some `nodes` (rows of x) and `edges` (columns of edge_index) of `graph`, in the order given.

    Raises: ValueError where an edge has an end outside `nodes`. Cost: O(N + E).
    """
    position = np.full(graph.num_nodes, -1)
    position[nodes] = np.arange(len(nodes))
    edge_index = position[graph.edge_index[:, edges]]
    if edge_index.size and edge_index.min() < 0:
        edge = edges[int(np.flatnonzero((edge_index < 0).any(axis=0))[0])]
        raise ValueError(f"{graph.name}: edge {edge} ends outside the nodes chosen; leave it out or add its node")

    return HitGraph(
        x=graph.x[nodes],
        edge_index=edge_index,
        y=None if graph.y is None else graph.y[edges],
        particle_id=optional_rows(graph.particle_id, nodes),
        pt=optional_rows(graph.pt, nodes),
        eta=optional_rows(graph.eta, nodes),
        hit_id=optional_rows(graph.hit_id, nodes),
        node_attr=optional_rows(graph.node_attr, nodes),
        weight=optional_rows(graph.weight, nodes),
        vertex_r=optional_rows(graph.vertex_r, nodes),
        name=graph.name if name is None else name,
    )
