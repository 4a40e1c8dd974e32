"""Ends of particles and products of their interactions, on hand-made tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgetrack.events.simulation.interactions import first_half_turn, interact, secondaries
from edgetrack.events.simulation.material import cos_incidence, interaction_lengths
from edgetrack.events.simulation.modules import Modules
from edgetrack.events.simulation.particles import Crossings, Particles

PION_MASS = 0.13957
MODULE = 8 << 56 | 2 << 36 | 1 << 8
LAYER = 8 << 56 | 2 << 36  # passive surface of the same layer
BEAM_PIPE = 20 << 56 | 2 << 36

# one module at x = 32 mm whose normal is the x axis
MODULES = Modules(
    geometry_id=np.array([MODULE], np.uint64),
    volume_id=np.array([8]),
    layer_id=np.array([2]),
    module_id=np.array([1]),
    centre=np.array([[32.0, 0, 0]]),
    rotation=np.array([[[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]]),
    half_u_low=np.array([8.4]),
    half_u_high=np.array([8.4]),
    half_v=np.array([36.0]),
    thickness=np.array([0.15]),
    pitch_u=np.array([0.05]),
    pitch_v=np.array([0.05625]),
)


def pions(count: int, momentum: tuple[float, float, float] = (1.0, 0.0, 0.0), pdg: int = 211) -> Particles:
    zero = np.zeros(count, np.int64)
    return Particles(
        vertex=1 + np.arange(count) % 3,
        number=10 + np.arange(count) // 3,
        generation=zero,
        sub_particle=zero,
        process=zero,
        pdg=zero + pdg,
        position=np.zeros((count, 3)),
        time=np.zeros(count),
        momentum=np.tile(momentum, (count, 1)).astype(float),
        mass=np.full(count, PION_MASS),
        charge=zero + 1,
    )


def crossed(particle: list[int], surface: int, radius: list[float], time: list[float] | None = None) -> Crossings:
    size = len(particle)
    position = np.column_stack([np.array(radius, float), np.zeros(size), np.zeros(size)])
    return Crossings(
        particle=np.array(particle, np.int64),
        geometry_id=np.full(size, surface, np.uint64),
        position=position,
        time=np.array(radius if time is None else time, float),
        momentum=np.tile([1.0, 0, 0], (size, 1)),
    )


def test_crossings_after_half_a_turn_are_dropped() -> None:
    # p = 0.3 GeV in 2 T: a half turn is π · 500 mm; at velocity p / E the times of 1.5 m and 1.6 m of path
    velocity = 0.3 / np.hypot(0.3, PION_MASS)
    paths = crossed([0, 0], MODULE, [32.0, 32.0], [1500.0 / velocity, 1600.0 / velocity])
    kept = first_half_turn(paths, pions(1, (0.3, 0, 0)), 2.0)
    assert len(kept) == 1
    assert kept.time[0] == paths.time[0]
    assert len(first_half_turn(paths, pions(1, (0.3, 0, 0)), 0.0)) == 2


def test_interaction_lengths_of_module_layer_and_beam_pipe() -> None:
    for surface, radius, expected in (
        (MODULE, 32.0, 0.15 / 465.2),
        (LAYER, 34.0, 1.5 / 465.2),
        (BEAM_PIPE, 19.0, 0.8 / 407.0),
        (BEAM_PIPE, 400.0, 0.0),
    ):
        np.testing.assert_allclose(interaction_lengths(crossed([0], surface, [radius]), MODULES), expected)


def test_inclined_crossing_counts_more_material() -> None:
    steep = crossed([0], MODULE, [32.0])
    inclined = replace(steep, momentum=np.array([[1.0, 0, np.sqrt(3)]]))
    np.testing.assert_allclose(cos_incidence(inclined, MODULES), 0.5)
    np.testing.assert_allclose(interaction_lengths(inclined, MODULES), 2 * interaction_lengths(steep, MODULES))


def many_crossings(particles: int, surfaces: int) -> Crossings:
    owner = np.repeat(np.arange(particles), surfaces)
    return crossed(owner.tolist(), LAYER, np.tile(np.linspace(30, 170, surfaces), particles).tolist())


def test_particle_ends_at_its_first_interaction() -> None:
    paths = many_crossings(2000, 40)
    kept, vertices = interact(paths, pions(2000), MODULES, np.random.default_rng(1))
    # P(none) = exp(−1.65 · 40 · 1.5 / 465.2) = 0.81
    assert 0.16 < len(vertices) / 2000 < 0.22
    assert len(np.unique(vertices.particle)) == len(vertices)
    last = np.full(2000, -1.0)
    np.maximum.at(last, kept.particle, kept.time)
    assert np.array_equal(last[vertices.particle], vertices.time)
    others = np.setdiff1d(np.arange(2000), vertices.particle)
    assert np.array_equal(last[others], np.full(len(others), 170.0))


def test_muons_do_not_interact() -> None:
    paths = many_crossings(500, 40)
    kept, vertices = interact(paths, pions(500, pdg=13), MODULES, np.random.default_rng(1))
    assert len(vertices) == 0
    assert np.array_equal(kept.time, paths.time)


def test_products_have_their_own_identifiers_and_start_behind_the_surface() -> None:
    particles = pions(3000, (5.0, 0, 0))
    vertices = crossed(list(range(3000)), LAYER, [34.0] * 3000)
    products = secondaries(vertices, particles, np.random.default_rng(2))
    again = secondaries(vertices, particles, np.random.default_rng(2))
    assert np.array_equal(products.momentum, again.momentum)
    assert len(products) > 3000
    assert len(np.unique(products.particle_id)) == len(products)
    assert not np.isin(products.particle_id, particles.particle_id).any()
    assert (products.generation == 1).all()
    assert (products.pt > 0.1).all()
    assert set(products.process) == {1, 2}
    np.testing.assert_allclose(products.position[:, 0], 34.001)
    assert np.linalg.norm(products.momentum, axis=1).max() <= 0.95 + 1e-12  # of 1 GeV on arrival
    children = secondaries(
        crossed(list(range(len(products))), LAYER, [60.0] * len(products)), products, np.random.default_rng(3)
    )
    assert len(np.unique(children.particle_id)) == len(children)
    assert (children.generation == 2).all()


def test_no_interaction_has_no_products() -> None:
    none = crossed([], LAYER, [])
    assert len(secondaries(none, pions(2), np.random.default_rng(0))) == 0
