"""DBSCAN in η–φ before doublets: against the dense distances of the published code, and slow loops."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.graphs.build import GraphConfig, doublets
from edgetrack.graphs.geometric import GeometricConfig, geometric_edges
from edgetrack.graphs.preclustering import PUBLISHED_EPS, DbscanConstruction, clusters, neighbours, same_cluster
from edgetrack.graphs.selection import SelectedHits, SelectionConfig

WIDE = GeometricConfig(phi_slope_max=0.01, z0_max=1000.0)


def slow_distance(hits: SelectedHits, a: int, b: int) -> float:
    """√(Δη² + Δφ⁴) of two hits; ∞ on one layer."""
    if hits.layer[a] == hits.layer[b]:
        return inf
    first, second = (float(np.arcsinh(hits.z[hit] / hits.r[hit])) for hit in (a, b))
    delta_phi = abs(hits.phi[a] - hits.phi[b])
    delta_phi = min(delta_phi, 2 * pi - delta_phi) ** 2
    return float(np.sqrt((first - second) ** 2 + delta_phi**2))


def slow_clusters(hits: SelectedHits, eps: float, min_samples: int) -> list[int]:
    """DBSCAN as its authors wrote it down: grow each cluster from a core hit, in the order of the hits."""
    size = len(hits)
    near = [[b for b in range(size) if b == a or slow_distance(hits, a, b) <= eps] for a in range(size)]
    labels, number = [-1] * size, -1
    for seed in range(size):
        if labels[seed] != -1 or len(near[seed]) < min_samples:
            continue
        number += 1
        queue = deque([seed])
        labels[seed] = number
        while queue:
            hit = queue.popleft()
            if len(near[hit]) >= min_samples:
                for other in near[hit]:
                    if labels[other] == -1:
                        labels[other] = number
                        queue.append(other)
    return labels


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(0, 70),
    eps=st.sampled_from([0.05, 0.2, 0.5]),
    steps=st.sampled_from([0, 6]),
)
def test_clusters_are_those_of_a_slow_dbscan_with_every_distance(
    random_hits: Callable[..., SelectedHits], seed: int, size: int, eps: float, steps: int
) -> None:
    hits = random_hits(seed, size, steps)
    for min_samples in (1, 3):
        assert clusters(hits, eps, min_samples).tolist() == slow_clusters(hits, eps, min_samples)


def test_neighbours_are_all_pairs_within_eps_also_across_the_seam_of_phi(
    random_hits: Callable[..., SelectedHits],
) -> None:
    hits = random_hits(5, 300)
    first, second, distance = neighbours(hits, 0.2)
    found = {
        (min(a, b), max(a, b)): d for a, b, d in zip(first.tolist(), second.tolist(), distance.tolist(), strict=True)
    }
    slow = {
        (a, b): slow_distance(hits, a, b)
        for a in range(300)
        for b in range(a + 1, 300)
        if slow_distance(hits, a, b) <= 0.2
    }
    assert found == slow
    assert any(abs(hits.phi[a] - hits.phi[b]) > pi for a, b in found)
    assert len(found) == len(first)


@pytest.mark.parametrize("unclustered", ["joined", "dropped"])
def test_doublets_are_the_geometric_ones_within_a_cluster_in_their_order(
    random_hits: Callable[..., SelectedHits], unclustered: str
) -> None:
    hits = random_hits(1, 250)
    construction = DbscanConstruction(eps=0.1, unclustered=unclustered)  # type: ignore[arg-type]
    config = GraphConfig(geometric=WIDE, construction=construction)
    edges, all_edges = doublets(hits, config), geometric_edges(hits, WIDE)
    labels = slow_clusters(hits, 0.1, 3)
    kept = [
        [a, b]
        for a, b in all_edges.T.tolist()
        if labels[a] == labels[b] and (unclustered == "joined" or labels[a] != -1)
    ]
    assert edges.T.tolist() == kept
    assert 0 < len(kept) < all_edges.shape[1]
    assert -1 in labels


def test_hits_without_a_cluster_are_joined_among_themselves_as_published_or_not_at_all() -> None:
    labels, edges = np.array([0, 0, -1, -1]), np.array([[0, 0, 2], [1, 2, 3]])
    assert same_cluster(labels, edges, DbscanConstruction()).tolist() == [True, False, True]
    assert same_cluster(labels, edges, DbscanConstruction(unclustered="dropped")).tolist() == [True, False, False]


def test_eps_is_the_published_one_at_the_threshold_unless_set() -> None:
    assert [DbscanConstruction().eps_at(pt) for pt in PUBLISHED_EPS] == list(PUBLISHED_EPS.values())
    assert DbscanConstruction().eps_at(0.85) == pytest.approx(0.115)
    assert DbscanConstruction().eps_at(7) == 0.22
    assert DbscanConstruction(eps=0.3).eps_at(None) == 0.3
    for pt_min in (None, 0.4):
        with pytest.raises(ValueError, match=f"no ε is published for selection.pt_min = {pt_min}; wanted eps"):
            DbscanConstruction().eps_at(pt_min)


def test_impossible_settings_are_refused(random_hits: Callable[..., SelectedHits]) -> None:
    with pytest.raises(ValueError, match="eps = 0"):
        DbscanConstruction(eps=0)
    with pytest.raises(ValueError, match="min_samples = 0"):
        DbscanConstruction(min_samples=0)
    with pytest.raises(ValueError, match="reaches around the detector"):
        clusters(random_hits(1, 5), 11.0, 3)
    config = GraphConfig(selection=SelectionConfig(pt_min=None), construction=DbscanConstruction())
    with pytest.raises(ValueError, match="eps is null"):
        doublets(random_hits(1, 5), config)
