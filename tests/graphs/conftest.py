"""Hand-made events and random hits for the tests of graph construction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from edgetrack.events.event import HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event
from edgetrack.graphs.layers import PIXEL_LAYERS
from edgetrack.graphs.selection import SelectedHits

BARREL = (32.0, 72.0, 116.0, 172.0)
DISCS = (600.0, 700.0, 820.0, 960.0, 1100.0, 1300.0, 1500.0)


def frame(columns: dict[str, str], **values: ArrayLike) -> pd.DataFrame:
    size = np.size(next(iter(values.values())))
    return pd.DataFrame(
        {name: np.zeros(size) if name not in values else np.asarray(values[name]) for name in columns}
    ).astype(columns)


@pytest.fixture(scope="session")
def make_event() -> Callable[..., Event]:
    """Event of hits given as (r, φ, z, layer index, particle_id), and of particles given as id → (px, py, pz)."""

    def make(
        hits: Sequence[tuple[float, ...]],
        momenta: dict[int, tuple[float, float, float]] | None = None,
        truth: bool = True,
    ) -> Event:
        r, phi, z, layer, particle = (np.array(column, float) for column in zip(*hits, strict=True))
        volume, layer_id = np.array([PIXEL_LAYERS[int(k)] for k in layer]).T
        hit_id = np.arange(1, len(hits) + 1) * 10
        table = frame(
            HIT_COLUMNS, hit_id=hit_id, x=r * np.cos(phi), y=r * np.sin(phi), z=z, volume_id=volume, layer_id=layer_id
        )
        truths = frame(TRUTH_COLUMNS, hit_id=hit_id, particle_id=particle) if truth else None
        particles = None
        if momenta is not None:
            px, py, pz = zip(*momenta.values(), strict=True)
            particles = frame(PARTICLE_COLUMNS, particle_id=list(momenta), px=px, py=py, pz=pz)
        return Event(3, table, truths, particles)

    return make


@pytest.fixture(scope="session")
def random_hits() -> Callable[..., SelectedHits]:
    """`random_hits(seed, size, steps)`: hits on all pixel layers; with `steps`, on a coarse grid with many ties."""

    def make(seed: int, size: int, steps: int = 0, particles: int = 20) -> SelectedHits:
        rng = np.random.default_rng(seed)
        layer = rng.integers(0, len(PIXEL_LAYERS), size)
        barrel = layer < 4
        disc = np.where(layer < 11, -1, 1) * np.array(DISCS)[(layer - 4) % 7]
        r = np.where(
            barrel, np.array(BARREL)[np.minimum(layer, 3)] + rng.uniform(-2, 2, size), rng.uniform(30, 176, size)
        )
        z = np.where(barrel, rng.uniform(-490, 490, size), disc + rng.uniform(-3, 3, size))
        phi = rng.uniform(-np.pi, np.pi, size)
        if steps:
            r, z = np.round(r / 8) * 8, np.round(z / 50) * 50
            phi = np.clip(np.round(phi / np.pi * steps) / steps, -1, 1) * np.pi
        return SelectedHits(r, phi, z, layer.astype(np.int32), np.arange(size), rng.integers(0, particles, size))

    return make
