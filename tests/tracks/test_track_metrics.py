from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.ratio import Ratio
from edgetrack.tracks.track_metrics import MatchingConfig, TrackCounts, match, pooled

# (particle, candidate) of each hit; 0 = noise, −1 = in no candidate
HITS = [
    *[(1, 0)] * 4,  # particle 1 perfect
    *[(2, 1)] * 4,
    (2, 2),  # particle 2 but for one hit, which stands alone
    *[(3, 3)] * 3,
    (0, 3),
    (3, 6),
    (3, -1),  # exactly 3/4 of candidate 3: double majority, no LHC match
    *[(4, 4)] * 2,
    *[(4, 5)] * 2,  # two halves: both LHC matched, neither more than half of the particle
    *[(5, 6)] * 3,  # all of particle 5, but a hit of particle 3 beside them
    *[(6, -1)] * 2,  # lost
    (7, 7),  # one hit only
    *[(0, 8)] * 2,  # noise alone is a fake, although its hits share a particle_id
]
PT = {0: 50.0, 1: 1.2, 2: 1.2, 3: 2.5, 4: 2.5, 5: 2.5, 6: 4.0, 7: 200.0}  # GeV


def event(order: NDArray[np.int64] | None = None, **truth: Any) -> tuple[HitGraph, TrackCandidates]:
    particle_id, labels = np.array(HITS).T
    order = np.arange(len(HITS)) if order is None else order
    graph = HitGraph(
        np.zeros((len(HITS), 3), np.float32),
        np.zeros((2, 0), np.int64),
        particle_id=particle_id[order],
        **{key: value[order] for key, value in truth.items()},
    )
    return graph, TrackCandidates.from_labels(labels[order])


def figures(counts: TrackCounts) -> dict[str, Ratio]:
    return {
        name: getattr(counts, name)
        for name in ("perfect", "double_majority", "lhc", "lhc_efficiency", "fake_rate", "duplicate_rate")
    }


def test_every_figure_has_its_own_numerator_and_denominator() -> None:
    assert figures(match(*event()).overall) == {
        "perfect": Ratio(1, 6),
        "double_majority": Ratio(4, 6),
        "lhc": Ratio(4, 7),
        "lhc_efficiency": Ratio(3, 6),
        "fake_rate": Ratio(3, 7),
        "duplicate_rate": Ratio(1, 7),
    }


def test_single_hits_count_when_asked_for() -> None:
    assert figures(match(*event(), config=MatchingConfig(min_particle_hits=1, min_candidate_hits=1)).overall) == {
        "perfect": Ratio(2, 7),
        "double_majority": Ratio(5, 7),
        "lhc": Ratio(6, 9),
        "lhc_efficiency": Ratio(4, 7),
        "fake_rate": Ratio(3, 9),
        "duplicate_rate": Ratio(2, 9),
    }


def test_three_hits_on_both_sides_drop_the_halves() -> None:
    assert figures(match(*event(), config=MatchingConfig(min_particle_hits=3, min_candidate_hits=3)).overall) == {
        "perfect": Ratio(1, 5),
        "double_majority": Ratio(4, 5),
        "lhc": Ratio(2, 4),
        "lhc_efficiency": Ratio(2, 5),
        "fake_rate": Ratio(2, 4),
        "duplicate_rate": Ratio(0, 4),
    }


def test_bins_hold_particles_and_the_candidates_of_their_hits() -> None:
    pt = np.array([PT[particle] for particle, _ in HITS], np.float32)
    metrics = match(*event(pt=pt), config=MatchingConfig(pt_edges=(1.0, 2.0, 3.0, 5.0)))
    low, middle, high = metrics.by_pt
    assert (low.low, low.high) == (1.0, 2.0)
    assert (low.counts.double_majority, low.counts.fake_rate) == (Ratio(2, 2), Ratio(0, 2))
    assert (middle.counts.double_majority, middle.counts.perfect) == (Ratio(2, 3), Ratio(0, 3))
    assert (middle.counts.lhc, middle.counts.duplicate_rate) == (Ratio(2, 4), Ratio(1, 4))
    assert (high.counts.double_majority, high.counts.candidates) == (Ratio(0, 1), 0)
    assert metrics.by_eta == ()


def test_a_value_on_an_edge_belongs_to_the_upper_bin() -> None:
    graph, candidates = event(eta=np.full(len(HITS), 1.0, np.float32))
    below, above = match(graph, candidates, MatchingConfig(eta_edges=(0.0, 1.0, 2.0))).by_eta
    assert (below.counts.particles, above.counts.particles) == (0, 6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_order_of_hits_does_not_matter(seed: int) -> None:
    pt = np.array([PT[particle] for particle, _ in HITS], np.float32)
    order = np.random.default_rng(seed).permutation(len(HITS))
    assert match(*event(order, pt=pt, eta=pt)) == match(*event(pt=pt, eta=pt))


def test_one_moved_hit_is_noticed() -> None:
    graph, candidates = event()
    labels = candidates.labels.copy()
    labels[0] = -1
    assert match(graph, TrackCandidates.from_labels(labels)) != match(graph, candidates)


def test_pooled_figures_weigh_each_particle_the_same() -> None:
    pair = HitGraph(np.zeros((2, 3), np.float32), np.zeros((2, 0), np.int64), particle_id=np.array([1, 1]))
    found = match(pair, TrackCandidates(np.array([0, 0])))
    total = pooled([match(*event()), found])
    assert total.overall.perfect == Ratio(2, 7)  # the mean over graphs would be (1/6 + 1) / 2
    assert total.overall.fake_rate == Ratio(3, 8)


def test_pooling_refuses_different_bins_and_nothing_at_all() -> None:
    with pytest.raises(ValueError, match="different bins"):
        pooled([match(*event()), match(*event(pt=np.ones(len(HITS), np.float32)))])
    with pytest.raises(ValueError, match="no graph"):
        pooled([])


def test_an_empty_graph_and_a_graph_without_tracks_have_no_candidates() -> None:
    empty = HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64), particle_id=np.zeros(0, np.int64))
    metrics = match(empty, TrackCandidates(np.zeros(0, np.int64)))
    assert metrics.overall.perfect == Ratio(0, 0)
    graph, _ = event(pt=np.ones(len(HITS), np.float32))
    metrics = match(graph, TrackCandidates(np.full(len(HITS), -1)))
    assert metrics.overall.double_majority == Ratio(0, 6)
    assert metrics.overall.lhc == Ratio(0, 0)


@pytest.mark.parametrize(
    "config",
    [
        {"min_particle_hits": 0},
        {"min_candidate_hits": 0},
        {"pt_edges": (1.0,)},
        {"eta_edges": (1.0, 1.0)},
    ],
)
def test_impossible_cuts_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        MatchingConfig(**config)
