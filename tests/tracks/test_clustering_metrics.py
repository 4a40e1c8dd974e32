"""Figures of clustering on events small enough to count by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.clustering_metrics import (
    ClusteringMetrics,
    ClusteringMetricsConfig,
    Mean,
    clustering_metrics,
    event_clustering,
)
from edgetrack.tracks.ratio import Ratio
from edgetrack.tracks.trackml_score import trackml_score

# Particles: 1 with 5 hits, 2 with 4, 3 with 4, 4 with 3 (too few), noise 2. Weights are whole numbers.
PARTICLE = np.array([1] * 5 + [2] * 4 + [3] * 4 + [4] * 3 + [0] * 2)
WEIGHT = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 2, 2, 2, 1, 1, 1, 0, 0])
PT = np.array([0.3] * 5 + [0.6] * 4 + [0.7] * 4 + [0.7] * 3 + [np.nan] * 2)
RADIUS = np.array([0.1] * 5 + [10.0] * 4 + [9.99] * 4 + [50.0] * 3 + [np.nan] * 2)


def event() -> HitGraph:
    n = len(PARTICLE)
    return HitGraph(
        np.zeros((n, 3), np.float32),
        np.zeros((2, 0), np.int64),
        particle_id=PARTICLE,
        pt=PT.astype(np.float32),
        weight=WEIGHT.astype(np.float32),
        vertex_r=RADIUS.astype(np.float32),
    )


def candidates(*hits: list[int]) -> TrackCandidates:
    labels = np.full(len(PARTICLE), -1)
    for label, members in enumerate(hits):
        labels[members] = label
    return TrackCandidates.from_labels(labels)


def numbers(mean: Mean | None) -> tuple[float | None, ...]:
    assert mean is not None
    return mean.value, mean.spread, mean.events, mean.error


# Of particle 1 the hits 0 1 2 and a noise hit; all of 2 and a hit of 4; half of 3.
FOUND = ([0, 1, 2, 16], [5, 6, 7, 8, 13], [9, 10, 14, 15], [3, 4, 17])


def test_an_event_counted_by_hand() -> None:
    found = event_clustering(event(), candidates(*FOUND))
    assert (found.particles, found.candidates, found.matched) == (3, 3, 2)
    assert found.dms == ((1 + 2 + 3) + (6 + 7 + 8 + 9)) / (15 + 30 + 8)
    assert found.efficiency == 2 / 3
    assert found.purity == 2 / 3


def test_exactly_half_is_no_majority() -> None:
    """Two of four hits of particle 2 with two others; and three of five of particle 1 among six."""
    assert event_clustering(event(), candidates([5, 6, 7, 0])).matched == 1
    assert event_clustering(event(), candidates([5, 6, 0, 1])).matched == 0
    assert event_clustering(event(), candidates([0, 1, 2, 5, 9])).matched == 1
    assert event_clustering(event(), candidates([0, 1, 2, 5, 9, 16])).matched == 0
    assert event_clustering(event(), candidates([0, 1, 9, 10])).matched == 0


def test_clones_and_fakes_lower_the_purity_and_not_the_efficiency() -> None:
    exact = event_clustering(event(), candidates([0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]))
    assert (exact.dms, exact.efficiency, exact.purity) == (1, 1, 1)
    fake = event_clustering(event(), candidates([0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 16, 17]))
    assert (fake.dms, fake.efficiency, fake.purity) == (1, 1, 3 / 4)
    small = event_clustering(event(), candidates([0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15]))
    assert (small.dms, small.efficiency, small.purity) == (1, 1, 1)  # three hits are no candidate


def test_figure_2_has_prompt_and_displaced_particles_apart() -> None:
    config = ClusteringMetricsConfig(pt_edges=(0.0, 0.5, 1.0))
    low, high = event_clustering(event(), candidates(*FOUND), config).by_pt
    assert (low.prompt, low.displaced) == (Ratio(1, 1), Ratio(0, 0))
    assert (high.prompt, high.displaced) == (Ratio(0, 1), Ratio(1, 1))  # produced at 9.99 mm and at 10 mm


def test_figures_are_means_over_events_and_the_bins_are_pooled() -> None:
    graph = event()
    both = clustering_metrics([graph, graph], [candidates(*FOUND), candidates([5, 6, 7, 8])])
    assert numbers(both.dms) == pytest.approx(((36 / 53 + 30 / 53) / 2, 3 / 53, 2, 3 / 53))
    assert numbers(both.efficiency) == pytest.approx(((2 / 3 + 1 / 3) / 2, 1 / 6, 2, 1 / 6))
    assert numbers(both.purity) == pytest.approx(((2 / 3 + 1) / 2, 1 / 6, 2, 1 / 6))
    assert sum((b.prompt for b in both.by_pt), Ratio(0, 0)) == Ratio(1, 4)
    assert sum((b.displaced for b in both.by_pt), Ratio(0, 0)) == Ratio(2, 2)
    assert numbers((both + both).dms)[:3] == pytest.approx((33 / 53, 3 / 53, 4))


def test_what_an_event_does_not_define_is_left_out_of_the_means() -> None:
    graph = event()
    found = clustering_metrics([graph, graph], [candidates(*FOUND), candidates()])
    assert numbers(found.purity) == (2 / 3, 0.0, 1, None)
    assert numbers(found.efficiency) == pytest.approx((1 / 3, 1 / 3, 2, 1 / 3))
    bare = replace(graph, weight=None, vertex_r=None)
    without = event_clustering(bare, candidates(*FOUND))
    assert (without.dms, without.by_pt, without.matched) == (None, (), 2)
    assert ClusteringMetrics(()).dms is None
    assert ClusteringMetrics(()).by_pt == ()


def test_an_event_without_hits_has_no_figures() -> None:
    empty = HitGraph(
        np.zeros((0, 3), np.float32),
        np.zeros((2, 0), np.int64),
        particle_id=np.zeros(0, np.int64),
        weight=np.zeros(0, np.float32),
    )
    found = event_clustering(empty, TrackCandidates(np.zeros(0, np.int64)))
    assert (found.dms, found.efficiency, found.purity) == (None, None, None)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 4), st.integers(1, 9)), min_size=1, max_size=40))
def test_with_hits_of_counted_particles_alone_it_is_trackmls_score(rows: list[tuple[int, int, int]]) -> None:
    """Noise and small particles weigh nothing in TrackML; there a small candidate may match, so min_hits is 1 here."""
    particle, label, weight = (np.array(column) for column in zip(*rows, strict=True))
    weight = weight * (particle != 0)
    graph = HitGraph(np.zeros((len(rows), 3), np.float32), np.zeros((2, 0), np.int64), particle_id=particle)
    graph = replace(graph, weight=weight.astype(np.float32))
    found = event_clustering(graph, TrackCandidates.from_labels(label), ClusteringMetricsConfig(min_hits=1))
    if not weight.sum():
        assert found.dms is None
        return
    alone = np.where(label < 0, 100 + np.arange(len(label)), label)  # hits in no candidate are in one of their own
    lone = np.where(label < 0, particle, -1)
    wanted = trackml_score(alone, particle, weight)
    single = sum(weight[k] for k in range(len(rows)) if lone[k] > 0 and (particle == particle[k]).sum() == 1)
    assert found.dms == pytest.approx(wanted - single / weight.sum())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="particle_id is missing"):
        event_clustering(replace(event(), particle_id=None), candidates())
    with pytest.raises(ValueError, match="candidates label 3 hits"):
        event_clustering(event(), TrackCandidates(np.array([0, 0, 0])))
    refused: list[dict[str, Any]] = [{"min_hits": 0}, {"prompt_r": 0.0}, {"pt_edges": (1.0,)}, {"pt_edges": (1.0, 1.0)}]
    for wrong in refused:
        with pytest.raises(ValueError, match="wanted"):
            ClusteringMetricsConfig(**wrong)
