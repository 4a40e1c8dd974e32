"""What Fatras lacks: nuclear interactions of hadrons, their charged products, and the end of loopers.

The rate, the multiplicity and the spectrum are fitted to the secondaries of the TrackML events.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.simulation.material import interaction_lengths
from edgetrack.events.simulation.modules import Modules
from edgetrack.events.simulation.particles import Crossings, Particles

_HADRONS = (211, 321, 2212)  # π±, K±, p
_RATE_SCALE = 1.65  # interactions over those expected from the material alone
# P(n charged products with pT > 0.1 GeV), n = 0 … 5
_MULTIPLICITY = np.array([0.0, 0.41, 0.36, 0.18, 0.034, 0.016])
_PRODUCT_PDG = np.array([211, -211, 2212])
_PRODUCT_FRACTION = np.array([0.285, 0.285, 0.43])
_PRODUCT_MASS = {211: 0.13957, -211: 0.13957, 2212: 0.93827}  # GeV
# |p| of a product: gamma distribution, below 95 % of its parent's; 1 + a cos θ about the parent's direction
_MOMENTUM_SHAPE, _MOMENTUM_SCALE = 2.0, 0.115  # GeV
_MAX_MOMENTUM_FRACTION = 0.95
_FORWARD = 0.6
_MIN_PRODUCT_PT = 0.1  # GeV
_DRAWS = 12
_STEP = 1e-3  # mm, a product starts just behind the surface


def first_half_turn(crossings: Crossings, particles: Particles, magnetic_field: float) -> Crossings:
    """Crossings within the first half turn of each particle's helix; TrackML has no hits of later ones.

    The length of the helix' half turn is π p / (0.3 B) in m, GeV, T; the path is time × velocity.
    """
    if magnetic_field == 0:
        return crossings
    momentum = np.linalg.norm(particles.momentum, axis=1)
    velocity = momentum / np.sqrt(momentum**2 + particles.mass**2)
    half_turn = np.pi * momentum / (0.3 * magnetic_field) * 1e3
    row = crossings.particle
    path = (crossings.time - particles.time[row]) * velocity[row]
    return crossings.take(path <= half_turn[row])


def interact(
    crossings: Crossings, particles: Particles, modules: Modules, rng: np.random.Generator
) -> tuple[Crossings, Crossings]:
    """Let hadrons interact: the crossings that remain, and those where a particle ended.

    `crossings` are ordered along each particle. A particle ends at its first interaction; that crossing remains.
    """
    lengths = interaction_lengths(crossings, modules) * _RATE_SCALE
    hadron = np.isin(np.abs(particles.pdg[crossings.particle]), _HADRONS)
    interacts = (rng.random(len(crossings)) < -np.expm1(-lengths)) & hadron
    ends, first = np.unique(crossings.particle[interacts], return_index=True)
    vertices = np.flatnonzero(interacts)[first]
    last = np.full(len(particles), len(crossings), np.int64)
    last[ends] = vertices
    return crossings.take(np.arange(len(crossings)) <= last[crossings.particle]), crossings.take(vertices)


def secondaries(vertices: Crossings, particles: Particles, rng: np.random.Generator) -> Particles:
    """Charged products of the interactions `vertices` of `particles`, one generation further."""
    count = rng.choice(len(_MULTIPLICITY), p=_MULTIPLICITY / _MULTIPLICITY.sum(), size=len(vertices))
    origin = np.repeat(np.arange(len(vertices)), count)
    leading = np.r_[True, origin[1:] != origin[:-1]][: len(origin)]
    pdg = rng.choice(_PRODUCT_PDG, p=_PRODUCT_FRACTION, size=len(origin))
    momentum = _product_momenta(vertices, origin, rng)
    stored = np.hypot(momentum[:, 0], momentum[:, 1]) > _MIN_PRODUCT_PT
    origin, leading, pdg, momentum = origin[stored], leading[stored], pdg[stored], momentum[stored]
    parents = particles.take(vertices.particle[origin])
    return Particles(
        vertex=parents.vertex,
        number=parents.number,
        generation=parents.generation + 1,
        sub_particle=_count_within(parents),
        process=np.where(leading, 1, 2).astype(np.int64),
        pdg=pdg,
        position=vertices.position[origin] + _STEP * vertices.direction[origin],
        time=vertices.time[origin],
        momentum=momentum,
        mass=np.array([_PRODUCT_MASS[code] for code in pdg.tolist()], np.float64),
        charge=np.sign(pdg).astype(np.int64),
    )


def _product_momenta(vertices: Crossings, origin: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(S, 3) GeV; redrawn up to `_DRAWS` times until the transverse momentum is one that TrackML stores."""
    available = _MAX_MOMENTUM_FRACTION * np.linalg.norm(vertices.momentum, axis=1)[origin]
    along, across_1, across_2 = (axis[origin] for axis in _axes(vertices.direction))
    momenta = np.zeros((len(origin), 3))
    todo = np.arange(len(origin))
    for _ in range(_DRAWS):
        if len(todo) == 0:
            break
        size = np.minimum(rng.gamma(_MOMENTUM_SHAPE, _MOMENTUM_SCALE, len(todo)), available[todo])
        # inverse of the cumulative distribution of 1 + a cos θ
        cosine = (np.sqrt((1 - _FORWARD) ** 2 + 4 * _FORWARD * rng.random(len(todo))) - 1) / _FORWARD
        sine, phi = np.sqrt(1 - cosine**2), rng.uniform(0, 2 * np.pi, len(todo))
        weights = size * np.stack([cosine, sine * np.cos(phi), sine * np.sin(phi)])
        momenta[todo] = (
            weights[0][:, None] * along[todo]
            + weights[1][:, None] * across_1[todo]
            + weights[2][:, None] * across_2[todo]
        )
        todo = todo[np.hypot(momenta[todo, 0], momenta[todo, 1]) <= _MIN_PRODUCT_PT]
    return momenta


def _axes(direction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each (n, 3): `direction` and two unit vectors perpendicular to it and to each other."""
    elsewhere = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(direction, elsewhere)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return direction, first, np.cross(direction, first)


def _count_within(parents: Particles) -> NDArray[np.int64]:
    """(S,) 1, 2, … among the products of one primary, so that their identifiers differ."""
    order = np.lexsort((parents.number, parents.vertex))
    vertex, number = parents.vertex[order], parents.number[order]
    starts = np.r_[True, (vertex[1:] != vertex[:-1]) | (number[1:] != number[:-1])][: len(order)]
    position = np.arange(len(order))
    counts = np.empty(len(order), np.int64)
    counts[order] = position - np.maximum.accumulate(np.where(starts, position, 0)) + 1
    return counts
