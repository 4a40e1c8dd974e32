"""Charged particles and their crossings of detector surfaces, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class _Table:
    """Arrays with a common first axis."""

    def __post_init__(self) -> None:
        sizes = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"{type(self).__name__}: columns of different lengths {sizes}")

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The rows with these numbers, or where the mask is true."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def concatenate(cls, tables: Sequence[Self]) -> Self:
        """All rows of the tables, in order."""
        return cls(
            **{field.name: np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(cls)}
        )


@dataclass(frozen=True)
class Particles(_Table):
    """Charged particles at their production."""

    vertex: NDArray[np.int64]  # (P,) primary vertex, from 1
    number: NDArray[np.int64]  # (P,) number of the primary within its vertex; secondaries have that of their primary
    generation: NDArray[np.int64]  # (P,) 0 = from the collision, 1 = from an interaction of such a particle, …
    sub_particle: NDArray[np.int64]  # (P,) from 1 among the secondaries of one primary and generation, else 0
    process: NDArray[np.int64]  # (P,) 0 = from the collision, 1 = first, 2 = further product of an interaction
    pdg: NDArray[np.int64]  # (P,) PDG code
    position: NDArray[np.float64]  # (P, 3) mm
    time: NDArray[np.float64]  # (P,) mm / c
    momentum: NDArray[np.float64]  # (P, 3) GeV
    mass: NDArray[np.float64]  # (P,) GeV
    charge: NDArray[np.int64]  # (P,) units of e

    @property
    def pt(self) -> NDArray[np.float64]:
        """(P,) transverse momentum, GeV."""
        return np.hypot(self.momentum[:, 0], self.momentum[:, 1])

    @property
    def particle_id(self) -> NDArray[np.int64]:
        """(P,) identifier with TrackML's bit fields: vertex, number, generation, sub-particle, process."""
        return (
            (self.vertex << 52)
            | (self.number << 36)
            | (self.generation << 24)
            | (self.sub_particle << 12)
            | self.process
        )


@dataclass(frozen=True)
class Crossings(_Table):
    """Crossings of detector surfaces (modules, and passive material) by particles."""

    particle: NDArray[np.int64]  # (C,) row in the table of particles, −1 = noise
    geometry_id: NDArray[np.uint64]  # (C,) ACTS identifier of the surface
    position: NDArray[np.float64]  # (C, 3) mm
    time: NDArray[np.float64]  # (C,) mm / c
    momentum: NDArray[np.float64]  # (C, 3) GeV, on arrival

    def of(self, particle: NDArray[np.int64]) -> Crossings:
        """The same crossings by other particles (C,)."""
        return replace(self, particle=particle)

    @property
    def volume(self) -> NDArray[np.int64]:
        """(C,) ACTS volume number, which is TrackML's volume_id."""
        return (self.geometry_id >> np.uint64(56)).astype(np.int64)

    @property
    def sensitive(self) -> NDArray[np.bool_]:
        """(C,) the surface is a module."""
        return (self.geometry_id >> np.uint64(8)) & np.uint64(0xFFFFF) > 0

    @property
    def direction(self) -> NDArray[np.float64]:
        """(C, 3) unit vector along the momentum."""
        unit: NDArray[np.float64] = self.momentum / np.linalg.norm(self.momentum, axis=1, keepdims=True)
        return unit
