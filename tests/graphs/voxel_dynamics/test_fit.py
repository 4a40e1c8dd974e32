"""The fit: deterministic, independent of threads, better than chance on events that it never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from voxel_tracks import SYMMETRIES, event

from edgetrack.graphs.voxel_dynamics.counting import PairCounts, pair_keys
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.fit import TrueHits, VoxelFitConfig, fit_dynamics, views
from edgetrack.graphs.voxel_dynamics.kmeans import fit_voxels
from edgetrack.graphs.voxel_dynamics.metrics import link_curve
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry

SMALL = VoxelFitConfig(voxels=256, symmetry=Symmetry(4), views=3, iterations=4, points_per_seed=40, smoothing=0.0)


@pytest.fixture(scope="module")
def fitted() -> VoxelDynamics:
    return fit_dynamics([event(seed) for seed in range(6)], SMALL)


def equal(first: VoxelDynamics, second: VoxelDynamics) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("keys", "counts", "occupancy")
    ) and np.array_equal(first.voxels.seeds, second.voxels.seeds)


def test_the_same_seed_gives_the_same_counts_whatever_the_workers_and_another_seed_others(
    fitted: VoxelDynamics,
) -> None:
    events = [event(seed) for seed in range(6)]
    assert equal(fit_dynamics(events, SMALL, workers=3), fitted)
    assert not equal(fit_dynamics(events, replace(SMALL, seed=1)), fitted)


def test_every_pair_and_every_hit_of_a_particle_with_itself_is_counted_once_a_view(fitted: VoxelDynamics) -> None:
    assert fitted.counts.sum() == 6 * 3 * 150 * (10 + 5)
    assert fitted.occupancy.sum() == 6 * 3 * (150 * 5 + 30)
    assert fitted.views == 18


def test_targets_of_the_fit_hold_each_other(fitted: VoxelDynamics) -> None:
    events = [event(seed) for seed in range(6)]
    eom, cricket = (fit_dynamics(events, replace(SMALL, target=target)) for target in ("eom", "cricket"))
    assert set(eom.keys) < set(cricket.keys) < set(fitted.keys)
    points = event(20).points
    linked = [{tuple(edge) for edge in one.edges(points).T.tolist()} for one in (eom, cricket, fitted)]
    assert linked[0] < linked[1] < linked[2]


def test_the_curve_rises_and_tells_tracks_from_chance(fitted: VoxelDynamics) -> None:
    curve = link_curve(fitted, [event(seed, 20) for seed in range(50, 60)])
    assert (np.diff(curve.threshold) < 0).all()
    for name in ("efficiency", "false_positive_rate", "mean_degree"):
        assert (np.diff(getattr(curve, name)) >= 0).all()
    row = curve.at_efficiency(0.8)
    assert curve.efficiency[row - 1] < 0.8 <= curve.efficiency[row]
    assert curve.false_positive_rate[row] < 0.25
    with pytest.raises(ValueError, match=r"ε\+ reaches .* with all that the fit counted, wanted 1.1"):
        curve.at_efficiency(1.1)


def test_turned_views_keep_radii_and_without_symmetry_reflect_too() -> None:
    points = event(0).points
    config = VoxelFitConfig(256, Symmetry(1, mirror_phi=False, mirror_z=False), views=8)
    found = views(points, config, np.random.default_rng(0))
    assert len(found) == 8
    for view in found:
        np.testing.assert_allclose(np.hypot(*view[:, :2].T), np.hypot(*points[:, :2].T), rtol=1e-5)
        np.testing.assert_allclose(np.abs(view[:, 2]), np.abs(points[:, 2]))
    assert {np.sign(view[0, 2] / points[0, 2]) for view in found} == {-1, 1}
    (alone,) = views(points, replace(config, views=1), np.random.default_rng(0))
    np.testing.assert_array_equal(alone, points)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_kmeans_leaves_each_seed_at_the_mean_of_its_points(symmetry: Symmetry) -> None:
    rng = np.random.default_rng(0)
    centre = np.array([[100.0, 9.0, 40.0], [60.0, 5.0, 90.0]])
    points = np.concatenate([c + rng.normal(0, 0.5, (40, 3)) for c in centre])
    points = symmetry.applied(rng.integers(0, symmetry.order, 80), points)
    voxels = fit_voxels(points, 2, symmetry, iterations=10, seed=1)
    _, seeds = symmetry.folded(voxels.seeds)
    _, folded = symmetry.folded(centre)
    assert min(np.abs(seeds - folded).max(), np.abs(seeds[::-1] - folded).max()) < 1.0


def test_the_table_of_counts_grows_and_counts_as_a_sort_does() -> None:
    symmetry, seeds = SYMMETRIES[3], 900
    rng = np.random.default_rng(1)
    counts, keys = PairCounts(seeds, symmetry), []
    for size in (0, 1, 5_000, 70_000, 5_000):
        first, second = rng.integers(0, seeds * symmetry.order, (2, size))
        counts.add(first, second)
        keys.append(pair_keys(first, second, seeds, symmetry))
    expected, number = np.unique(np.concatenate(keys), return_counts=True)
    found, found_number = counts.sorted()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found_number, number)


def test_smoothing_finds_pairs_of_voxels_that_the_events_of_the_fit_had_none_in() -> None:
    config, events = replace(SMALL, voxels=1024), [event(0), event(1)]
    plain, smooth = (fit_dynamics(events, replace(config, smoothing=strength)) for strength in (0.0, 4.0))
    assert np.setdiff1d(smooth.keys, plain.keys).size
    assert np.intersect1d(smooth.keys, plain.keys).size
    assert equal(fit_dynamics(events, config=replace(config, smoothing=4.0), workers=2), smooth)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fit.voxels = 300, wanted 64…524288 and a multiple of 64, the number of"):
        VoxelFitConfig(voxels=300)
    with pytest.raises(ValueError, match=r"fit.smoothing = 4.0, wanted 0, or more where half of the 320 voxels"):
        VoxelFitConfig(voxels=320, smoothing=4.0)
    with pytest.raises(ValueError, match=r"fit.views = 0, wanted 1 or more"):
        VoxelFitConfig(views=0)
    with pytest.raises(ValueError, match="no events to fit voxels from"):
        fit_dynamics([], SMALL)
    with pytest.raises(ValueError, match="points cannot make 16 seeds of voxels; give more events, or fewer voxels"):
        fit_dynamics([TrueHits(np.ones((3, 3), np.float32), np.ones(3, np.int64), np.ones(3, np.float32))], SMALL)
