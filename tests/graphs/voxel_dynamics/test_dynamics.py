"""The pairs of hits that Voxel-Dynamics joins, against loops over all pairs and all elements."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from voxel_tracks import SYMMETRIES, made_dynamics, tracks

from edgetrack.graphs.voxel_dynamics import adjacency
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry


def nearest(dynamics: VoxelDynamics, points: NDArray[np.float64]) -> list[int]:
    """The voxel of each point by a loop over all centroids."""
    centroids = dynamics.voxels.centroids.astype(float)
    return [int(np.argmin(((centroids - point) ** 2).sum(axis=1))) for point in points]


def seen_pairs(dynamics: VoxelDynamics, seed: int, particles: int) -> NDArray[np.int64]:
    """C, dense (V, V): every pair of hits of one particle, in every image of the event."""
    points, owner = tracks(seed + 100, particles)
    seen = np.zeros((dynamics.voxels.number,) * 2, np.int64)
    for element in range(dynamics.voxels.symmetry.order):
        voxel = nearest(dynamics, dynamics.voxels.symmetry.applied(np.full(len(points), element), points))
        for i, j in combinations(range(len(points)), 2):
            if owner[i] == owner[j] != 0:
                seen[voxel[i], voxel[j]] += 1
                seen[voxel[j], voxel[i]] += voxel[i] != voxel[j]
    return seen


def joined(dynamics: VoxelDynamics, linked: NDArray[np.bool_], points: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Pairs by a loop, from the nearer hit to the farther."""
    voxel, far = nearest(dynamics, points), (points**2).sum(axis=1).tolist()
    pairs = (sorted(pair, key=lambda hit: (far[hit], hit)) for pair in combinations(range(len(points)), 2))
    return {(i, j) for i, j in pairs if linked[voxel[i], voxel[j]]}


def as_set(edges: NDArray[np.int64]) -> set[tuple[int, int]]:
    found = set(zip(*edges.tolist(), strict=True))
    assert len(found) == edges.shape[1], "an edge comes twice"
    return found


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_edges_are_the_pairs_whose_voxels_shared_a_particle_in_some_image_of_the_event(symmetry: Symmetry) -> None:
    dynamics = made_dynamics(symmetry, seeds=8, particles=6)
    linked = seen_pairs(dynamics, 0, 6) > 0
    points, _ = tracks(4, 12)
    expected = joined(dynamics, linked, points)
    assert as_set(dynamics.edges(points)) == expected
    assert 0 < len(expected) < len(points) * (len(points) - 1) // 2
    linked[linked] = np.arange(linked.sum()) > 0  # one link less
    assert joined(dynamics, linked & linked.T, points) <= expected


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_the_matrix_has_the_counts_of_all_images_of_the_event(symmetry: Symmetry) -> None:
    dynamics = made_dynamics(symmetry, seeds=6, particles=5, seed=1)
    matrix = dynamics.matrix().toarray()
    seen = seen_pairs(dynamics, 1, 5)
    # An orbit counts a pair once; where an element exchanges both voxels, each of them is met twice over all images.
    exchanged = np.zeros_like(seen, bool)
    number = len(dynamics.voxels.seeds)
    for u in range(dynamics.voxels.number):
        for v in range(u % number, dynamics.voxels.number, number):
            h = dynamics.voxels.symmetry.product[dynamics.voxels.symmetry.inverse[u // number], v // number]
            exchanged[u, v] = u != v and dynamics.voxels.symmetry.inverse[h] == h
    np.testing.assert_array_equal(matrix, np.where(exchanged, seen // 2, seen))
    np.testing.assert_array_equal(matrix, matrix.T)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(SYMMETRIES), st.floats(0, 0.3))
def test_edges_are_those_of_the_matrix_at_any_threshold(seed: int, symmetry: Symmetry, threshold: float) -> None:
    dynamics = made_dynamics(symmetry, particles=30, seed=seed % 1000).pruned(threshold)
    points, _ = tracks(seed, 15)
    linked = dynamics.matrix().toarray() > 0
    assert as_set(dynamics.edges(points)) == joined(dynamics, linked, points)


def test_hits_at_the_same_place_are_joined_once_from_the_smaller_number() -> None:
    dynamics = made_dynamics(SYMMETRIES[3], seeds=4)
    points = np.repeat(tracks(100, 60)[0][:1], 5, axis=0)
    edges = dynamics.edges(points)
    assert as_set(edges) == set(combinations(range(5), 2))
    assert len(dynamics.pruned(np.inf).edges(points)[0]) == 0


def test_a_voxel_that_the_fit_never_saw_has_no_edges_and_breaks_none() -> None:
    dynamics = made_dynamics(SYMMETRIES[0], seeds=12, particles=3)
    voxels = replace(dynamics.voxels, seeds=np.append(dynamics.voxels.seeds, [[5000, 5000, 5000]], axis=0))
    keys = (dynamics.keys // 12) * 13 + dynamics.keys % 12
    wider = replace(dynamics, voxels=voxels, keys=keys, occupancy=np.append(dynamics.occupancy, 0))
    points, _ = tracks(4, 12)
    outside = np.append(points, [[5001, 5000, 5000], [5000, 5000, 5002]], axis=0)
    assert wider.voxels.of(outside)[-2:].tolist() == [12, 12]
    np.testing.assert_array_equal(wider.edges(outside), dynamics.edges(points))


@pytest.mark.parametrize("hits", [0, 1])
def test_no_hit_and_one_hit_have_no_edges(hits: int) -> None:
    edges = made_dynamics(SYMMETRIES[3]).edges(np.full((hits, 3), 50.0))
    assert edges.shape == (2, 0)
    assert edges.dtype == np.int64


def test_edges_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjacency, "_VOXELS_PER_CHUNK", 4)
    dynamics = made_dynamics(SYMMETRIES[3], seeds=40)
    points, _ = tracks(9, 80)
    one, three = dynamics.edges(points, threads=1), dynamics.edges(points, threads=3)
    assert one.shape[1] > 100
    np.testing.assert_array_equal(one, three)


def test_a_higher_threshold_has_fewer_edges_of_a_higher_share() -> None:
    dynamics = made_dynamics(SYMMETRIES[1], seeds=30)
    points, owner = tracks(3, 60)
    before = as_set(dynamics.edges(points))
    for threshold in np.quantile(dynamics.shares, [0.3, 0.6, 0.9]):
        after = as_set(dynamics.pruned(threshold).edges(points))
        assert after < before
        before = after
    share = [
        np.mean([owner[i] == owner[j] != 0 for i, j in edges]) for edges in (as_set(dynamics.edges(points)), before)
    ]
    assert share[1] > share[0]


def test_hits_that_are_not_finite_and_arrays_that_do_not_fit_are_refused() -> None:
    dynamics = made_dynamics(SYMMETRIES[0])
    with pytest.raises(ValueError, match=r"hit 1 is at .*, wanted finite x, y, z in mm; drop such hits"):
        dynamics.edges(np.array([[1.0, 2, 3], [np.nan, 0, 0]]))
    for change, message in (
        ({"target": "all"}, "target is 'all', wanted one of eom, cricket, hyper"),
        ({"counts": dynamics.counts[1:]}, "wanted as many counts as keys"),
        ({"keys": dynamics.keys[::-1]}, "keys must ascend within"),
        ({"occupancy": -dynamics.occupancy}, "occupancy and threshold 0 or more"),
        ({"views": 0}, "views must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(dynamics, **change)
