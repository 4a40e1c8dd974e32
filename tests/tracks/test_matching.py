from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.matching import match_candidates


def hits_of(particle_id: Sequence[int], labels: Sequence[int], **truth: Any) -> tuple[HitGraph, TrackCandidates]:
    """A graph of hits without edges, and candidates."""
    x = np.zeros((len(particle_id), 3), np.float32)
    graph = HitGraph(x, np.zeros((2, 0), np.int64), particle_id=np.array(particle_id, np.int64), **truth)
    return graph, TrackCandidates.from_labels(np.array(labels, np.int64))


def verdicts(
    particle_id: Sequence[int], labels: Sequence[int], min_particle_hits: int, min_candidate_hits: int
) -> dict[str, Any]:
    """The definitions, hit by hit, in plain Python."""
    particles = {p: {i for i, q in enumerate(particle_id) if q == p} for p in sorted(set(particle_id)) if p != 0}
    candidates = {c: {i for i, d in enumerate(labels) if d == c} for c in sorted(set(labels)) if c >= 0}
    candidates = {c: hits for c, hits in candidates.items() if len(hits) >= min_candidate_hits}
    lhc = {c: p for c, hits in candidates.items() for p in particles if len(hits & particles[p]) > 0.75 * len(hits)}
    counted = {p: hits for p, hits in particles.items() if len(hits) >= min_particle_hits}
    return {
        "perfect": [hits in candidates.values() for hits in counted.values()],
        "double_majority": [
            any(len(hits & c) > len(hits) / 2 and len(hits & c) > len(c) / 2 for c in candidates.values())
            for hits in counted.values()
        ],
        "found": [p in lhc.values() for p in counted],
        "lhc": [c in lhc for c in candidates],
        "num_duplicates": len(lhc) - len(set(lhc.values())),
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 5)), max_size=40), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=400, deadline=None)
def test_verdicts_equal_the_definitions_in_plain_python(
    hits: list[tuple[int, int]], min_particle_hits: int, min_candidate_hits: int
) -> None:
    particle_id, labels = [p for p, _ in hits], [c for _, c in hits]
    graph, candidates = hits_of(particle_id, labels)
    matches = match_candidates(graph, candidates, min_particle_hits, min_candidate_hits)
    expected = verdicts(particle_id, candidates.labels.tolist(), min_particle_hits, min_candidate_hits)
    for name in ("perfect", "double_majority", "found", "lhc"):
        assert getattr(matches, name).tolist() == expected[name]
    assert np.count_nonzero(matches.duplicate) == expected["num_duplicates"]


@pytest.mark.parametrize(
    ("particle_id", "labels", "perfect", "double_majority", "found"),
    [
        ([1, 1, 1, 1], [0, 0, 0, 0], True, True, True),
        ([1, 1, 1, 0], [0, 0, 0, 0], False, True, False),  # 3 / 4 is not more than 75 %
        ([1, 1, 1, 1, 0], [0, 0, 0, 0, 0], False, True, True),  # 4 / 5 is
        ([1, 1, 1, 1], [0, 0, -1, -1], False, False, True),  # 2 / 4 is not more than half of the particle
        ([1, 1, 1, 1], [0, 0, 0, -1], False, True, True),
        ([1, 1, 0, 0], [0, 0, 0, 0], False, False, False),  # 2 / 4 is not more than half of the candidate
        ([1, 1, 2, 2], [0, 0, 0, 0], False, False, False),
        ([1, 1, 1, 1], [-1, -1, -1, -1], False, False, False),
    ],
)
def test_each_boundary_is_exclusive(
    particle_id: Sequence[int],
    labels: Sequence[int],
    perfect: list[bool],
    double_majority: list[bool],
    found: list[bool],
) -> None:
    matches = match_candidates(*hits_of(particle_id, labels))
    assert (matches.perfect[0], matches.double_majority[0], matches.found[0]) == (perfect, double_majority, found)


def test_a_candidate_has_the_momentum_of_its_main_particle() -> None:
    pt, eta = np.array([1, 1, 2, 2, 2, 9], np.float32), np.array([0, 0, 1, 1, 1, 5], np.float32)
    graph, candidates = hits_of([1, 1, 2, 2, 2, 0], [0, 0, 0, 1, 1, 1], pt=pt, eta=eta)
    matches = match_candidates(graph, candidates)
    assert np.array_equal(np.asarray(matches.particle_pt, float), [1, 2])
    assert np.array_equal(np.asarray(matches.candidate_pt, float), [1, 2])
    assert np.array_equal(np.asarray(matches.candidate_eta, float), [0, 1])


def test_a_candidate_of_noise_has_no_momentum() -> None:
    graph, candidates = hits_of([0, 0, 0, 1], [0, 0, 0, 0], pt=np.full(4, 3, np.float32))
    assert np.isnan(np.asarray(match_candidates(graph, candidates).candidate_pt, float)).all()


def test_truth_is_needed() -> None:
    graph = HitGraph(np.zeros((1, 3), np.float32), np.zeros((2, 0), np.int64))
    with pytest.raises(ValueError, match="particle_id is missing"):
        match_candidates(graph, TrackCandidates(np.array([0])))


def test_candidates_of_another_graph_are_refused() -> None:
    graph, _ = hits_of([1, 1], [0, 0])
    with pytest.raises(ValueError, match="wanted 2: those of this graph"):
        match_candidates(graph, TrackCandidates(np.array([0])))
