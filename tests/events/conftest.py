"""A hand-made event of three hits, two of one particle and one of noise."""

from __future__ import annotations

import pandas as pd
import pytest

from edgetrack.events.event import Event


@pytest.fixture(scope="session")
def tiny_event() -> Event:
    hits = pd.DataFrame(
        {
            "hit_id": [1, 2, 5],
            "x": [32.5, 72.25, -0.1],
            "y": [0.5, 1.125, 115.0],
            "z": [-4.0, -9.5, 700.75],
            "volume_id": [8, 8, 9],
            "layer_id": [2, 4, 2],
            "module_id": [11, 23, 7],
        }
    )
    truth = pd.DataFrame(
        {
            "hit_id": [1, 2, 5],
            "particle_id": [4503668346847232, 4503668346847232, 0],
            "tx": [32.5, 72.25, -0.1],
            "ty": [0.5, 1.125, 115.0],
            "tz": [-4.0, -9.5, 700.75],
            "tpx": [1.5, 1.5, -1e6],
            "tpy": [0.25, 0.25, 2.0],
            "tpz": [-0.5, -0.5, 1e6],
            "weight": [0.5, 0.5, 0.0],
        }
    )
    particles = pd.DataFrame(
        {
            "particle_id": [4503668346847232],
            "particle_type": [-211],
            "vx": [0.01],
            "vy": [-0.02],
            "vz": [-3.5],
            "px": [1.5],
            "py": [0.25],
            "pz": [-0.5],
            "q": [-1],
            "nhits": [2],
        }
    )
    cells = pd.DataFrame(
        {
            "hit_id": [1, 1, 2, 5],
            "ch0": [12, 13, 300, 4],
            "ch1": [700, 700, 3, 1250],
            "value": [0.1, 0.25, 0.3, 0.01],
        }
    )
    return Event(7, hits, truth, particles, cells)
