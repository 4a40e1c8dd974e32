"""A detector of few modules on the pixel layers, and particles through it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.module_map.modules import Modules
from edgetrack.graphs.selection import SelectedHits

RADII = {0: 32.0, 1: 72.0, 2: 116.0, 3: 172.0}
DISCS = {4: -600.0, 5: -700.0, 11: 600.0, 12: 700.0}
IN_PHI = {0: 8, 1: 8, 2: 12, 3: 12, 4: 10, 5: 10, 11: 10, 12: 10}
PLACES = (-300.0, 0.0, 300.0)  # mm, z of a barrel layer's modules


def small_modules(tilt: float = 0.0, shift: float = 0.0) -> Modules:
    """Rings of IN_PHI modules; barrel modules tilted by `tilt` rad about z, and those at z > 0 shifted out, in mm."""
    rows: list[tuple[float, ...]] = []
    for layer, number in IN_PHI.items():
        angles = 2 * np.pi * (np.arange(number) + 0.5) / number
        for place in PLACES if layer < 4 else (DISCS[layer],):
            for angle in angles:
                radius = RADII[layer] + shift * (place > 0) if layer < 4 else 100.0
                normal = (np.cos(angle + tilt), np.sin(angle + tilt), 0.0) if layer < 4 else (0.0, 0.0, 1.0)
                module = sum(row[0] == layer for row in rows)
                rows.append((layer, module, radius * np.cos(angle), radius * np.sin(angle), place, *normal))
    table = np.array(rows)
    return Modules(table[:, 0], table[:, 1], table[:, 2:5], table[:, 5:8])


def hits_on(modules: Modules, seed: int, particles: int, noise: int = 0, spread: float = 80.0) -> SelectedHits:
    """Hits of nearly straight particles from near the origin: each on the nearest module of its layer."""
    rng = np.random.default_rng(seed)
    rows: list[NDArray[np.float64]] = []
    for particle in range(1, particles + 1):
        phi, slope, vertex = rng.uniform(-np.pi, np.pi), np.sinh(rng.uniform(-2.5, 2.5)), rng.normal(0, spread / 2)
        bend = rng.normal(0, 5e-4)
        for layer in IN_PHI:
            if layer < 4:
                r, z = RADII[layer], vertex + RADII[layer] * slope
                seen = abs(z) < 450
            else:
                z = DISCS[layer]
                r = (z - vertex) / slope
                seen = 30 < r < 170
            if seen:
                rows.append(np.array([r, phi + bend * r, z, layer, particle]))
    for _ in range(noise):
        layer = rng.choice(list(RADII))
        rows.append(np.array([RADII[layer], rng.uniform(-np.pi, np.pi), rng.uniform(-400, 400), layer, 0]))
    r, phi, z, layers, particle_id = rng.permutation(np.array(rows)).T
    phi = (phi + np.pi) % (2 * np.pi) - np.pi
    points = np.column_stack([r * np.cos(phi), r * np.sin(phi), z])
    away = np.linalg.norm(points[:, None] - modules.centers[None], axis=2)
    away[modules.layer[None, :] != layers[:, None]] = np.inf
    return SelectedHits(
        r,
        phi,
        z,
        layers.astype(np.int32),
        np.arange(len(r)),
        particle_id.astype(np.int64),
        np.where(particle_id > particles / 2, 2.0, 0.7).astype(np.float32),
        np.zeros(len(r), np.float32),
        modules.module_id[away.argmin(axis=1)],
    )
