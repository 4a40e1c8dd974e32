"""Whole simulated events: bitwise deterministic, whole, resumable, and refused where something is wrong."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetrack.events.event import Event
from edgetrack.events.simulation import SimulationConfig, generator, simulate
from edgetrack.events.simulation.event import EventSimulator
from edgetrack.events.simulation.generator import CollisionGenerator
from edgetrack.events.simulation.particles import Particles
from edgetrack.events.simulation.stamp import claim_folder
from edgetrack.events.trackml import find_events, read_event

# without diffraction Pythia is ready in half a second instead of five
SMALL = SimulationConfig(pile_up=1.0, soft_process=("SoftQCD:nonDiffractive = on",), seed=7)


@pytest.fixture(scope="module", autouse=True)
def _generators() -> None:
    for module in ("acts", "pythia8mc"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'edgetrack[sim]'")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pythia's tables, for configs that differ from `SMALL` in other things than the collisions."""
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def event(tables: Path) -> Event:
    return EventSimulator(replace(SMALL, pile_up=10.0), tables).simulate(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one-worker")
    assert simulate(SMALL, path, 3) == [0, 1, 2]
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same(one: Particles, two: Particles) -> bool:
    return np.array_equal(one.momentum, two.momentum) and np.array_equal(one.particle_id, two.particle_id)


def test_bytes_do_not_depend_on_workers_order_or_neighbours(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = simulate(replace(SMALL, workers=2), tmp_path, [2, 1], lambda done, wanted: seen.append((done, wanted)))
    assert made == [2, 1]
    assert seen == [(0, 2), (1, 2), (2, 2)]
    ours, theirs = contents(tmp_path), contents(folder)
    assert {name for name in theirs if name not in ours} == {
        f"event000000000-{table}.csv.gz" for table in ("hits", "truth", "particles", "cells")
    }
    assert all(ours[name] == theirs[name] for name in ours)


def test_another_seed_gives_other_events(folder: Path, tables: Path) -> None:
    other = EventSimulator(replace(SMALL, seed=8), tables).simulate(0).hits
    assert not np.array_equal(other["x"], read_event(folder, 0).hits["x"])
    assert not np.array_equal(read_event(folder, 1).hits["x"][:50], read_event(folder, 0).hits["x"][:50])


def test_collisions_do_not_depend_on_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pythia keeps the tables of the last diffractive mass: without a restart, event 14 differs after event 15
    config = SimulationConfig(pile_up=200.0, seed=42)
    fresh = CollisionGenerator(config, tmp_path).generate(14)
    used = CollisionGenerator(config, tmp_path)
    after = used.generate(15)
    assert same(fresh, used.generate(14))
    assert not same(fresh, after)
    assert len(fresh) > 5000
    # the twin: with new random numbers alone the history shows
    monkeypatch.setattr(generator, "_restart", lambda pythia, seed: pythia.rndm.init(seed))
    used.generate(15)
    assert not same(fresh, used.generate(14))


def test_events_that_are_there_are_kept(folder: Path) -> None:
    before = contents(folder)
    (folder / "event000000001-truth.csv.gz").unlink()
    seen: list[tuple[int, int]] = []
    assert simulate(SMALL, folder, range(3), lambda done, wanted: seen.append((done, wanted))) == [1]
    assert seen == [(2, 3), (3, 3)]
    assert contents(folder) == before


@pytest.mark.parametrize("length", [0, 1000])
def test_a_damaged_event_is_simulated_again(folder: Path, length: int) -> None:
    before = contents(folder)
    file = folder / "event000000002-hits.csv.gz"
    file.write_bytes(before[file.name][:length])
    assert simulate(SMALL, folder, range(3)) == [2]
    assert contents(folder) == before


def test_events_of_another_config_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"simulated otherwise: pile_up = 1.0, wanted 2.0; seed = 7, wanted 9"):
        simulate(replace(SMALL, pile_up=2.0, seed=9), folder, 3)
    assert simulate(replace(SMALL, workers=4), folder, 3) == []


def test_events_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "event000000000-hits.csv").write_text("hit_id\n")
    with pytest.raises(ValueError, match=r"no simulation\.json"):
        simulate(SMALL, tmp_path, 1)


