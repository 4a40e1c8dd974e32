"""Thinning: one event of high pile-up → many disjoint events of low pile-up.

M. Mieskolainen, "HyperTrack: Neural Combinatorics for High Energy Physics" (2023), section 4: of TrackML's events at a
mean pile-up of 200, 1 %, 10 % or 30 % of the tracks are kept (2, 20, 60), and noise is lowered to 5 % of the hits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.events.event import Event

_NOWHERE = -1  # the part of a hit that no part has


@dataclass(frozen=True)
class ThinConfig:
    """How many of the particles a part has, and how much noise."""

    fraction: float = 0.01  # of the particles with hits
    noise: float = 0.05  # of the hits of a part; fewer where the event has too few
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.fraction <= 1.0:
            raise ValueError(f"thin.fraction = {self.fraction}, wanted above 0 and at most 1: a share of the particles")
        if not 0.0 <= self.noise < 1.0:
            raise ValueError(f"thin.noise = {self.noise}, wanted from 0 to below 1: a share of the hits")
        if self.seed < 0:
            raise ValueError(f"thin.seed = {self.seed}, wanted a whole number from 0")

    @property
    def parts(self) -> int:
        """How many disjoint parts an event has."""
        return int(1.0 / self.fraction + 1e-9)


def thin(event: Event, config: ThinConfig, part: int = 0) -> Event:
    """Part `part`, 0 … config.parts − 1, of `event`; its number is event_id × config.parts + part.

    A particle with hits belongs to one part at most, by a random number in [0, 1) that depends on seed and event, so
    that numbers of particles fluctuate as pile-up does; it comes with all of its hits. Noise hits are drawn disjointly.
    Rows keep their order, weights their values; cells are dropped. The same arguments give the same event.

    Raises: ValueError without truth, for another part, and for a part without hits. Cost: O(N log N) in hits.
    """
    if not 0 <= part < config.parts:
        raise ValueError(f"part = {part}, wanted 0…{config.parts - 1}: an event has so many parts of {config.fraction}")
    return _part(event, config, part, _parts_of_hits(event, config))


def thinned(event: Event, config: ThinConfig) -> Iterator[Event]:
    """All parts of `event` in turn, as `thin` makes them, but for those without hits. Raises as `thin` does."""
    parts = _parts_of_hits(event, config)
    for part in range(config.parts):
        if (parts == part).any():
            yield _part(event, config, part, parts)


def _parts_of_hits(event: Event, config: ThinConfig) -> NDArray[np.int64]:
    """(N,) the part of each hit, −1 for none."""
    if event.truth is None:
        raise ValueError(
            f"event {event.event_id} has no truth, which tells the hits of a particle; thin events with a truth file"
        )
    generator = np.random.default_rng([config.seed, event.event_id])
    ids, row = np.unique(event.truth["particle_id"].to_numpy(), return_inverse=True)
    part = (generator.random(len(ids)) / config.fraction).astype(np.int64)
    part[(part >= config.parts) | (ids == 0)] = _NOWHERE
    parts: NDArray[np.int64] = part[row.reshape(-1)]
    noise = generator.permutation(np.flatnonzero(ids[row.reshape(-1)] == 0))
    true_hits = np.bincount(parts[parts >= 0], minlength=config.parts)
    wanted = true_hits * config.noise / (1.0 - config.noise)
    wanted *= min(1.0, len(noise) / max(wanted.sum(), 1.0))
    ends = np.rint(np.cumsum(wanted)).astype(np.int64)
    chosen = noise[: ends[-1]]
    parts[chosen] = np.searchsorted(ends, np.arange(len(chosen)), side="right")
    return parts


def _part(event: Event, config: ThinConfig, part: int, parts: NDArray[np.int64]) -> Event:
    assert event.truth is not None
    keep = parts == part
    if not keep.any():
        raise ValueError(
            f"event {event.event_id}: part {part} of {config.parts} has no hit; give a larger thin.fraction, or take "
            "another part"
        )
    truth = _rows(event.truth, keep)
    particles = event.particles
    if particles is not None:
        particles = _rows(particles, particles["particle_id"].isin(truth["particle_id"]).to_numpy())
    return Event(event.event_id * config.parts + part, _rows(event.hits, keep), truth, particles)


def _rows(table: pd.DataFrame, keep: NDArray[np.bool_]) -> pd.DataFrame:
    return table[keep].reset_index(drop=True)
