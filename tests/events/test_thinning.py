"""Thinning: shares of particles and noise, disjoint parts, the same from the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from edgetrack.events.event import CELL_COLUMNS, HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.thinning import ThinConfig, thin, thinned
from edgetrack.events.trackml import read_event, write_event

PARTICLES, NOISE = 400, 600


def table(columns: dict[str, str], rows: int, **values: object) -> pd.DataFrame:
    return pd.DataFrame({name: values.get(name, np.zeros(rows)) for name in columns}).astype(columns)


@pytest.fixture(scope="module")
def event() -> Event:
    """400 particles of 3–9 hits, one more without hits, and 600 noise hits, shuffled."""
    rng = np.random.default_rng(5)
    owner = np.concatenate([np.repeat(np.arange(1, PARTICLES + 1), rng.integers(3, 10, PARTICLES)), np.zeros(NOISE)])
    owner = rng.permutation(owner.astype(int))
    hit_id = np.arange(len(owner)) + 11
    x, y, z = rng.normal(0, 100, (3, len(owner)))
    ids = np.arange(1, PARTICLES + 2)
    return Event(
        17,
        table(HIT_COLUMNS, len(owner), hit_id=hit_id, x=x, y=y, z=z),
        table(TRUTH_COLUMNS, len(owner), hit_id=hit_id, particle_id=owner, weight=rng.random(len(owner))),
        table(PARTICLE_COLUMNS, len(ids), particle_id=ids, vx=rng.normal(size=len(ids))),
        table(CELL_COLUMNS, 1, hit_id=hit_id[:1]),
    )


def owners(event: Event) -> NDArray[np.int64]:
    assert event.truth is not None
    owner: NDArray[np.int64] = event.truth["particle_id"].to_numpy()
    return owner


def ids(event: Event, name: str = "hits", column: str = "hit_id") -> set[int]:
    return set(getattr(event, name)[column].tolist())


def test_every_particle_comes_whole_and_in_one_part_only(event: Event) -> None:
    parts = list(thinned(event, ThinConfig(0.1)))
    assert [part.event_id for part in parts] == list(range(170, 180))
    found = [set(owners(part)) - {0} for part in parts]
    assert sum(map(len, found)) == len(set.union(*found)) == PARTICLES
    for part, particles in zip(parts, found, strict=True):
        assert np.isin(owners(event), list(particles)).sum() == np.count_nonzero(owners(part))
        assert ids(part, "particles", "particle_id") == particles
    assert sum(len(part.hits) for part in parts) == len(set.union(*map(ids, parts)))


def test_hits_keep_their_order_their_truth_and_their_weight_and_lose_their_cells(event: Event) -> None:
    part = thin(event, ThinConfig(0.25), 2)
    rows = np.flatnonzero(event.hits["hit_id"].isin(part.hits["hit_id"]))
    assert event.truth is not None
    assert part.truth is not None
    pd.testing.assert_frame_equal(part.hits, event.hits.iloc[rows].reset_index(drop=True))
    pd.testing.assert_frame_equal(part.truth, event.truth.iloc[rows].reset_index(drop=True))
    assert part.cells is None
    assert event.cells is not None


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_noise_is_its_share_of_the_hits_of_each_part(event: Event, noise: float) -> None:
    for part in thinned(event, ThinConfig(0.2, noise)):
        hits, noise_hits = len(part.hits), np.count_nonzero(owners(part) == 0)
        assert abs(noise_hits - noise * hits) <= 1


def test_an_event_of_little_noise_gives_all_it_has_in_equal_shares(event: Event) -> None:
    parts = list(thinned(event, ThinConfig(0.1, noise=0.9)))
    assert sum(np.count_nonzero(owners(part) == 0) for part in parts) == NOISE
    shares = [np.mean(owners(part) == 0) for part in parts]
    assert max(shares) - min(shares) < 0.02


def test_numbers_of_particles_are_the_fraction_and_fluctuate(event: Event) -> None:
    numbers = [len(part.particles) for part in thinned(event, ThinConfig(0.05)) if part.particles is not None]
    assert np.mean(numbers) == PARTICLES / 20
    assert len(set(numbers)) > 4
    third = ThinConfig(0.3)
    assert third.parts == 3
    kept = sum(len(part.particles) for part in thinned(event, third) if part.particles is not None)
    assert abs(kept / PARTICLES - 0.9) < 0.06  # a tenth belongs to no part


def test_one_part_alone_is_that_of_all_parts_and_another_seed_or_event_gives_others(event: Event) -> None:
    config = ThinConfig(0.1, seed=3)
    for number, part in enumerate(thinned(event, config)):
        alone = thin(event, config, number)
        pd.testing.assert_frame_equal(alone.hits, part.hits)
        assert ids(part) != ids(thin(event, replace(config, seed=4), number))
        assert ids(part) != ids(thin(replace(event, event_id=18), config, number))


def test_a_part_without_hits_is_left_out_of_all_and_refused_alone(event: Event) -> None:
    config = ThinConfig(0.001, noise=0.0)
    numbers = [part.event_id - 17_000 for part in thinned(event, config)]
    assert 250 < len(numbers) < PARTICLES
    empty = min(set(range(1000)) - set(numbers))
    with pytest.raises(ValueError, match=f"event 17: part {empty} of 1000 has no hit; give a larger"):
        thin(event, config, empty)


def test_the_whole_fraction_keeps_every_particle(event: Event) -> None:
    (whole,) = thinned(event, ThinConfig(1.0, 0.05))
    assert set(owners(whole)) == set(range(PARTICLES + 1))


def test_real_trackml_files_take_the_same_path(trackml_sample: Path, tmp_path: Path) -> None:
    event = read_event(trackml_sample, 1)
    parts = list(thinned(event, ThinConfig(0.1)))
    assert len(parts) == 10
    for part in parts:
        write_event(part, tmp_path)
        pd.testing.assert_frame_equal(read_event(tmp_path, part.event_id).hits, part.hits)
    found = [set(owners(part)) - {0} for part in parts]
    assert sum(map(len, found)) == len(set.union(*found)) == len(set(owners(event)) - {0})


def test_an_event_without_truth_is_refused(event: Event) -> None:
    with pytest.raises(ValueError, match="event 17 has no truth, which tells the hits of a particle; thin events with"):
        thin(replace(event, truth=None), ThinConfig())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fraction": 0.0}, r"thin.fraction = 0.0, wanted above 0 and at most 1"),
        ({"fraction": 1.5}, r"thin.fraction = 1.5"),
        ({"noise": 1.0}, r"thin.noise = 1.0, wanted from 0 to below 1"),
        ({"seed": -1}, r"thin.seed = -1"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ThinConfig(**values)  # type: ignore[arg-type]


def test_a_part_that_does_not_exist_is_refused(event: Event) -> None:
    with pytest.raises(ValueError, match=r"part = 10, wanted 0…9"):
        thin(event, ThinConfig(0.1), 10)
