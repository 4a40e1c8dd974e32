"""Symmetries of the detector, drawn anew for a hit graph whenever it is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

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
    """A hit graph under a random symmetry; Δr and ΔR stay, Δφ and Δz follow the reflections. O(N + E).

    `node_attr` is that of the hit itself, so a rotation leaves it as it is. Raises ValueError where such features are
    to be reflected: how they follow is not known here.
    """
    if "node_attr" in rows.features and (augmentation.reflect_z or augmentation.reflect_phi):
        raise ValueError(
            f"{rows.name}: cannot reflect a graph with node_attr, since how its columns follow is not known; set "
            "augmentation.reflect_z and augmentation.reflect_phi to false, or give an objective with an `augmented` "
            "of its own"
        )
    turn = rng.uniform(-1.0, 1.0)  # half turns
    sign_z, sign_phi = (1 - 2 * rng.integers(0, 2, size=2)).tolist()
    turn = turn if augmentation.rotate else 0.0
    sign_z = sign_z if augmentation.reflect_z else 1
    sign_phi = sign_phi if augmentation.reflect_phi else 1
    radius, phi, z = rows.features["x"].unbind(1)
    phi = torch.remainder(sign_phi * phi + (turn + 1.0), 2.0) - 1.0
    signs = torch.tensor([1.0, sign_phi, sign_z, 1.0])
    moved = {"x": torch.stack([radius, phi, sign_z * z], 1), "edge_attr": rows.features["edge_attr"] * signs}
    return replace(rows, features={**rows.features, **moved})
