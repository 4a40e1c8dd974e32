"""Hit weights equal those of TrackML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from edgetrack.events.simulation.truth import hit_weights
from edgetrack.events.trackml import read_event

GENERATION_BITS = 0xFFF


def test_weights_equal_those_of_a_trackml_event(trackml_sample: Path) -> None:
    event = read_event(trackml_sample, 1)
    assert event.truth is not None
    assert event.particles is not None
    truth, particles = event.truth, event.particles
    row = pd.Index(particles["particle_id"]).get_indexer(truth["particle_id"])
    distance = np.where(row >= 0, np.abs(truth["tz"] - particles["vz"].to_numpy()[row]), 0.0)
    primary = (particles["particle_id"].to_numpy() >> 24) & GENERATION_BITS == 0
    px, py = (particles[name].to_numpy(np.float64) for name in ("px", "py"))
    pt = np.hypot(px, py)
    ours = hit_weights(row, distance, particles["nhits"].to_numpy(np.int64), pt, primary)
    theirs = truth["weight"].to_numpy(np.float64)
    assert np.array_equal(ours > 0, theirs > 0)
    # the file is a part of an event whose weights sum to 1, and has six digits
    np.testing.assert_allclose(ours * theirs.sum(), theirs, rtol=2e-4)
    assert len(np.unique(theirs)) > 1000


def weights(particle: list[int], distance: list[float], pt: list[float], primary: list[bool]) -> np.ndarray:
    owner = np.array(particle)
    hits = np.bincount(owner[owner >= 0], minlength=len(pt))
    return hit_weights(owner, np.array(distance), hits, np.array(pt), np.array(primary))


def test_noise_short_tracks_and_secondaries_weigh_nothing() -> None:
    #        four hits     three    secondary      noise
    owner = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, -1]
    found = weights(owner, [1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4, 0], [1.0, 1.0, 1.0], [True, True, False])
    assert (found[:4] > 0).all()
    assert not found[4:].any()
    assert abs(found.sum() - 1) < 1e-12


def test_hits_are_weighed_in_the_order_of_their_distance() -> None:
    # of four hits the shape 10, 8, 6, 5, 3, 3, 3, 5, 6 has the values 10, 16 / 3, 3, 6 at 0, 8/3, 16/3 and 8
    shape = np.array([10, 16 / 3, 3, 6])
    np.testing.assert_allclose(weights([0, 0, 0, 0], [1, 2, 3, 4], [1.0], [True]), shape / shape.sum())
    np.testing.assert_allclose(weights([0, 0, 0, 0], [3, 1, 4, 2], [1.0], [True]), shape[[2, 0, 3, 1]] / shape.sum())


def test_weight_grows_with_pt_between_half_and_three_gev() -> None:
    owner = np.repeat(np.arange(4), 4).tolist()
    found = weights(owner, [1, 2, 3, 4] * 4, [0.1, 0.5, 1.75, 9.0], [True] * 4).reshape(4, 4).sum(axis=1)
    np.testing.assert_allclose(found, np.array([0.2, 0.2, 0.6, 1.0]) / 2.0)


def test_event_without_weights_stays_without() -> None:
    assert not weights([-1, -1], [0, 0], [], []).any()
