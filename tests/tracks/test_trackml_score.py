"""TrackML's score: hand-made events, the rule hit by hit, and the challenge's own package where it is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgetrack.events.trackml import read_event
from edgetrack.tracks.trackml_score import trackml_score


def by_definition(track_id: NDArray[np.int64], particle_id: NDArray[np.int64], weight: NDArray[np.float64]) -> float:
    total = right = 0.0
    for track, particle, value in zip(track_id, particle_id, weight, strict=True):
        shared = np.count_nonzero((track_id == track) & (particle_id == particle))
        majority = 2 * shared > max(np.count_nonzero(track_id == track), np.count_nonzero(particle_id == particle))
        total, right = total + value, right + value * majority
    return right / total


def random_event(seed: int, hits: int = 60) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    particle_id = rng.integers(0, 12, hits)
    track_id = np.where(rng.random(hits) < 0.8, particle_id, rng.integers(0, 15, hits))  # 0 among them
    weight = np.where(particle_id == 0, 0.0, rng.random(hits) + 1e-6)
    return track_id, particle_id, weight / weight.sum()


def test_perfect_tracks_score_one_and_lone_hits_nothing() -> None:
    particle_id, weight = np.array([7, 7, 7, 8, 8, 0]), np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.0])
    assert trackml_score(np.array([1, 1, 1, 2, 2, 3]), particle_id, weight) == pytest.approx(1)
    assert trackml_score(np.arange(6), particle_id, weight) == 0.0


def test_more_than_half_of_track_and_of_particle_is_needed() -> None:
    weight = np.full(6, 1 / 6)
    # the track has 3 of the particle's 4 hits and 2 others: 3 / 5 and 3 / 4 count; of the pair 1 / 2 is not enough
    track_id, particle_id = np.array([1, 1, 1, 2, 1, 1]), np.array([7, 7, 7, 7, 8, 9])
    assert trackml_score(track_id, particle_id, weight) == pytest.approx(3 / 6)
    assert trackml_score(np.array([1, 1, 2, 2, 3, 4]), particle_id, weight) == pytest.approx(2 / 6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_equals_the_rule_hit_by_hit(seed: int) -> None:
    event = random_event(seed)
    assert trackml_score(*event) == pytest.approx(by_definition(*event), abs=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in the challenge's code
def test_equals_the_package_of_the_challenge(trackml_sample: Path) -> None:
    package = pytest.importorskip(
        "trackml.score",
        reason="the challenge's package is not installed: pip install git+https://github.com/LAL/trackml-library (the "
        "package called trackml on PyPI is another one)",
    )
    truth = read_event(trackml_sample, 1).truth
    assert truth is not None
    rng = np.random.default_rng(0)
    particle = np.unique(truth["particle_id"], return_inverse=True)[1]
    mixed = np.where(rng.random(len(truth)) < 0.85, particle, rng.integers(0, particle.max() + 1, len(truth)))
    events = [(track, truth["particle_id"].to_numpy(), truth["weight"].to_numpy(float)) for track in (particle, mixed)]
    for track_id, particle_id, weight in [*events, *(random_event(seed) for seed in range(50))]:
        hits = {"hit_id": np.arange(len(weight)) + 1}
        wanted = package.score_event(
            pd.DataFrame(hits | {"particle_id": particle_id, "weight": weight}),
            pd.DataFrame(hits | {"track_id": track_id}),
        )
        assert trackml_score(track_id, particle_id, weight) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("track_id", "weight", "message"),
    [([1], [0.5, 0.5], r"wanted \(H,\)"), ([1, 1], [1.5, -0.5], "weights"), ([1, 1], [0.0, 0.0], "weights")],
)
def test_what_cannot_be_scored_is_refused(track_id: list[int], weight: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trackml_score(np.array(track_id), np.array([1, 1]), np.array(weight))
