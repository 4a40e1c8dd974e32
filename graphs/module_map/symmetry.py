"""Turns and reflections that send modules onto modules: what is learnt of one pair holds for all of its images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from edgetrack.graphs.module_map.modules import Modules

MapSymmetry = Literal["none", "exact", "near"]

EXACT_PLACE, EXACT_NORMAL = 0.02, 1e-4  # mm, and 1 − |cosine|: beyond what the files round
NEAR_PLACE = 5.0  # mm, between a reflected module and the one that stands for it: staggering; neighbours are 9 mm away
_LARGEST_RING = 128  # more modules than any ring of the pixel detector has
_REFLECTIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # signs of z and φ


class Image(NamedTuple):
    """One element of the symmetry: where it sends each module, and what it does to a doublet's quantities."""

    row: NDArray[np.int64]  # (M,) module onto which it sends each, −1 for none
    slope_sign: int  # −1 where it reflects φ → −φ
    z0_sign: int  # −1 where it reflects z → −z


def images(modules: Modules, symmetry: MapSymmetry) -> Iterator[Image]:
    """The identity, and by `symmetry` the other turns and reflections that send some modules onto modules.

    A turn need not be one of the whole detector: rings have as many modules as they like, and a pair of modules has
    the images that are common to its two rings (TrackML's barrel: 16, 4 and 26 turns between successive layers).
    "exact": the image has the place and the plane of a module. "near": exact turns after reflections that may miss by
    `NEAR_PLACE` and in tilt, which lets φ → −φ and z → −z in where modules are staggered or tilted.
    O(turns · M log M).
    """
    yield Image(np.arange(len(modules)), 1, 1)
    if symmetry == "none":
        return
    tree = cKDTree(modules.centers)
    near = {signs: _rows(modules, tree, 0.0, signs, exact=False) for signs in _REFLECTIONS}
    for angle in _turns(modules, tree):
        turned = _rows(modules, tree, angle, (1, 1), exact=True)
        for signs in _REFLECTIONS:
            if symmetry == "exact":
                row = turned if signs == (1, 1) else _rows(modules, tree, angle, signs, exact=True)
            else:
                row = np.where(near[signs] >= 0, turned[near[signs]], -1)
            if (angle or signs != (1, 1)) and (row >= 0).any():
                yield Image(row, signs[1], signs[0])


def _turns(modules: Modules, tree: cKDTree) -> list[float]:
    """Angles in rad, ascending from 0, that send some modules exactly onto modules."""
    found = {(0, 1)}
    for number in range(2, _LARGEST_RING + 1):
        if (_rows(modules, tree, 2 * np.pi / number, (1, 1), exact=True) >= 0).any():
            divisors = np.gcd(np.arange(number), number)
            found.update((step // int(d), number // int(d)) for step, d in enumerate(divisors))
    return sorted(2 * np.pi * step / number for step, number in found)


def _rows(modules: Modules, tree: cKDTree, angle: float, signs: tuple[int, int], exact: bool) -> NDArray[np.int64]:
    """(M,) module at the image of each, −1 for none; first φ → −φ, then the turn, and z → −z, by the `signs`."""
    cos, sin = np.cos(angle), np.sin(angle)
    z_sign, phi_sign = signs
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, z_sign]]) @ np.diag([1, phi_sign, 1])
    away, row = tree.query(modules.centers @ matrix.T, distance_upper_bound=EXACT_PLACE if exact else NEAR_PLACE)
    good = np.isfinite(away)
    row = np.where(good, row, 0)
    if exact:
        turned = modules.normals @ matrix.T
        good &= np.abs(np.einsum("mi,mi->m", turned, modules.normals[row])) > 1 - EXACT_NORMAL
    mapped: NDArray[np.int64] = np.where(good, row, -1).astype(np.int64)
    return mapped
