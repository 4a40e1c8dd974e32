"""The map learnt from true doublets, and the doublets that it keeps: against slow loops over hits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_detector import hits_on, small_modules

from edgetrack.graphs.geometric import GeometricConfig, geometric_edges
from edgetrack.graphs.labels import LabelConfig, label_edges
from edgetrack.graphs.layers import LAYER_PAIRS
from edgetrack.graphs.module_map.fit import learnt_map
from edgetrack.graphs.module_map.module_map import FEWEST_FOR_WINDOW, ModuleMap
from edgetrack.graphs.module_map.pairs import TruePairs, merged, true_pairs
from edgetrack.graphs.module_map.symmetry import MapSymmetry
from edgetrack.graphs.selection import SelectedHits

MODULES = small_modules()
WIDE = GeometricConfig(phi_slope_max=0.01, z0_max=1000.0)
LABELS = LabelConfig()
SYMMETRIES: tuple[MapSymmetry, ...] = ("none", "exact", "near")


def sample(*seeds: int, particles: int = 60) -> TruePairs:
    return merged([true_pairs(hits_on(MODULES, seed, particles), MODULES, LABELS) for seed in seeds])


@cache
def exact_map() -> ModuleMap:
    return learnt_map(sample(1, 2, 3), MODULES, None, "exact")


def slow_quantities(hits: SelectedHits, a: int, b: int) -> tuple[float, float]:
    """Δφ / Δr and z0 of one doublet."""
    delta_phi = (hits.phi[b] - hits.phi[a] + np.pi) % (2 * np.pi) - np.pi
    delta_r = hits.r[b] - hits.r[a]
    return float(delta_phi / delta_r), float(hits.z[a] - hits.r[a] * (hits.z[b] - hits.z[a]) / delta_r)


def test_true_pairs_are_the_labelled_ones_among_all_pairs_of_hits() -> None:
    hits = hits_on(MODULES, 3, 25, noise=40)
    pairs = true_pairs(hits, MODULES, LABELS)
    on_pair = [(a, b) for a, b in product(range(len(hits)), repeat=2) if (hits.layer[a], hits.layer[b]) in LAYER_PAIRS]
    edges = np.array(on_pair).T
    true = edges[:, label_edges(hits, edges, LABELS)]
    rows = MODULES.rows(hits)
    wanted = sorted((rows[a], rows[b], *slow_quantities(hits, a, b), float(hits.pt[a])) for a, b in true.T)  # type: ignore[index]
    found = sorted(zip(*(column.tolist() for column in pairs[:5]), strict=True))
    assert found == wanted
    assert len(found) > 50
    assert pairs.reach > 1


def test_a_map_has_each_pair_of_modules_with_its_count_and_ranges() -> None:
    pairs = sample(1, 2, 3)
    for pt_min, kept in ((None, pairs), (1.0, pairs.above(1.0))):
        found = learnt_map(pairs, MODULES, pt_min, "none")
        seen: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for a, b, slope, z0 in zip(*(column.tolist() for column in kept[:4]), strict=True):
            seen.setdefault((a, b), []).append((slope, z0))
        assert list(zip(found.source.tolist(), found.target.tolist(), strict=True)) == sorted(seen)
        for row, key in enumerate(sorted(seen)):
            slopes, places = zip(*seen[key], strict=True)
            assert found.count[row] == len(slopes)
            assert found.slope[row].tolist() == [min(slopes), max(slopes)]
            assert found.z0[row].tolist() == [min(places), max(places)]
    assert 0 < len(pairs.above(1.0).source) < len(pairs.source)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), least=st.sampled_from([1, 3]), margin=st.sampled_from([None, 0.0, 2.0]))
def test_the_doublets_kept_are_those_of_a_loop_over_them(seed: int, least: int, margin: float | None) -> None:
    known = exact_map()
    hits = hits_on(MODULES, 100 + seed, 15, noise=30)
    edges = geometric_edges(hits, WIDE, 1)
    rows, row_of = (
        MODULES.rows(hits),
        {(a, b): k for k, (a, b) in enumerate(zip(known.source, known.target, strict=True))},
    )
    wanted = []
    for a, b in edges.T:
        k = row_of.get((rows[a], rows[b]))
        good = k is not None and known.count[k] >= least
        if good and margin is not None and known.count[k] >= FEWEST_FOR_WINDOW:
            for value, (low, high) in zip(slow_quantities(hits, a, b), (known.slope[k], known.z0[k]), strict=True):
                more = margin / (known.count[k] - 1) * (high - low)
                good = good and low - more <= value <= high + more
        wanted.append(good)
    found = known.joins(hits, edges, least, margin)
    assert found.tolist() == wanted
    if not len(wanted):
        return
    assert not found.all()


def test_every_doublet_that_the_map_was_learnt_from_is_kept_with_and_without_ranges() -> None:
    hits = hits_on(MODULES, 1, 60)
    edges = geometric_edges(hits, WIDE, 1)
    true = label_edges(hits, edges, LABELS)
    for symmetry in SYMMETRIES:
        known = learnt_map(sample(1), MODULES, None, symmetry)
        for margin in (None, 0.0):
            kept = known.joins(hits, edges, 1, margin)
            assert kept[true].all()
            assert not kept[~true].all()


def test_a_wider_margin_keeps_more_and_a_pair_seen_too_rarely_is_not_narrowed() -> None:
    known = exact_map()
    hits = hits_on(MODULES, 50, 40)
    edges = geometric_edges(hits, WIDE, 1)
    kept = [int(known.joins(hits, edges, margin=margin).sum()) for margin in (0.0, 1.0, 10.0, None)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]
    rare = replace(known, count=np.full(known.pairs, FEWEST_FOR_WINDOW - 1))
    assert rare.joins(hits, edges, margin=0.0).sum() == kept[-1]


def test_hits_of_another_geometry_are_refused() -> None:
    known = learnt_map(sample(1), MODULES, None, "none")
    hits = hits_on(MODULES, 7, 5)
    edges = geometric_edges(hits, WIDE, 1)
    assert hits.module_id is not None
    first = int(np.argmax(hits.layer == 0))
    unknown = replace(hits, module_id=np.where(np.arange(len(hits)) == first, 99, hits.module_id))
    with pytest.raises(ValueError, match=r"lies on volume 8, layer 2, module 99 \(1 such hits\), which is none of the"):
        known.joins(unknown, edges)
    turned = replace(hits, phi=(hits.phi + 2 * np.pi) % (2 * np.pi) - np.pi)
    with pytest.raises(ValueError, match=r"mm from the centre of its module, wanted .* mm at most: the modules stand"):
        known.joins(turned, edges)
    with pytest.raises(ValueError, match="hits have no module_id"):
        known.joins(replace(hits, module_id=None), edges)


def test_another_detector_is_refused_by_its_modules_or_by_where_they_stand() -> None:
    MODULES.require_same(replace(MODULES, centers=MODULES.centers + 0.01))
    with pytest.raises(ValueError, match=r"module 0 stands 0\.2 mm from where it stands in the module map"):
        MODULES.require_same(replace(MODULES, centers=MODULES.centers + np.array([0, 0, 0.2])))
    fewer = replace(
        MODULES, **{name: getattr(MODULES, name)[1:] for name in ("layer", "module_id", "centers", "normals")}
    )
    with pytest.raises(ValueError, match=f"has {len(MODULES) - 1} pixel modules, geometry .*edgetrack module-map"):
        MODULES.require_same(fewer)


def test_no_events_and_no_truth_are_refused() -> None:
    with pytest.raises(ValueError, match="no events to learn a module map from"):
        merged([])
    with pytest.raises(ValueError, match="no particle_id"):
        true_pairs(replace(hits_on(MODULES, 1, 3), particle_id=None), MODULES, LABELS)


def test_a_map_without_pairs_keeps_nothing() -> None:
    known: ModuleMap = learnt_map(sample(1), MODULES, 50.0, "exact")
    hits = hits_on(MODULES, 7, 5)
    edges = geometric_edges(hits, WIDE, 1)
    assert known.pairs == 0
    assert not known.joins(hits, edges).any()
    assert edges.shape[1] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": np.zeros(3)}, "count has shape"),
        ({"source": None}, "pairs must ascend"),
        ({"symmetry": "all"}, "symmetry is 'all'"),
        ({"events": 0}, "events must be above 0"),
    ],
)
def test_maps_that_contradict_themselves_are_refused(change: dict[str, object], message: str) -> None:
    known = learnt_map(sample(1), MODULES, None, "none")
    if change == {"source": None}:
        change = {"source": known.source[::-1]}
    with pytest.raises(ValueError, match=message):
        replace(known, **change)  # type: ignore[arg-type]
