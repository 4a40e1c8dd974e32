"""Pairs of the three targets against loops, and what they share."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from voxel_tracks import tracks

from edgetrack.graphs.voxel_dynamics.targets import Order, Target, particle_pairs

SETTINGS = [(order, target) for order in ("vertex", "tree") for target in ("eom", "cricket", "hyper")]


def as_set(pairs: NDArray[np.int64]) -> set[frozenset[int]]:
    found = {frozenset(pair) for pair in pairs.T.tolist()}
    assert len(found) == pairs.shape[1]
    assert all(len(pair) == 2 for pair in found)
    return found


def slow_pairs(
    owner: NDArray[np.int64], order: str, hops: int, distance: NDArray[np.float64], points: NDArray[np.float64]
) -> set[frozenset[int]]:
    found = set()
    for particle in set(owner.tolist()) - {0}:
        hits = sorted(np.flatnonzero(owner == particle).tolist(), key=lambda hit: distance[hit])
        path = nx.path_graph(hits) if order == "vertex" else nx.Graph()
        if order == "tree":
            everywhere = nx.Graph()
            everywhere.add_nodes_from(hits)
            for i, j in combinations(hits, 2):
                everywhere.add_edge(i, j, weight=np.linalg.norm(points[i] - points[j]))
            path = nx.minimum_spanning_tree(everywhere)
        steps = dict(nx.all_pairs_shortest_path_length(path))
        found |= {frozenset((i, j)) for i, j in combinations(hits, 2) if steps[i][j] <= hops}
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(SETTINGS))
def test_pairs_are_those_so_many_steps_apart(seed: int, setting: tuple[Order, Target]) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(0, 40))
    owner, points = rng.integers(0, 6, size), rng.normal(size=(size, 3))
    distance = rng.random(size)
    order, target = setting
    hops = {"eom": 1, "cricket": 2, "hyper": 1000}[target]
    pairs = particle_pairs(owner, target, order, distance, points)
    assert as_set(pairs) == slow_pairs(owner, order, hops, distance, points)


@pytest.mark.parametrize("order", ["vertex", "tree"])
def test_eom_is_within_cricket_and_that_within_hyper(order: Order) -> None:
    points, owner = tracks(3, 30)
    distance = np.linalg.norm(points, axis=1)
    targets: tuple[Target, ...] = ("eom", "cricket", "hyper")
    eom, cricket, hyper = (as_set(particle_pairs(owner, target, order, distance, points)) for target in targets)
    assert eom < cricket < hyper
    assert len(eom) == 30 * 4
    assert len(hyper) == 30 * 10


def test_a_particle_of_one_hit_and_noise_have_no_pairs() -> None:
    assert particle_pairs(np.array([0, 3, 0, 4])).shape == (2, 0)
    assert particle_pairs(np.zeros(0, np.int64)).shape == (2, 0)
    assert particle_pairs(np.array([7, 0, 7, 7]), "eom", distance=np.array([3.0, 0, 1, 2])).tolist() == [[2, 3], [3, 0]]


def test_a_tree_asks_for_points() -> None:
    with pytest.raises(ValueError, match=r"pairs on a tree need the points of the hits; give points \(N, 3\), or"):
        particle_pairs(np.array([1, 1]), "eom", "tree")
