"""Proton collisions by Pythia 8: one hard scattering and its pile-up."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.simulation.config import MAX_VERTICES, SimulationConfig
from edgetrack.events.simulation.dependencies import require_pythia
from edgetrack.events.simulation.particles import Particles
from edgetrack.events.simulation.standard_output import stdout_to_stderr
from edgetrack.events.simulation.streams import integer_seed, random_stream

_ATTEMPTS = 100


class CollisionGenerator:
    """Two Pythia instances, of the hard and of the soft collisions.

    Both are initialised anew for every event: a Pythia that has run remembers. Its multiparton interactions of a
    diffractive system reuse the tables of the one before when the masses agree within 1 %, which changes one collision
    in some thousands with the events simulated before. What is slow to initialise is kept in the folder `tables`,
    which the first generator fills (5 s) and the others read (0.1 s).
    """

    @stdout_to_stderr()
    def __init__(self, config: SimulationConfig, tables: Path) -> None:
        self.config = config
        self._hard = _pythia(config.hard_process, config, tables / "hard.txt") if config.hard_process else None
        self._soft = _pythia(config.soft_process, config, tables / "soft.txt")

    @stdout_to_stderr()
    def generate(self, event_id: int) -> Particles:
        """Charged stable particles of event `event_id` within `min_pt` and `max_eta`; 0.2 s, and 2 ms a collision.

        Vertex 1 is the hard collision where there is one. Vertices are spread as the luminous region (Gaussian).
        """
        config = self.config
        rng = random_stream(config.seed, event_id, "vertices")
        soft = round(config.pile_up) if config.fixed_pile_up else int(rng.poisson(config.pile_up))
        sources = ([self._hard] if self._hard is not None else []) + [self._soft] * soft
        if len(sources) > MAX_VERTICES:
            raise ValueError(f"event {event_id}: {len(sources)} vertices, wanted at most {MAX_VERTICES}; lower pile_up")
        spread = np.array([config.vertex_sigma_xy, config.vertex_sigma_xy, config.vertex_sigma_z])
        vertices = rng.normal(size=(len(sources), 3)) * spread
        if self._hard is not None:
            _restart(self._hard, integer_seed(config.seed, event_id, "hard"))
        if soft:
            _restart(self._soft, integer_seed(config.seed, event_id, "soft"))
        rows: list[tuple[float, ...]] = []
        for vertex, pythia in enumerate(sources, start=1):
            _collide(pythia, event_id)
            rows += _charged(pythia.event, vertex, config)
        return _as_particles(rows, vertices)


def _pythia(process: tuple[str, ...], config: SimulationConfig, tables: Path) -> Any:
    pythia = require_pythia().Pythia("", False)
    settings = (
        "Print:quiet = on",
        "Beams:idA = 2212",
        "Beams:idB = 2212",
        f"Beams:eCM = {config.collision_energy}",
        "Random:setSeed = on",
        "Random:seed = 1",
        "MultipartonInteractions:reuseInit = 3",
        f"MultipartonInteractions:initFile = {tables}",
    )
    for setting in (*settings, *process):
        if not pythia.readString(setting):
            raise ValueError(f"Pythia does not know the setting {setting!r}; see the Pythia 8.3 manual for its name")
    if not pythia.init():
        raise ValueError(
            f"Pythia cannot generate {process} at {config.collision_energy} GeV; check hard_process, "
            "soft_process and collision_energy"
        )
    return pythia


def _restart(pythia: Any, seed: int) -> None:
    if not pythia.init():
        raise RuntimeError("Pythia failed to initialise again; were its tables removed while it ran?")
    pythia.rndm.init(seed)


def _collide(pythia: Any, event_id: int) -> None:
    # Pythia gives up on a collision now and then and asks to be called again.
    for _ in range(_ATTEMPTS):
        if pythia.next():
            return
    raise RuntimeError(f"event {event_id}: Pythia failed {_ATTEMPTS} times in a row")


def _charged(event: Any, vertex: int, config: SimulationConfig) -> list[tuple[float, ...]]:
    min_pt2, max_slope2 = config.min_pt**2, math.sinh(config.max_eta) ** 2
    rows: list[tuple[float, ...]] = []
    for number in range(1, event.size()):
        particle = event[number]
        if particle.status() <= 0:
            continue
        charge = particle.charge()
        px, py, pz = particle.px(), particle.py(), particle.pz()
        pt2 = px * px + py * py
        if charge == 0.0 or pt2 <= min_pt2 or pz * pz > pt2 * max_slope2:
            continue
        rows.append(
            (
                vertex,
                number,
                particle.id(),
                particle.xProd(),
                particle.yProd(),
                particle.zProd(),
                particle.tProd(),
                px,
                py,
                pz,
                particle.m(),
                charge,
            )
        )
    return rows


def _as_particles(rows: list[tuple[float, ...]], vertices: np.ndarray) -> Particles:
    table = np.array(rows, np.float64).reshape(-1, 12)
    vertex = table[:, 0].astype(np.int64)
    zero = np.zeros(len(table), np.int64)
    return Particles(
        vertex=vertex,
        number=table[:, 1].astype(np.int64),
        generation=zero,
        sub_particle=zero,
        process=zero,
        pdg=table[:, 2].astype(np.int64),
        position=table[:, 3:6] + vertices[vertex - 1],
        time=table[:, 6],
        momentum=table[:, 7:10],
        mass=table[:, 10],
        charge=np.rint(table[:, 11]).astype(np.int64),
    )
