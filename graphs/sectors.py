"""φ/η sectors of a graph, of the fixed size that hardware has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph


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

    graph: HitGraph
    nodes: NDArray[np.int64]  # (N,) rows of the parent's x, ascending
    edges: NDArray[np.int64]  # (E,) columns of the parent's edge_index, ascending
    core: NDArray[np.bool_]  # (N,) the hit lies in the core
    owned: NDArray[np.bool_]  # (E,) the edge belongs to this sector
    wanted_nodes: int  # hits in core and margin, before the capacity
    wanted_edges: int  # edges between them, before the capacity
    core_nodes: int  # hits in the core, before the capacity
    seam: NDArray[np.int64]  # parent edges from the core that end outside the margin: lost
    overflow: NDArray[np.int64]  # parent edges that would be owned but did not fit: lost


def sectors(graph: HitGraph, config: SectorConfig) -> list[Sector]:
    """Cut `graph` into `phi_sectors` × `eta_sectors` sectors, φ running fastest.

    Where there is no room for all, the hits of the core come first, then those of the margin; of the edges between
    hits that fit, the owned first, then the context; each in the parent's order.
    Cost: O(sectors × (N + E)).
    """
    x = graph.x.astype(np.float64)
    phi, eta = x[:, 1] * np.pi, np.arcsinh(x[:, 2] / np.maximum(x[:, 0], 1e-9))
    column = np.clip(((phi + np.pi) / (2 * np.pi) * config.phi_sectors).astype(int), 0, config.phi_sectors - 1)
    width = 2 * config.eta_max / config.eta_sectors
    row = np.clip(np.floor((eta + config.eta_max) / width), 0, config.eta_sectors - 1).astype(int)
    half = np.pi / config.phi_sectors
    made = []
    for k in range(config.phi_sectors * config.eta_sectors):
        i, j = k % config.phi_sectors, k // config.phi_sectors
        core = (column == i) & (row == j)
        from_centre = np.abs((phi - (2 * i + 1) * half + 2 * np.pi) % (2 * np.pi) - np.pi)
        near = from_centre <= half + config.overlap_phi
        if j > 0:
            near &= eta >= -config.eta_max + j * width - config.overlap_eta
        if j < config.eta_sectors - 1:
            near &= eta <= -config.eta_max + (j + 1) * width + config.overlap_eta
        made.append(_sector(graph, core, core | near, config, f"{graph.name} sector {k}"))
    return made


def _sector(
    graph: HitGraph, core: NDArray[np.bool_], seen: NDArray[np.bool_], config: SectorConfig, name: str
) -> Sector:
    """The sector that sees the nodes `seen` (N,) and owns edges from the nodes `core` (N,)."""
    source, target = graph.edge_index
    nodes = np.concatenate([np.flatnonzero(core), np.flatnonzero(seen & ~core)])
    nodes = np.sort(nodes[:config.node_capacity - 1])
    fits = np.zeros(graph.num_nodes, bool)
    fits[nodes] = True

    wanted = seen[source] & seen[target]
    room = fits[source] & fits[target]
    edges = np.concatenate([np.flatnonzero(room & core[source]), np.flatnonzero(room & ~core[source])])
    edges = np.sort(edges[:config.edge_capacity])
    kept = np.zeros(graph.num_edges, bool)
    kept[edges] = True
    return Sector(
        graph=subgraph(graph, nodes, edges, name), nodes=nodes, edges=edges, core=core[nodes],
        owned=core[source[edges]], wanted_nodes=int(seen.sum()), wanted_edges=int(wanted.sum()),
        core_nodes=int(core.sum()), seam=np.flatnonzero(core[source] & ~seen[target]),
        overflow=np.flatnonzero(wanted & core[source] & ~kept),
    )


def subgraph(
    graph: HitGraph, nodes: NDArray[np.int64], edges: NDArray[np.int64], name: str | None = None
) -> HitGraph:
    """The graph of some `nodes` (rows of x) and `edges` (columns of edge_index) of `graph`, in the order given.

    Raises: ValueError where an edge has an end outside `nodes`. Cost: O(N + E).
    """
    position = np.full(graph.num_nodes, -1)
    position[nodes] = np.arange(len(nodes))
    edge_index = position[graph.edge_index[:, edges]]
    if edge_index.size and edge_index.min() < 0:
        edge = edges[int(np.flatnonzero((edge_index < 0).any(axis=0))[0])]
        raise ValueError(f"{graph.name}: edge {edge} ends outside the nodes chosen; leave it out or add its node")

    def rows(value: NDArray | None) -> NDArray | None:
        return None if value is None else value[nodes]

    return HitGraph(
        x=graph.x[nodes], edge_index=edge_index, y=None if graph.y is None else graph.y[edges],
        particle_id=rows(graph.particle_id), pt=rows(graph.pt), eta=rows(graph.eta), hit_id=rows(graph.hit_id),
        name=graph.name if name is None else name,
    )
