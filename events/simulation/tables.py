"""From clusters and crossings to the tables of an `Event`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.events.event import CELL_COLUMNS, HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.events.simulation.digitization import Clusters
from edgetrack.events.simulation.modules import Modules
from edgetrack.events.simulation.particles import Crossings, Particles
from edgetrack.events.simulation.truth import hit_weights


def as_event(
    event_id: int,
    particles: Particles,
    crossings: Crossings,
    clusters: Clusters,
    modules: Modules,
    rng: np.random.Generator,
) -> Event:
    """The event in TrackML's tables. Hits are ordered by volume, layer and module, at random within a module."""
    module = modules.rows(crossings.geometry_id[clusters.crossing])
    order = np.lexsort(
        (rng.permutation(len(module)), modules.module_id[module], modules.layer_id[module], modules.volume_id[module])
    )
    hit_id = np.empty(len(order), np.int64)
    hit_id[order] = np.arange(1, len(order) + 1)
    module, position = module[order], clusters.position[order]
    hits = pd.DataFrame(
        {
            "hit_id": np.arange(1, len(order) + 1),
            **_columns("xyz", position),
            "volume_id": modules.volume_id[module],
            "layer_id": modules.layer_id[module],
            "module_id": modules.module_id[module],
        }
    )
    cells = pd.DataFrame(
        {
            "hit_id": hit_id[clusters.cell_hit],
            "ch0": clusters.channel[:, 0],
            "ch1": clusters.channel[:, 1],
            "value": clusters.value,
        }
    ).sort_values("hit_id", kind="stable", ignore_index=True)
    true = crossings.take(clusters.crossing[order])
    particle_hits = np.bincount(true.particle[true.particle >= 0], minlength=len(particles))
    return Event(
        event_id=event_id,
        hits=hits.astype(HIT_COLUMNS),
        cells=cells.astype(CELL_COLUMNS),
        truth=_truth(true, particles, particle_hits),
        particles=_particles(particles, particle_hits),
    )


def _truth(true: Crossings, particles: Particles, particle_hits: NDArray[np.int64]) -> pd.DataFrame:
    signal = true.particle >= 0
    particle_id = np.zeros(len(true), np.int64)
    particle_id[signal] = particles.particle_id[true.particle[signal]]
    distance = np.zeros(len(true))
    distance[signal] = np.abs(true.position[signal, 2] - particles.position[true.particle[signal], 2])
    return pd.DataFrame(
        {
            "hit_id": np.arange(1, len(true) + 1),
            "particle_id": particle_id,
            **_columns(("tx", "ty", "tz"), true.position),
            **_columns(("tpx", "tpy", "tpz"), true.momentum),
            "weight": hit_weights(true.particle, distance, particle_hits, particles.pt, particles.generation == 0),
        }
    ).astype(TRUTH_COLUMNS)


def _particles(particles: Particles, particle_hits: NDArray[np.int64]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "particle_id": particles.particle_id,
            "particle_type": particles.pdg,
            **_columns(("vx", "vy", "vz"), particles.position),
            **_columns(("px", "py", "pz"), particles.momentum),
            "q": particles.charge,
            "nhits": particle_hits,
        }
    ).sort_values("particle_id", ignore_index=True)
    return table.astype({**PARTICLE_COLUMNS, "particle_type": "int64"})


def _columns(names: tuple[str, ...] | str, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {name: values[:, k] for k, name in enumerate(names)}
