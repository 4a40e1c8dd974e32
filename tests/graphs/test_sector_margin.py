"""The margin that the data asks for: everything is seen with it, and not with less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_margin import needed_margin
from edgetrack.graphs.sectors import SectorConfig, sectors

HALVES = SectorConfig(phi_sectors=2, overlap_phi=0.0, overlap_eta=0.0)


def graph_at(phi: list[float], eta: list[float], edges: list[tuple[int, int]], y: list[bool]) -> HitGraph:
    """Hits at r = 100 mm; φ in rad."""
    x = np.column_stack([np.full(len(phi), 0.1), np.array(phi) / np.pi, 0.1 * np.sinh(eta)])
    return HitGraph(x, np.array(edges).T, np.array(y))


def test_margin_reaches_outer_hits_and_then_the_inner_hits_of_their_messages() -> None:
    # halves meet at φ = 0; hit 0 lies in the left one, 1 and 2 in the right one
    graph = graph_at([-0.1, 0.2, 0.5], [0, 0, 0], [(0, 1), (2, 1)], [False, True])
    assert needed_margin([graph], HALVES, 0).phi == pytest.approx(0.2)
    assert needed_margin([graph], HALVES, 1).phi == pytest.approx(0.5)  # 2 → 1 is summed at the outer hit of 0 → 1
    assert needed_margin([graph], HALVES, 0, true_edges=True).phi == 0
    assert needed_margin([graph], HALVES, 1, true_edges=True).phi == pytest.approx(0.1)
    assert needed_margin([graph], HALVES, 1).eta == 0


def test_messages_are_walked_from_outer_to_inner_hits_only() -> None:
    graph = graph_at([-0.1, 0.2, 0.5], [0, 0, 0], [(0, 1), (1, 2)], [True, True])
    assert needed_margin([graph], HALVES, 1).phi == pytest.approx(0.2)


def test_eta_margin_is_counted_from_the_inner_border_only() -> None:
    graph = graph_at([0.1, 0.1, 0.1], [-7.0, -0.2, 0.3], [(0, 1), (1, 2)], [True, True])
    margin = needed_margin([graph], SectorConfig(phi_sectors=1, eta_sectors=2), 0)
    assert margin.phi == 0
    assert margin.eta == pytest.approx(0.3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), phi=st.integers(1, 9), eta=st.integers(1, 3), rounds=st.integers(0, 2))
def test_owned_edges_see_all_messages_within_the_margin_and_not_below(
    seed: int, phi: int, eta: int, rounds: int
) -> None:
    rng = np.random.default_rng(seed)
    size = 30
    x = np.column_stack([rng.uniform(0.03, 0.18, size), rng.uniform(-1, 1, size), rng.uniform(-0.5, 0.5, size)])
    graph = HitGraph(x.astype(np.float32), rng.integers(0, size, (2, 40)))
    config = SectorConfig(phi, eta, eta_max=2.0, node_capacity=1000)
    margin = needed_margin([graph], config, rounds)
    assert complete(graph, replace(config, overlap_phi=max(margin.phi, 0), overlap_eta=max(margin.eta, 0)), rounds)
    for name, value in (("overlap_phi", margin.phi), ("overlap_eta", margin.eta)):
        if value > 0:
            margins: dict[str, Any] = {"overlap_phi": 10.0, "overlap_eta": 20.0, name: value * 0.999}
            assert not complete(graph, replace(config, **margins), rounds)


def complete(graph: HitGraph, config: SectorConfig, rounds: int) -> bool:
    """Does each edge lie in the sector of its core, with all edges that its score depends on?"""
    for sector in sectors(graph, config):
        if len(sector.seam):
            return False
        asked = {int(edge) for edge in sector.edges[sector.owned]}
        for _ in range(rounds):
            ends = set(graph.edge_index[:, list(asked)].ravel().tolist())
            asked |= {edge for edge in range(graph.num_edges) if int(graph.edge_index[1, edge]) in ends}
        if not asked <= set(sector.edges.tolist()):
            return False
    return True


def test_true_edges_need_labels() -> None:
    with pytest.raises(ValueError, match="no edge labels"):
        needed_margin([HitGraph(np.zeros((1, 3), np.float32), np.zeros((2, 0), np.int64))], HALVES, 0, true_edges=True)
