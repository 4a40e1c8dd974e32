"""The modules of the TrackML detector: numbering, read-out pitches, and the table that later stages look up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PIXEL_VOLUMES = (7, 8, 9)
ENDCAP_VOLUMES = (7, 9, 12, 14, 16, 18)
# Read-out pitches (u, v) in mm: detectors.csv of the TrackML challenge, columns pitch_u, pitch_v.
PITCHES = {
    7: (0.05, 0.05625), 8: (0.05, 0.05625), 9: (0.05, 0.05625),
    12: (0.08, 1.2), 13: (0.08, 1.2), 14: (0.08, 1.2),
    16: (0.12, 10.4), 17: (0.12, 10.8), 18: (0.12, 10.4),
}  # fmt: skip
# TrackML numbers the modules of an endcap disc by walking φ from −π and, at each step, the rings outwards, as the
# lookup grid of the ACTS release of 2018 was ordered. Each digit is the ring (0 = innermost) of the next module; within
# a ring φ grows. All discs of a volume share one sequence. Barrels are numbered as ACTS numbers them.
_PIXEL_RINGS = (
    "011010110110101101101101011011010110110110101101101011011010110110101101101101011011010110110110101101101011"
)
_SHORT_STRIP_RINGS = (
    "0122012012102102102102102102102120120120120120120210210210212012012012012012012012012"
    "0122012012102102102102102102102120120120120120120210210210212012012012012012012012012"
)
_LONG_STRIP_RINGS = "01101010101010101010101010101010101010101010101010101010101101010101010101010101010101010101010101"
RING_SEQUENCES = {
    7: _PIXEL_RINGS, 9: _PIXEL_RINGS, 12: _SHORT_STRIP_RINGS, 14: _SHORT_STRIP_RINGS,
    16: _LONG_STRIP_RINGS, 18: _LONG_STRIP_RINGS,
}  # fmt: skip


@dataclass(frozen=True)
class Modules:
    """Planar modules, ordered by ACTS identifier. Columns u, v, w of a rotation are the module's own axes."""

    geometry_id: NDArray[np.uint64]  # (M,) ascending
    volume_id: NDArray[np.int64]  # (M,)
    layer_id: NDArray[np.int64]  # (M,)
    module_id: NDArray[np.int64]  # (M,) TrackML numbering, from 1 in each layer
    centre: NDArray[np.float64]  # (M, 3) mm
    rotation: NDArray[np.float64]  # (M, 3, 3) local → global
    half_u_low: NDArray[np.float64]  # (M,) mm, half width at v = −half_v
    half_u_high: NDArray[np.float64]  # (M,) mm, half width at v = +half_v; equal for a rectangle
    half_v: NDArray[np.float64]  # (M,) mm
    thickness: NDArray[np.float64]  # (M,) mm
    pitch_u: NDArray[np.float64]  # (M,) mm
    pitch_v: NDArray[np.float64]  # (M,) mm

    def __len__(self) -> int:
        return len(self.geometry_id)

    def rows(self, geometry_id: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Row of each identifier; ValueError where one is not a module."""
        rows = np.searchsorted(self.geometry_id, geometry_id)
        known = self.geometry_id[np.minimum(rows, len(self) - 1)] == geometry_id
        if not known.all():
            raise ValueError(f"surface {geometry_id[~known][0]} is not a module; select the sensitive crossings before")
        return rows.astype(np.int64)

    def to_global(self, rows: NDArray[np.int64], local: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) global points, mm, of `local` (n, 3) in the frames of the modules `rows` (n,)."""
        turned: NDArray[np.float64] = np.einsum("nij,nj->ni", self.rotation[rows], local)
        return turned + self.centre[rows]

    def to_local(self, rows: NDArray[np.int64], points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) `points`, mm, in the frames of the modules `rows` (n,)."""
        return self.to_local_direction(rows, points - self.centre[rows])

    def to_local_direction(self, rows: NDArray[np.int64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) free `vectors` in the axes of the modules `rows` (n,)."""
        turned: NDArray[np.float64] = np.einsum("nij,ni->nj", self.rotation[rows], vectors)
        return turned


def trackml_module_ids(
    volume: NDArray[np.int64], layer: NDArray[np.int64], sensitive: NDArray[np.int64], centre: NDArray[np.float64]
) -> NDArray[np.int64]:
    """TrackML's module_id of modules with these ACTS numbers (M,) and centres (M, 3) mm.

    ValueError when a disc has other rings than the TrackML detector.
    """
    module_id = sensitive.copy()
    radius = np.rint(np.hypot(centre[:, 0], centre[:, 1]))
    phi = np.arctan2(centre[:, 1], centre[:, 0])
    for disc_volume, disc_layer in sorted(set(zip(volume.tolist(), layer.tolist(), strict=True))):
        if disc_volume not in RING_SEQUENCES:
            continue
        disc = np.flatnonzero((volume == disc_volume) & (layer == disc_layer))
        sequence = np.array(list(RING_SEQUENCES[disc_volume]), np.int64)
        ring = np.unique(radius[disc], return_inverse=True)[1]
        if not np.array_equal(np.bincount(ring), np.bincount(sequence)):
            raise ValueError(
                f"volume {disc_volume} layer {disc_layer}: rings of {np.bincount(ring)} modules, "
                f"wanted {np.bincount(sequence)}; this is not the TrackML detector"
            )
        in_place = np.lexsort((phi[disc], ring))  # modules by ring, then φ
        numbers = np.argsort(sequence, kind="stable") + 1  # numbers by ring, then order in the walk
        module_id[disc[in_place]] = numbers
    return module_id


def geometry_table(modules: Modules) -> pd.DataFrame:
    """The modules in the columns of TrackML's detectors.csv."""
    columns: dict[str, NDArray[np.generic]] = {
        "volume_id": modules.volume_id,
        "layer_id": modules.layer_id,
        "module_id": modules.module_id,
    }
    columns |= {name: modules.centre[:, k] for k, name in enumerate(("cx", "cy", "cz"))}
    columns |= {f"rot_{x}{u}": modules.rotation[:, i, j] for i, x in enumerate("xyz") for j, u in enumerate("uvw")}
    columns |= {
        "module_t": modules.thickness,
        "module_minhu": modules.half_u_low,
        "module_maxhu": modules.half_u_high,
        "module_hv": modules.half_v,
        "pitch_u": modules.pitch_u,
        "pitch_v": modules.pitch_v,
    }
    return pd.DataFrame(columns).sort_values(["volume_id", "layer_id", "module_id"], ignore_index=True)
