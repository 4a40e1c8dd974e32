"""The symmetry of a tracker, as a finite group: turns about the beam, reflections φ → −φ and z → −z."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Symmetry:
    """Turns by 2π / `sectors`, with or without reflections; one sector without reflections is no symmetry at all.

    Element g = (a · B + b) · sectors + s first reflects φ → −φ where b = 1, then turns by 2π s / sectors, and reflects
    z → −z where a = 1; B is 2 with `mirror_phi`, else 1.
    """

    sectors: int = 16
    mirror_phi: bool = True  # exchanges the charges
    mirror_z: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.sectors <= 1024:
            raise ValueError(f"symmetry.sectors = {self.sectors}, wanted 1…1024 turns about the beam")

    @property
    def order(self) -> int:
        """Number of elements G."""
        return self.sectors * (1 + self.mirror_phi) * (1 + self.mirror_z)

    def parts(self, element: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(a, b, s) of elements: z reflected, φ reflected, turns."""
        rest, turns = np.divmod(element, self.sectors)
        reflections = 1 + self.mirror_phi
        return rest // reflections, rest % reflections, turns

    def element(
        self, z_reflected: NDArray[np.int64], phi_reflected: NDArray[np.int64], turns: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The elements of these parts."""
        return (z_reflected * (1 + self.mirror_phi) + phi_reflected) * self.sectors + turns % self.sectors

    @cached_property
    def product(self) -> NDArray[np.int64]:
        """(G, G) number of the element that does what element j does and then what element i does, at [i, j]."""
        a, b, s = self.parts(np.arange(self.order))
        sign = 1 - 2 * b[:, None]
        return self.element(a[:, None] ^ a, b[:, None] ^ b, s[:, None] + sign * s)

    @cached_property
    def inverse(self) -> NDArray[np.int64]:
        """(G,) number of the element that undoes each."""
        a, b, s = self.parts(np.arange(self.order))
        return self.element(a, b, np.where(b == 1, s, -s))

    def applied(self, element: NDArray[np.int64], points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) points x, y, z after an element (N,) each."""
        a, b, s = self.parts(element)
        angle = 2 * np.pi * s / self.sectors
        x, y, z = np.asarray(points, np.float64).T
        y = np.where(b == 1, -y, y)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.column_stack([cos * x - sin * y, sin * x + cos * y, np.where(a == 1, -z, z)])

    def folded(self, points: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Elements (N,) and points (N, 3) of the fundamental wedge from which they make the points given, (N, 3).

        The wedge is 0 ≤ φ < 2π / sectors, half of that with `mirror_phi`; z ≥ 0 with `mirror_z`. O(N).
        """
        points = np.asarray(points, np.float64)
        width = 2 * np.pi / self.sectors
        phi = np.arctan2(points[:, 1], points[:, 0])
        turns = np.floor(phi / width).astype(np.int64)
        reflected = (phi - turns * width > width / 2) & self.mirror_phi
        below = (points[:, 2] < 0) & self.mirror_z
        element = self.element(below.astype(np.int64), reflected.astype(np.int64), turns + reflected)
        return element, self.applied(self.inverse[element], points)
