"""Symmetries of the detector, drawn anew for a hit graph whenever it is trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edgetrack.models.hit_features import FEATURES
from edgetrack.models.rows import Rows


@dataclass(frozen=True)
class Augmentation:
    """Symmetries of a cylindrical detector in a solenoid, each drawn anew for every graph in every epoch.

    Rotation about the beam, reflection z → −z, and reflection φ → −φ (which exchanges the charges).
    """

    rotate: bool = True
    reflect_z: bool = True
    reflect_phi: bool = True


def augmented(rows: Rows[Tensor], augmentation: Augmentation, rng: np.random.Generator) -> Rows[Tensor]:
    """A hit graph under a random symmetry: each feature as `edgetrack.models.hit_features` says. O(N + E).

    A rotation leaves features of a hit itself (`node_attr`) as they are. Raises ValueError where features are to be
    reflected of which it is not known how they follow.
    """
    reflected = augmentation.reflect_z or augmentation.reflect_phi
    turn = rng.uniform(-1.0, 1.0)  # half turns
    sign_z, sign_phi = (1 - 2 * rng.integers(0, 2, size=2)).tolist()
    turn = turn if augmentation.rotate else 0.0
    sign_z = sign_z if augmentation.reflect_z else 1
    sign_phi = sign_phi if augmentation.reflect_phi else 1
    moved = {
        name: _rotated(name, _reflected(rows.name, name, value, sign_z, sign_phi) if reflected else value, turn)
        for name, value in rows.features.items()
    }
    return replace(rows, features=moved)


def _reflected(graph: str, name: str, value: Tensor, sign_z: int, sign_phi: int) -> Tensor:
    feature = FEATURES.get(name)
    if feature is None or feature.odd_in_z is None or feature.odd_in_phi is None:
        raise ValueError(
            f"{graph}: cannot reflect a graph with {name}, since how its columns follow is not known; set "
            "augmentation.reflect_z and augmentation.reflect_phi to false, or give an objective with an `augmented` "
            "of its own"
        )
    signs = [
        (sign_z if column in feature.odd_in_z else 1) * (sign_phi if column in feature.odd_in_phi else 1)
        for column in feature.columns
    ]
    return value if set(signs) == {1} else value * value.new_tensor(signs)


def _rotated(name: str, value: Tensor, turn: float) -> Tensor:
    """`value` after `turn` half turns about the beam: only positions know of it."""
    if name == "x":
        radius, phi, z = value.unbind(1)
        return torch.stack([radius, torch.remainder(phi + (turn + 1.0), 2.0) - 1.0, z], 1)
    if name == "cartesian":
        x, y, z = value.unbind(1)
        cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
        return torch.stack([cos * x - sin * y, sin * x + cos * y, z], 1)
    return value
