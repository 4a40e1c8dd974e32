"""One simulated event: the stages in their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgetrack.events.event import Event
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.events.simulation.detector import SimulatedDetector, build_detector
from edgetrack.events.simulation.digitization import digitize
from edgetrack.events.simulation.generator import CollisionGenerator
from edgetrack.events.simulation.interactions import first_half_turn, interact, secondaries
from edgetrack.events.simulation.material import cos_incidence
from edgetrack.events.simulation.noise import noise_crossings
from edgetrack.events.simulation.particles import Crossings, Particles
from edgetrack.events.simulation.standard_output import stdout_to_stderr
from edgetrack.events.simulation.streams import integer_seed, random_stream
from edgetrack.events.simulation.tables import as_event
from edgetrack.events.simulation.transport import transport

_GENERATIONS = 3  # primaries, products of their interactions, products of those
_MIN_COSINE = 0.1  # TrackML has no hit whose path is longer than ten thicknesses


class EventSimulator:
    """Pythia and the detector, which take seconds to set up, ready for many events.

    `tables` is a folder that simulators of the same config share, one after the other or at once when it is filled.
    """

    @stdout_to_stderr()
    def __init__(self, config: SimulationConfig, tables: Path) -> None:
        self.config = config
        self._detector = build_detector(config.magnetic_field)
        self._generator = CollisionGenerator(config, tables)

    @stdout_to_stderr()
    def simulate(self, event_id: int) -> Event:
        """Event `event_id`: a function of the config and this number alone. About 3 s of CPU at pile-up 200."""
        config, modules = self.config, self._detector.modules
        particles, crossings = propagate(self._generator.generate(event_id), self._detector, config, event_id)
        if config.noise:
            rng = random_stream(config.seed, event_id, "noise")
            crossings = Crossings.concatenate([crossings, noise_crossings(len(crossings), modules, rng)])
        clusters = digitize(crossings, modules, random_stream(config.seed, event_id, "digitization"))
        order = random_stream(config.seed, event_id, "order")
        return as_event(event_id, particles, crossings, clusters, modules, order)


def propagate(
    primaries: Particles, detector: SimulatedDetector, config: SimulationConfig, event_id: int
) -> tuple[Particles, Crossings]:
    """Carry the primaries and, generation by generation, the products of their interactions through the detector.

    Returns all particles, and the crossings of modules with `particle` their row.
    """
    tables, hits, offset = [primaries], [], 0
    for generation in range(_GENERATIONS if config.hadronic_interactions else 1):
        particles = tables[-1]
        moving = np.flatnonzero(particles.pt > config.min_transported_pt)
        seed = integer_seed(config.seed, event_id, "transport", generation)
        crossings = transport(particles.take(moving), detector, seed, passive=config.hadronic_interactions)
        crossings = crossings.of(moving[crossings.particle])
        crossings = first_half_turn(crossings, particles, config.magnetic_field)
        if config.hadronic_interactions and generation + 1 < _GENERATIONS:
            rng = random_stream(config.seed, event_id, "interactions", generation)
            crossings, vertices = interact(crossings, particles, detector.modules, rng)
            tables.append(secondaries(vertices, particles, rng))
        crossings = crossings.take(crossings.sensitive)
        crossings = crossings.take(cos_incidence(crossings, detector.modules) > _MIN_COSINE)
        hits.append(crossings.of(crossings.particle + offset))
        offset += len(particles)
    return Particles.concatenate(tables), Crossings.concatenate(hits)
