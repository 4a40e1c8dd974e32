"""How full the sectors of a cut are, and what the cut and a capacity lose: a table over cuts and margins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress, no_progress
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_margin import needed_margin
from edgetrack.graphs.sectors import Sector, SectorConfig, limited, unlimited_sectors
from edgetrack.tracks.paired import Change, change, matched_by_true_edges

# What a margin guarantees → rounds of messages that are seen, and whether for true edges only.
MARGINS: dict[str, tuple[int, bool]] = {
    "messages": (1, False),
    "edges": (0, False),
    "true messages": (1, True),
    "true edges": (0, True),
}
PERCENTILES = (50, 90, 99, 99.9, 100)
NO_MARGIN = "none"
NINETY_NINE = "99 %"  # the capacity that holds so many of a cut's sectors
CANDIDATES = (100.0, 99.9, 99.8, 99.5, 99.0, 98.0, 97.0, 95.0, 90.0, 80.0, 70.0, 60.0, 50.0)
ROW = (8, 16)  # a recommended capacity is whole rows of a design with 8 node lanes and 16 edge lanes


@dataclass(frozen=True)
class SectorTableConfig:
    """Which cuts and capacities are tried."""

    phi_sectors: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    eta_sectors: tuple[int, ...] = (1, 2)
    margins: tuple[str, ...] = ("messages", "true edges", NO_MARGIN)
    rounds: int = 1  # of message passing in the network: the `messages` margins hold all of them
    capacities: tuple[str, ...] = ("660/1320", "1024/4096")  # NODES/EDGES
    allowed_loss: float = 0.001  # of tracking efficiency by overflow, for the recommended capacity

    def __post_init__(self) -> None:
        for name in self.margins:
            if name not in (*MARGINS, NO_MARGIN):
                raise ValueError(f"sectors.margins: {name!r} is unknown, wanted some of {[*MARGINS, NO_MARGIN]}")
        if not (self.phi_sectors and self.eta_sectors and self.margins):
            raise ValueError("sectors: wanted at least one of phi_sectors, eta_sectors and margins")
        if self.rounds < 1:
            raise ValueError(f"sectors.rounds = {self.rounds}, wanted at least 1")
        for text in self.capacities:
            capacity_of(text)


@dataclass(frozen=True)
class _Sample:
    """All graphs, cut: the sectors before any capacity, and which edges and particles are left."""

    graphs: Sequence[HitGraph]
    sectors: Sequence[Sequence[Sector]]
    kept: Sequence[NDArray[np.bool_]]  # (E,) not lost at a seam
    uncut: Sequence[NDArray[np.bool_]]  # (particles,) matched without a cut
    seams: Sequence[NDArray[np.bool_]]  # (particles,) matched with what is lost at seams


def capacity_of(text: str) -> tuple[int, int]:
    """Nodes and edges of "660/1320". Raises ValueError for another form."""
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"capacity {text!r}: wanted NODES/EDGES, such as 660/1320")
    return int(parts[0]), int(parts[1])


def sector_cases(
    graphs: Sequence[HitGraph], config: SectorTableConfig, progress: Progress = no_progress
) -> list[dict[str, Any]]:
    """One case a cut and margin, plain values only. All fractions are pooled over `graphs`.

    A capacity is room for so many hits and edges. Its loss is in true edges, and in tracking efficiency (double
    majority) with perfect scores: particles matched by the true edges that are left, against all true edges. Perfect
    scores need no messages: what a network loses by those that it does not see, `evaluate --separate-losses` tells.
    Cost: O(cuts × margins × sectors × (N + E)) a graph in numpy, and that of the sectors that overflow for each
    capacity.
    Raises: ValueError for graphs without truth.
    """
    for graph in graphs:
        if graph.y is None or graph.particle_id is None:
            raise ValueError(f"{graph.name} has no truth; what sectors lose needs edge labels and particle ids")
    uncut = [matched_by_true_edges(graph, np.ones(graph.num_edges, bool)) for graph in graphs]
    cuts = [(phi, eta) for eta in config.eta_sectors for phi in config.phi_sectors]
    cases = []
    for index, (phi, eta) in enumerate(cuts):
        cases += [_case(graphs, uncut, name, cut, config) for name, cut in _margins(graphs, phi, eta, config)]
        progress(index + 1, len(cuts))
    return cases


def _margins(
    graphs: Sequence[HitGraph], phi: int, eta: int, config: SectorTableConfig
) -> Iterator[tuple[str, SectorConfig]]:
    """The cuts of one table row, by name; those without any inner border once."""
    base = SectorConfig(phi_sectors=phi, eta_sectors=eta, overlap_phi=0.0, overlap_eta=0.0)
    if phi * eta == 1:
        yield NO_MARGIN, base
        return
    for name in config.margins:
        if name == NO_MARGIN:
            yield name, base
            continue
        rounds, true_edges = MARGINS[name]
        margin = needed_margin(graphs, base, rounds * config.rounds, true_edges)
        yield name, replace(base, overlap_phi=_up(margin.phi), overlap_eta=_up(margin.eta))


def _up(value: float) -> float:
    """Rounded up to three digits, so that it can be copied."""
    return math.ceil(value * 1000) / 1000


def _case(
    graphs: Sequence[HitGraph],
    uncut: Sequence[NDArray[np.bool_]],
    margin: str,
    cut: SectorConfig,
    config: SectorTableConfig,
) -> dict[str, Any]:
    sample = _cut(graphs, uncut, cut)
    parts = [sector for pieces in sample.sectors for sector in pieces]
    nodes, edges = (np.sort([getattr(s, key) for s in parts]) for key in ("wanted_nodes", "wanted_edges"))
    capacities = {text: capacity_of(text) for text in config.capacities}
    capacities[NINETY_NINE] = _rows(nodes, edges, 99.0)
    recommended = _recommended(sample, nodes, edges, config.allowed_loss)
    return {
        "name": f"{cut.phi_sectors} × {cut.eta_sectors}, {margin}",
        "cut": {
            "phi_sectors": cut.phi_sectors,
            "eta_sectors": cut.eta_sectors,
            "margin": margin,
            "overlap_phi": cut.overlap_phi,
            "overlap_eta": cut.overlap_eta,
        },
        "graphs": len(graphs),
        "node_percentiles": _percentiles(nodes),
        "edge_percentiles": _percentiles(edges),
        "duplicated_work": float(edges.sum() / max(sum(graph.num_edges for graph in graphs), 1)),
        "seams": _loss(sample, [np.concatenate([s.seam for s in pieces]) for pieces in sample.sectors])
        | {"efficiency": _efficiency(sample.uncut, sample.seams)},
        "capacities": {name: _overflow(sample, *room) for name, room in capacities.items()},
        "recommended": recommended,
    }


def _cut(graphs: Sequence[HitGraph], uncut: Sequence[NDArray[np.bool_]], cut: SectorConfig) -> _Sample:
    pieces = [unlimited_sectors(graph, cut) for graph in graphs]
    kept, seams = [], []
    for graph, parts, whole in zip(graphs, pieces, uncut, strict=True):
        left = np.ones(graph.num_edges, bool)
        left[np.concatenate([s.seam for s in parts])] = False
        kept.append(left)
        seams.append(whole if left[graph.y].all() else matched_by_true_edges(graph, left))
    return _Sample(graphs, pieces, kept, uncut, seams)


def _overflow(sample: _Sample, nodes: int, edges: int) -> dict[str, Any]:
    """What this capacity loses beyond the seams, and with them."""
    overflow, found = [], []
    full = 0
    for graph, parts, kept, before in zip(sample.graphs, sample.sectors, sample.kept, sample.seams, strict=True):
        small = [limited(s, nodes, edges) for s in parts]
        full += sum(s is not whole for s, whole in zip(small, parts, strict=True))
        lost = np.concatenate([s.overflow for s in small])
        overflow.append(lost)
        left = kept.copy()
        left[lost] = False
        assert graph.y is not None
        found.append(matched_by_true_edges(graph, left) if graph.y[lost].any() else before)
    sectors = sum(len(parts) for parts in sample.sectors)
    return {
        "nodes": nodes,
        "edges": edges,
        "overflowing_sectors": full / sectors,
        **_loss(sample, overflow),
        "efficiency": _efficiency(sample.seams, found),
        "efficiency_with_seams": _efficiency(sample.uncut, found),
    }


def _recommended(sample: _Sample, nodes: NDArray[np.int64], edges: NDArray[np.int64], allowed: float) -> dict[str, Any]:
    """The smallest capacity, hits and edges at one percentile of their own, that loses less than `allowed`."""
    best: dict[str, Any] | None = None
    for percentile in CANDIDATES:
        room = _rows(nodes, edges, percentile)
        loss = _overflow(sample, *room)
        if best is not None and (loss["efficiency"]["lost"] > allowed * loss["efficiency"]["particles"]):
            break
        best = {"percentile": percentile, **loss}
    assert best is not None
    return best


def _rows(nodes: NDArray[np.int64], edges: NDArray[np.int64], percentile: float) -> tuple[int, int]:
    """A percentile of both (sorted), rounded up to whole rows."""
    a, b = (int(np.percentile(values, percentile, method="higher")) for values in (nodes, edges))
    return max(1, -(-a // ROW[0])) * ROW[0], max(1, -(-b // ROW[1])) * ROW[1]


def _percentiles(values: NDArray[np.int64]) -> dict[str, int]:
    return {f"{p:g}": int(np.percentile(values, p, method="higher")) for p in PERCENTILES}


def _loss(sample: _Sample, lost: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
    """Edges `lost`, for each graph, and how many of them are true."""
    edges = sum(graph.num_edges for graph in sample.graphs)
    trues = sum(int(graph.y.sum()) for graph in sample.graphs if graph.y is not None)
    true_lost = sum(
        int(graph.y[own].sum()) for graph, own in zip(sample.graphs, lost, strict=True) if graph.y is not None
    )
    count = sum(len(own) for own in lost)
    return {
        "lost_edges": count,
        "lost_edge_fraction": count / max(edges, 1),
        "lost_true_edges": true_lost,
        "lost_true_edge_fraction": true_lost / max(trues, 1),
    }


def _efficiency(before: Sequence[NDArray[np.bool_]], after: Sequence[NDArray[np.bool_]]) -> dict[str, Any]:
    """Particles no longer matched; `loss` with one standard deviation, `error`."""
    lost: Change = change(np.concatenate(before), np.concatenate(after))
    assert lost.gained == 0, "true edges of one particle never join two: fewer of them cannot match more"
    return {
        "lost": lost.lost,
        "particles": lost.trials,
        "loss": lost.lost / max(lost.trials, 1),
        "error": lost.error,
    }
