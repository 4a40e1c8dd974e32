"""Hit selection: each filter alone, on hand-made hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.graphs.layers import PIXEL_LAYERS, layer_index
from edgetrack.graphs.selection import SelectedHits, SelectionConfig, select_hits, selection

ALL = SelectionConfig(eta_max=None, pt_min=None, drop_noise=False, drop_duplicates=False)
# r, φ, z, layer, particle; the event's hit_id are 10, 20, …
HITS = [
    (33.0, 0.1, 5.0, 0, 7),
    (32.0, 0.1, 5.0, 0, 7),  # the same particle and layer, nearer to the beam
    (72.0, 0.1, 9.0, 1, 7),
    (32.0, 2.0, 5.0, 0, 0),  # noise
    (32.0, 2.1, 5.0, 0, 0),
    (40.0, -1.0, 1502.0, 17, 8),  # η = 4.3
]
MOMENTA = {8: (0.0, 0.9, 30.0), 7: (0.6, 0.8, 0.75)}


def ids(hits: SelectedHits) -> list[int]:
    numbers: list[int] = hits.hit_id.tolist()
    return numbers


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [10, 20, 30, 40, 50, 60]),
        ({"volumes": (8,)}, [10, 20, 30, 40, 50]),
        ({"volumes": (9, 7)}, [60]),
        ({"eta_max": 4.0}, [10, 20, 30, 40, 50]),
        ({"eta_max": 4.4}, [10, 20, 30, 40, 50, 60]),
        ({"drop_noise": True}, [10, 20, 30, 60]),
        ({"drop_duplicates": True}, [20, 30, 40, 50, 60]),
        ({"pt_min": 0.95}, [10, 20, 30, 40, 50]),
        ({"pt_min": 0.85}, [10, 20, 30, 40, 50, 60]),
        ({"pt_min": 0.95, "drop_noise": True, "drop_duplicates": True}, [20, 30]),
    ],
)
def test_each_filter_keeps_what_it_says(
    change: dict[str, Any], expected: list[int], make_event: Callable[..., Event]
) -> None:
    assert ids(select_hits(make_event(HITS, MOMENTA), replace(ALL, **change))) == expected


def test_selected_hits_carry_coordinates_layers_and_truth(make_event: Callable[..., Event]) -> None:
    hits = select_hits(make_event(HITS, MOMENTA), ALL)
    assert hits.layer.tolist() == [0, 0, 1, 0, 0, 17]
    np.testing.assert_allclose(hits.r, [row[0] for row in HITS], rtol=1e-6)
    np.testing.assert_allclose(hits.phi, [row[1] for row in HITS], rtol=1e-6)
    assert hits.z.tolist() == [row[2] for row in HITS]
    assert hits.particle_id is not None
    assert hits.pt is not None
    assert hits.eta is not None
    assert hits.particle_id.tolist() == [7, 7, 7, 0, 0, 8]
    np.testing.assert_allclose(hits.pt, [1, 1, 1, np.nan, np.nan, 0.9], rtol=1e-6)
    np.testing.assert_allclose(hits.eta[[0, 5]], np.arcsinh([0.75, 30 / 0.9]), rtol=1e-6)


def test_without_truth_every_filter_of_truth_is_off(make_event: Callable[..., Event]) -> None:
    event = make_event(HITS, truth=False)
    hits = select_hits(event, SelectionConfig().without_truth())
    assert ids(hits) == [10, 20, 30, 40, 50, 60]
    assert hits.particle_id is None
    assert hits.pt is None


@pytest.mark.parametrize("change", [{"drop_noise": True}, {"drop_duplicates": True}, {"pt_min": 1.0}])
def test_asking_for_truth_that_is_not_there_is_an_error(
    change: dict[str, Any], make_event: Callable[..., Event]
) -> None:
    with pytest.raises(ValueError, match=rf"event 3 has no truth, but selection\.{next(iter(change))} needs it"):
        select_hits(make_event(HITS, truth=False), replace(ALL, **change))


def test_pt_cut_without_particles_is_an_error(make_event: Callable[..., Event]) -> None:
    with pytest.raises(ValueError, match="has no particles"):
        select_hits(make_event(HITS), replace(ALL, pt_min=1.0))


def test_particle_without_momentum_passes_no_pt_cut(make_event: Callable[..., Event]) -> None:
    event = make_event(HITS, {8: MOMENTA[8]})
    assert ids(select_hits(event, replace(ALL, pt_min=0.0))) == [40, 50, 60]


def test_equal_radii_are_decided_by_hit_id(make_event: Callable[..., Event]) -> None:
    event = make_event([HITS[1], HITS[1], HITS[1]])
    assert ids(select_hits(event, replace(ALL, drop_duplicates=True))) == [10]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"volumes": (8, 13)}, "wanted some of the pixel volumes"),
        ({"volumes": ()}, "wanted some of the pixel volumes"),
        ({"pt_min": -1.0}, "pt_min = -1.0, wanted a number"),
        ({"eta_max": float("nan")}, "eta_max = nan"),
    ],
)
def test_bad_selection_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectionConfig(**change)


def test_layer_index_follows_the_table_and_is_minus_one_elsewhere() -> None:
    volume, layer = np.array(PIXEL_LAYERS).T
    assert layer_index(volume, layer).tolist() == list(range(18))
    assert layer_index([8, 13, 7, -1, 8, 9], [3, 2, 16, 2, -2, 99]).tolist() == [-1] * 6


@pytest.mark.parametrize(
    "change",
    [
        {"layer": [0, 18]},
        {"phi": [0.0, 4.0]},
        {"r": [1.0, 0.0]},
        {"z": [0.0, np.nan]},
        {"pt": [1.0]},
    ],
)
def test_impossible_hits_are_refused(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"r": [1.0, 2.0], "phi": [0.0, 0.0], "z": [0.0, 0.0], "layer": [0, 1], "hit_id": [1, 2]}
    SelectedHits(**good)
    with pytest.raises(ValueError, match="hits: "):
        SelectedHits(**{**good, **change})


def test_default_selection_of_a_real_event_has_one_hit_a_particle_and_layer(trackml_sample: object) -> None:
    from edgetrack.events.trackml import read_event

    hits = select_hits(read_event(str(trackml_sample), 1), SelectionConfig())
    assert len(hits) == 235
    assert hits.particle_id is not None
    assert hits.pt is not None
    assert len(np.unique(np.column_stack([hits.particle_id, hits.layer]), axis=0)) == len(hits)
    assert hits.pt.min() > 1.0


def test_cuts_come_before_the_choice_among_a_particles_hits_on_a_layer(make_event: Callable[..., Event]) -> None:
    near, far = (31.0, 0.1, 125.0, 0, 7), (33.0, 0.1, 60.0, 0, 7)  # |η| = 2.09 and 1.36
    event = make_event([near, far])
    assert ids(select_hits(event, replace(ALL, drop_duplicates=True))) == [10]
    assert ids(select_hits(event, replace(ALL, drop_duplicates=True, eta_max=2.0))) == [20]


def test_every_hit_that_is_left_out_is_counted_once_with_its_reason(make_event: Callable[..., Event]) -> None:
    odd = [(33.0, 0.1, 5.0, 0, 9), (71.0, 0.2, 5.0, 1, 7)]  # of a particle that is not listed; a second hit on a layer
    event = make_event([*HITS, *odd], MOMENTA)
    hits, left_out = selection(event, SelectionConfig(volumes=(8,), eta_max=0.155, pt_min=0.95))
    assert ids(hits) == [10, 80]
    assert left_out == {
        "not in volumes 8": 1,
        "|η| not below 0.155": 3,  # two of them noise: a hit is counted at the first cut that it fails
        "particle not in the list": 1,
        "further hit of a particle on a layer": 1,
    }


def test_an_event_of_another_detector_is_refused_with_its_volumes(make_event: Callable[..., Event]) -> None:
    event = make_event(HITS, MOMENTA)
    other = replace(event, hits=event.hits.assign(volume_id=np.int32(13)))
    with pytest.raises(EventError, match=r"event 3, hits: no hit on .* volumes 7, 8, 9; the hits lie in volumes 13:"):
        select_hits(other, ALL)
    with pytest.raises(EventError, match="no hit on a pixel layer of volumes 9; the hits lie in volumes 8"):
        select_hits(make_event(HITS[:3]), replace(ALL, volumes=(9,)))


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (0.001, r"volume 8, layer 2 lie at r = 0\.032 \(median\), wanted about 32 mm; they look like metres: multiply"),
        (0.1, "wanted about 32 mm; use events of the TrackML detector"),
        (1.3, "volume 8, layer 2 lie at r = 41.6"),
    ],
)
def test_hits_in_metres_or_on_layers_elsewhere_are_refused(
    factor: float, message: str, make_event: Callable[..., Event]
) -> None:
    scaled = [(r * factor, phi, z * factor, *rest) for r, phi, z, *rest in HITS]
    with pytest.raises(EventError, match=message):
        select_hits(make_event(scaled, MOMENTA), ALL)


def test_discs_on_the_wrong_side_are_refused(make_event: Callable[..., Event]) -> None:
    r, phi, z, *rest = HITS[-1]
    with pytest.raises(EventError, match="volume 9, layer 14 lie at z = -1502"):
        select_hits(make_event([(r, phi, -z, *rest)]), ALL)