def test_tables_of_an_event_agree(event: Event) -> None:
    assert event.truth is not None
    assert event.particles is not None
    assert event.cells is not None
    hits, truth, particles = event.hits, event.truth, event.particles
    assert np.array_equal(hits["hit_id"], np.arange(1, len(hits) + 1))
    address = hits[["volume_id", "layer_id", "module_id"]].to_numpy()
    assert np.array_equal(np.lexsort(address.T[::-1]), np.arange(len(hits)))
    assert set(truth["particle_id"]) <= {0, *particles["particle_id"]}
    counts = truth["particle_id"].value_counts()
    assert np.array_equal(particles["nhits"], particles["particle_id"].map(counts).fillna(0))
    assert set(event.cells["hit_id"]) == set(hits["hit_id"])
    assert abs(truth["weight"].sum() - 1) < 1e-4
    shift = np.linalg.norm(hits[["x", "y", "z"]].to_numpy() - truth[["tx", "ty", "tz"]].to_numpy(), axis=1)
    pixel = hits["volume_id"] < 10
    assert np.median(shift[pixel]) < 0.03
    assert shift[pixel].max() < 3.0


def test_noise_is_fifteen_percent_and_can_be_left_out(event: Event, tables: Path) -> None:
    assert event.truth is not None
    assert 0.12 < (event.truth["particle_id"] == 0).mean() < 0.18
    silent = EventSimulator(replace(SMALL, pile_up=10.0, noise=False), tables).simulate(3)
    assert silent.truth is not None
    assert (silent.truth["particle_id"] != 0).all()
    assert len(silent.hits) == (event.truth["particle_id"] != 0).sum()


def test_secondaries_come_from_the_material_and_can_be_left_out(event: Event, tables: Path) -> None:
    assert event.particles is not None
    particles = event.particles
    generation = (particles["particle_id"].to_numpy() >> 24) & 0xFFF
    radius = np.hypot(particles["vx"], particles["vy"])
    assert set(generation) == {0, 1, 2}
    assert (radius[generation > 0] > 18).all()
    calm = EventSimulator(replace(SMALL, pile_up=10.0, hadronic_interactions=False), tables).simulate(3)
    assert calm.particles is not None
    assert np.array_equal(calm.particles["particle_id"], particles["particle_id"][generation == 0])


def test_hits_of_a_particle_lie_on_its_helix(event: Event) -> None:
    assert event.truth is not None
    assert event.particles is not None
    hits = event.truth.merge(event.particles.query("nhits >= 5"), on="particle_id")
    pt = np.hypot(hits["px"], hits["py"])
    hits = hits[(pt > 1) & (np.hypot(hits["vx"], hits["vy"]) < 1) & (np.hypot(hits["tx"], hits["ty"]) < 200)]
    # turn of the direction over the arc: κ = 0.3 B q / pT, in 2 T
    angle = np.arctan2(hits["ty"] - hits["vy"], hits["tx"] - hits["vx"]) - np.arctan2(hits["py"], hits["px"])
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    chord = np.hypot(hits["tx"] - hits["vx"], hits["ty"] - hits["vy"])
    expected = -np.arcsin(0.3 * 2.0 * hits["q"] * chord / 1e3 / (2 * np.hypot(hits["px"], hits["py"])))
    assert len(hits) > 50
    assert np.median(np.abs(angle - expected)) < 2e-3
    assert np.median(np.abs(angle + expected)) > 5e-3  # the opposite charge would not fit


def test_empty_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wanted different numbers"):
        simulate(SMALL, tmp_path, [1, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pile_up": -1.0}, "pile_up = -1.0"),
        ({"pile_up": 5000.0}, "vertex numbers must fit"),
        ({"pile_up": 0.0, "hard_process": ()}, "nothing to simulate"),
        ({"workers": 0}, "at least 1 process"),
        ({"seed": -3}, "an integer ≥ 0"),
        ({"vertex_sigma_z": float("nan")}, "vertex_sigma_z = nan"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulationConfig(**settings)  # type: ignore[arg-type]


def test_unknown_pythia_setting_is_refused(tables: Path) -> None:
    with pytest.raises(ValueError, match="Top:unknown"):
        CollisionGenerator(replace(SMALL, hard_process=("Top:unknown = on",)), tables)


@pytest.mark.parametrize("module", ["acts", "pythia8mc"])
def test_missing_package_names_its_remedy(module: str, tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"edgetrack\[sim\]"):
        EventSimulator(SMALL, tables)


def test_folder_holds_what_find_events_finds(folder: Path) -> None:
    assert find_events(folder) == [0, 1, 2]


def test_a_config_that_made_no_event_can_be_corrected(tmp_path: Path) -> None:
    claim_folder(tmp_path, SimulationConfig(seed=1))
    claim_folder(tmp_path, SimulationConfig(seed=2))
    (tmp_path / "event000000000-hits.csv.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="seed = 2, wanted 3"):
        claim_folder(tmp_path, SimulationConfig(seed=3))
