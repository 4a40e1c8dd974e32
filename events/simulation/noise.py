"""Hits of no particle."""

from __future__ import annotations

import numpy as np

from edgetrack.events.simulation.modules import Modules
from edgetrack.events.simulation.particles import Crossings

FRACTION = 0.15  # of all hits, as in the TrackML data
# TrackML at pile-up 200 has 17,315 noise hits an event whatever the number of others: 3,702 of the pixels in DeZoort
# et al. (2021), table 1, over the pixels' share of modules.
MAX_MEAN = 17_315.0
_MOMENTUM = 1e6  # GeV: TrackML gives noise hits this much, so that their direction is that of a straight line
_ORIGIN_SPREAD = 300.0  # mm, in z, of the points where these lines start


def noise_crossings(signal_hits: int, modules: Modules, rng: np.random.Generator) -> Crossings:
    """Noise beside `signal_hits` hits: Poisson, each on a random module at a random point of it.

    Every module has the same rate. `particle` is −1.
    """
    mean = min(MAX_MEAN, signal_hits * FRACTION / (1 - FRACTION))
    count = int(rng.poisson(mean))
    rows = rng.integers(len(modules), size=count)
    half_v = modules.half_v[rows]
    v = rng.uniform(-1, 1, count) * half_v
    slope = (modules.half_u_high[rows] - modules.half_u_low[rows]) / (2 * half_v)
    half_u = modules.half_u_low[rows] + slope * (v + half_v)
    u = rng.uniform(-1, 1, count) * half_u * 0.999
    position = modules.to_global(rows, np.column_stack([u, v, np.zeros(count)]))
    line = position + rng.normal(size=(count, 3)) * np.array([0.0, 0.0, _ORIGIN_SPREAD])
    return Crossings(
        particle=np.full(count, -1, np.int64),
        geometry_id=modules.geometry_id[rows],
        position=position,
        time=np.zeros(count),
        momentum=line * (_MOMENTUM / np.linalg.norm(line, axis=1, keepdims=True)),
    )
