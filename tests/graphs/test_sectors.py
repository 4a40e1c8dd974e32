"""Sectors: every edge is owned once or reported lost, and nothing exceeds the capacity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_loss import sector_loss
from edgetrack.graphs.sectors import (
    Sector,
    SectorConfig,
    limited,
    merged_scores,
    sectors,
    subgraph,
    unlimited_sectors,
)


def graph_at(phi: list[float], edges: list[tuple[int, int]], y: list[bool] | None = None) -> HitGraph:
    """Hits at r = 100 mm, z = 0 and the given φ in rad."""
    x = np.array([[0.1, value / np.pi, 0.0] for value in phi], np.float32).reshape(-1, 3)
    return HitGraph(x, np.array(edges, np.int64).reshape(-1, 2).T, None if y is None else np.array(y))


def neighbours_in_phi(seed: int, nodes: int, edges: int) -> HitGraph:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 0.18, nodes), rng.uniform(-1, 1, nodes), rng.uniform(-1.5, 1.5, nodes)])
    source = rng.integers(0, nodes, edges)
    by_phi = np.argsort(x[:, 1])
    neighbour = np.roll(by_phi, -1)[np.argsort(by_phi)]  # mostly neighbours in φ, some anywhere
    target = np.where(rng.random(edges) < 0.8, neighbour[source], rng.integers(0, nodes, edges))
    y, particle_id = rng.random(edges) < 0.5, rng.integers(0, 9, nodes)
    edge_index = np.stack([source, target])
    return HitGraph(x.astype(np.float32), edge_index, y, particle_id, hit_id=np.arange(nodes) + 100)


QUARTERS = SectorConfig(phi_sectors=4, overlap_phi=0.2, node_capacity=16, edge_capacity=16)


def owned(sector: Sector) -> list[int]:
    edges: list[int] = sector.edges[sector.owned].tolist()
    return edges


def test_edge_is_owned_by_the_sector_of_its_inner_hit() -> None:
    # quarters end at −π/2, 0, π/2; edge 1 crosses 0 within the margin, edge 2 beyond it
    graph = graph_at([-0.3, -0.1, 0.1, 0.5], [(0, 1), (1, 2), (1, 3), (2, 3)], [True, True, True, False])
    made = sectors(graph, QUARTERS)
    assert [owned(s) for s in made] == [[], [0, 1], [3], []]
    assert [s.edges.tolist() for s in made] == [[], [0, 1], [1, 2, 3], []]
    assert [s.nodes.tolist() for s in made] == [[], [0, 1, 2], [1, 2, 3], []]
    assert [s.seam.tolist() for s in made] == [[], [2], [], []]
    assert made[2].core.tolist() == [False, True, True]
    loss = sector_loss([(graph, made)], QUARTERS)
    assert (loss.edges, loss.owned_edges, loss.seam_edges, loss.overflow_edges) == (4, 3, 1, 0)
    assert (loss.true_edges, loss.true_seam_edges, loss.true_overflow_edges) == (3, 1, 0)
    assert loss.seam_edges / loss.edges == 1 / 4


def test_margin_wraps_around_in_phi() -> None:
    graph = graph_at([3.1, -3.1], [(0, 1), (1, 0)])
    made = sectors(graph, QUARTERS)
    assert [owned(s) for s in made] == [[1], [], [], [0]]


def test_eta_slices_have_margins_and_open_ends() -> None:
    eta = np.array([-9.0, -0.05, 0.05, 0.5, 9.0])
    x = np.column_stack([np.full(5, 0.001), np.zeros(5), 0.001 * np.sinh(eta)])
    graph = HitGraph(x, np.array([[1, 2, 1], [2, 1, 3]]))
    made = sectors(graph, SectorConfig(phi_sectors=1, eta_sectors=2, overlap_eta=0.1))
    assert [s.nodes.tolist() for s in made] == [[0, 1, 2], [1, 2, 3, 4]]
    assert [owned(s) for s in made] == [[0], [1]]
    assert [s.seam.tolist() for s in made] == [[2], []]


def test_overflow_keeps_the_core_and_owned_edges_first() -> None:
    graph = graph_at([-0.1, 0.1, 0.2, 0.3], [(0, 1), (1, 2), (2, 3), (1, 3)])
    tight = SectorConfig(phi_sectors=4, overlap_phi=0.2, node_capacity=4, edge_capacity=2)
    sector = sectors(graph, tight)[2]
    assert sector.nodes.tolist() == [1, 2, 3]  # hit 0 lies in the margin
    assert sector.edges.tolist() == [1, 2]
    assert sector.overflow.tolist() == [3]
    assert (sector.wanted_nodes, sector.wanted_edges, sector.core_nodes) == (4, 4, 3)
    tighter = SectorConfig(phi_sectors=4, overlap_phi=0.2, node_capacity=3, edge_capacity=2)
    made = sectors(graph, tighter)
    assert made[2].nodes.tolist() == [1, 2]
    assert made[2].overflow.tolist() == [2, 3]
    loss = sector_loss([(graph, made)], tighter)
    assert (loss.nodes, loss.overflow_nodes, loss.overflow_edges) == (4, 1, 2)
    assert loss.node_occupancy[-1] == 4
    assert (loss.node_capacity, loss.edge_capacity) == (2, 2)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    nodes=st.integers(1, 80),
    edges=st.integers(0, 200),
    phi=st.integers(1, 9),
    eta=st.integers(1, 4),
    overlap=st.sampled_from([0.0, 0.1, 1.0, 7.0]),
    room=st.integers(2, 40),
    edge_room=st.integers(1, 60),
)
def test_every_edge_is_owned_once_or_reported_lost(
    seed: int, nodes: int, edges: int, phi: int, eta: int, overlap: float, room: int, edge_room: int
) -> None:
    graph = neighbours_in_phi(seed, nodes, edges)
    config = SectorConfig(
        phi, eta, overlap_phi=overlap, overlap_eta=overlap, node_capacity=room, edge_capacity=edge_room
    )
    made = sectors(graph, config)
    assert len(made) == phi * eta
    fate = np.concatenate([np.concatenate([s.edges[s.owned], s.seam, s.overflow]) for s in made])
    assert np.array_equal(np.sort(fate), np.arange(edges))
    cores = np.concatenate([s.nodes[s.core] for s in made])
    assert len(np.unique(cores)) == len(cores)
    assert sum(s.core_nodes for s in made) == nodes
    for sector in made:
        assert sector.graph.num_nodes <= room - 1
        assert sector.graph.num_edges <= edge_room
        assert np.array_equal(sector.nodes[sector.graph.edge_index], graph.edge_index[:, sector.edges])
        assert np.array_equal(sector.graph.x, graph.x[sector.nodes])
        assert np.array_equal(sector.graph.edge_attr, graph.edge_attr[sector.edges])
    loss = sector_loss([(graph, made)], config)
    assert loss.owned_edges + loss.seam_edges + loss.overflow_edges == edges
    assert loss.nodes - loss.overflow_nodes == len(cores)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    nodes=st.integers(1, 60),
    edges=st.integers(0, 150),
    phi=st.integers(1, 9),
    overlap=st.sampled_from([0.0, 0.1, 1.0]),
    room=st.integers(2, 40),
    edge_room=st.integers(1, 60),
)
def test_merged_scores_are_those_of_the_owners_and_infinity_for_lost_edges(
    seed: int, nodes: int, edges: int, phi: int, overlap: float, room: int, edge_room: int
) -> None:
    graph = neighbours_in_phi(seed, nodes, edges)
    made = sectors(graph, SectorConfig(phi, overlap_phi=overlap, node_capacity=room, edge_capacity=edge_room))
    merged = merged_scores(graph, made, [np.where(s.owned, s.edges, 1e6) for s in made])
    lost = np.concatenate([np.concatenate([s.seam, s.overflow]) for s in made])
    assert np.array_equal(np.flatnonzero(np.isneginf(merged)), np.sort(lost))
    assert np.array_equal(merged[~np.isneginf(merged)], np.flatnonzero(~np.isneginf(merged)))


def test_merging_what_does_not_belong_together_is_refused() -> None:
    graph = graph_at([-0.3, -0.1, 0.1, 0.5], [(0, 1), (1, 2), (1, 3), (2, 3)])
    made = sectors(graph, QUARTERS)
    scores = [np.array([], float), np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]), np.array([], float)]
    # edge 1 is context in sector 2, edge 2 is context there and lost at the seam: the owners' scores count
    assert merged_scores(graph, made, scores).tolist() == [1.0, 2.0, -np.inf, 5.0]
    with pytest.raises(ValueError, match="4 sectors and 3 arrays"):
        merged_scores(graph, made, scores[:3])
    with pytest.raises(ValueError, match=r"sector 1: \(1,\) scores, wanted \(2,\)"):
        merged_scores(graph, made, [scores[0], scores[1][:1], *scores[2:]])
    with pytest.raises(ValueError, match="edge 0 is owned by 2 sectors"):
        merged_scores(graph, [made[1], made[1]], [scores[1], scores[1]])
    with pytest.raises(ValueError, match="sector of graph"):
        merged_scores(graph_at([0.0], []), made, scores)


def test_limiting_twice_is_limiting_to_the_less() -> None:
    for sector in unlimited_sectors(neighbours_in_phi(3, 60, 200), SectorConfig(phi_sectors=3, overlap_phi=0.5)):
        once, twice = limited(sector, 12, 10), limited(limited(sector, 12, 25), 12, 10)
        for field in ("nodes", "edges", "core", "owned", "overflow", "seam"):
            assert np.array_equal(getattr(once, field), getattr(twice, field)), field
        assert limited(sector, len(sector.nodes), len(sector.edges)) is sector


def test_one_sector_with_room_is_the_whole_graph() -> None:
    graph = neighbours_in_phi(1, 50, 100)
    config = SectorConfig(phi_sectors=1, node_capacity=51, edge_capacity=100)
    (sector,) = sectors(graph, config)
    assert np.array_equal(sector.graph.edge_index, graph.edge_index)
    assert sector.owned.all()
    assert sector.graph.hit_id is not None
    assert sector.graph.hit_id.tolist() == list(range(100, 150))


def test_weights_and_vertices_follow_the_hits_of_a_subgraph() -> None:
    weight, vertex_r = np.array([0.5, 0, 0.25], np.float32), np.array([0.1, np.nan, 30], np.float32)
    graph = replace(graph_at([0, 0.1, 0.2], [(0, 1), (1, 2)]), weight=weight, vertex_r=vertex_r)
    part = subgraph(graph, np.array([2, 1]), np.array([1]))
    np.testing.assert_array_equal(part.weight, [0.25, 0])
    np.testing.assert_array_equal(part.vertex_r, [30, np.nan])


def test_subgraph_with_a_missing_end_is_refused() -> None:
    graph = graph_at([0, 0.1, 0.2], [(0, 1), (1, 2)])
    assert subgraph(graph, np.array([2, 1]), np.array([1])).edge_index.tolist() == [[1], [0]]
    with pytest.raises(ValueError, match="edge 1 ends outside"):
        subgraph(graph, np.array([0, 1]), np.array([0, 1]))


@pytest.mark.parametrize(
    "change",
    [
        {"phi_sectors": 0},
        {"node_capacity": 1},
        {"edge_capacity": 0},
        {"overlap_phi": -0.1},
        {"eta_max": 0.0},
    ],
)
def test_impossible_sectors_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"sectors.{next(iter(change))}"):
        SectorConfig(**change)


def test_margin_of_the_window_loses_no_edge_of_real_graphs(trackml_hitgraphs: Path) -> None:
    config = SectorConfig(phi_sectors=8, overlap_phi=0.0006 * 146, node_capacity=2048, edge_capacity=32768)
    graphs = load_graphs(trackml_hitgraphs / "2gev")[:5]
    loss = sector_loss([(graph, sectors(graph, config)) for graph in graphs], config)
    assert loss.seam_edges == 0
    assert loss.overflow_edges == 0
    assert loss.owned_edges == sum(graph.num_edges for graph in graphs)
    without = SectorConfig(phi_sectors=8, overlap_phi=0.0, node_capacity=2048, edge_capacity=32768)
    assert sector_loss([(graph, sectors(graph, without)) for graph in graphs], without).seam_edges > 0
