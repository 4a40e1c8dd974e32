"""Simulated collisions in TrackML form: Pythia 8, ACTS Fatras, interactions, noise, digitisation, truth."""

from edgetrack.events.simulation.batch import simulate
from edgetrack.events.simulation.config import SimulationConfig

__all__ = ["SimulationConfig", "simulate"]
