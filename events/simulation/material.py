"""How much material a particle crosses, in nuclear interaction lengths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.simulation.modules import ENDCAP_VOLUMES, Modules
from edgetrack.events.simulation.particles import Crossings

_SILICON = 465.2  # mm, nuclear interaction length (Particle Data Group)
_BERYLLIUM = 407.0
# Silicon, mm, of a module and of the passive surface of its layer, by volume: ACTS' GenericDetector.
_MODULE_SILICON = {7: 0.15, 8: 0.15, 9: 0.15, 12: 0.25, 13: 0.25, 14: 0.25, 16: 0.35, 17: 0.35, 18: 0.35}
_LAYER_SILICON = {7: 1.5, 8: 1.5, 9: 1.5, 12: 2.5, 13: 2.0, 14: 2.5, 16: 3.5, 17: 2.5, 18: 3.5}
# Beryllium cylinders: (radius, thickness), mm: the beam pipe and the pixel support tube.
_CYLINDERS = ((19.0, 0.8), (200.0, 1.8))
_MIN_COSINE = 0.05  # grazing crossings are not counted as more than 20 thicknesses


def cos_incidence(crossings: Crossings, modules: Modules) -> NDArray[np.float64]:
    """(C,) |cosine| between the direction and the normal of the surface: module, disc, or cylinder around the beam."""
    direction, position = crossings.direction, crossings.position
    radial = direction[:, 0] * position[:, 0] + direction[:, 1] * position[:, 1]
    cosine = np.abs(radial) / np.hypot(position[:, 0], position[:, 1])
    disc = np.isin(crossings.volume, ENDCAP_VOLUMES)
    cosine[disc] = np.abs(direction[disc, 2])
    plane = np.flatnonzero(crossings.sensitive & ~disc)
    normals = modules.rotation[modules.rows(crossings.geometry_id[plane])][:, :, 2]
    cosine[plane] = np.abs(np.einsum("ni,ni->n", direction[plane], normals))
    return cosine


def interaction_lengths(crossings: Crossings, modules: Modules) -> NDArray[np.float64]:
    """(C,) nuclear interaction lengths along each crossing."""
    volume, sensitive = crossings.volume, crossings.sensitive
    radius = np.hypot(crossings.position[:, 0], crossings.position[:, 1])
    lengths = np.zeros(len(crossings))
    for number, silicon in _MODULE_SILICON.items():
        lengths[sensitive & (volume == number)] = silicon / _SILICON
    for number, silicon in _LAYER_SILICON.items():
        lengths[~sensitive & (volume == number)] = silicon / _SILICON
    elsewhere = ~np.isin(volume, list(_LAYER_SILICON))
    for cylinder_radius, beryllium in _CYLINDERS:
        lengths[elsewhere & (np.abs(radius - cylinder_radius) < 0.5)] = beryllium / _BERYLLIUM
    return lengths / np.clip(cos_incidence(crossings, modules), _MIN_COSINE, 1.0)
