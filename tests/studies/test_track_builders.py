"""The rows of track builders, on graphs where each of them goes another way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.studies.track_builders import BUILDERS, FIGURES, builder_cases
from edgetrack.tracks.building import TrackBuildingConfig

LOGITS = np.array([4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 1.0])


def bridged_tracks(name: str = "event") -> HitGraph:
    """Particles 1 and 2 of four hits, 2 and 4 GeV, and a false edge between them that scores above 0."""
    x = np.column_stack([np.tile([0.04, 0.07, 0.11, 0.17], 2), np.repeat([0.1, 0.11], 4), np.zeros(8)])
    edges = np.array([(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (1, 6)]).T
    pt, eta = np.repeat([2.0, 4.0], 4), np.repeat([0.2, -0.2], 4)
    return HitGraph(x, edges, np.array([True] * 6 + [False]), np.repeat([1, 2], 4), pt, eta, name=name)


def cases(validation_logits: NDArray[np.float64] = LOGITS) -> dict[str, dict[str, Any]]:
    validation, test = ([bridged_tracks()], [validation_logits]), ([bridged_tracks("test")], [LOGITS])
    return {case["name"]: case for case in builder_cases(2.0, validation, test, 0.0)}


def test_every_builder_cuts_where_the_validation_graphs_say() -> None:
    found = cases()
    assert list(found) == list(BUILDERS)
    assert all(1.0 <= found[name]["cut"] < 4.0 for name in ("union-find", "DBSCAN"))
    assert all(case["double_majority"] == case["perfect"] == case["lhc"] == 1.0 for case in found.values())
    # on a validation graph where the bridge scores low, 0 is best, and components then join both particles of the test
    wrong = cases(np.array([0.3] * 6 + [-6.0]))
    assert wrong["union-find"]["cut"] < 0.3
    assert (wrong["union-find"]["double_majority"], wrong["union-find"]["fake_rate"]) == (0.0, 1.0)
    assert wrong["best neighbours"]["double_majority"] == 1.0


def test_bins_hold_the_particles_of_their_pt_and_eta() -> None:
    case = cases()["best neighbours"]
    by_pt = [(one["low"], one["high"], one["particles"], one["perfect"]) for one in case["by_pt"]]
    assert by_pt == [(2, 3, 1, 1.0), (3, 5, 1, 1.0)]
    assert [(b["low"], b["particles"]) for b in case["by_eta"]] == [(-0.5, 1), (0.0, 1)]
    assert all(f"{figure}_interval" in case["by_pt"][0] for figure in FIGURES)


def test_dbscan_with_two_samples_is_union_find_and_with_three_is_not() -> None:
    pair = replace(bridged_tracks(), edge_index=np.array([(0, 1), (4, 5), (5, 6), (6, 7)]).T, y=np.ones(4, bool))
    both = [([pair], [np.full(4, 2.0)])] * 2
    builders = {"union-find": BUILDERS["union-find"], "two": TrackBuildingConfig("dbscan", min_samples=2)}
    rows = builder_cases(1.0, both[0], both[1], 0.0, builders={**builders, "three": BUILDERS["DBSCAN"]})
    union, two, three = ({key: row[key] for key in ("candidates", *FIGURES)} for row in rows)
    assert union == two
    assert (union["candidates"], three["candidates"]) == (2, 1)


def test_only_dbscan_above_two_gev_was_published() -> None:
    found = cases()
    assert found["DBSCAN"]["published"] == {"perfect": 0.9361, "double_majority": 0.9797}
    assert found["union-find"]["published"] is found["best neighbours"]["published"] is None


def test_graphs_without_particles_are_refused() -> None:
    bare = ([replace(bridged_tracks(), particle_id=None)], [LOGITS])
    with pytest.raises(ValueError, match="no particle_id"):
        builder_cases(2.0, bare, bare, 0.0)
