"""The modules of the pixel detector that a map is of: their numbers, places and a hash of both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.detector import Detector
from edgetrack.graphs.layers import PIXEL_LAYERS, layer_index
from edgetrack.graphs.selection import SelectedHits

_MODULES = 1 << 20  # more than a layer may have
PLACE_TOLERANCE = 0.1  # mm, between the same module in two files: they differ by 0.001 mm among TrackML's


@dataclass(frozen=True)
class Modules:
    """All modules of the pixel layers, ascending by layer, then by number."""

    layer: NDArray[np.int64]  # (M,) 0…17, index into `layers.PIXEL_LAYERS`
    module_id: NDArray[np.int64]  # (M,) number within the layer
    centers: NDArray[np.float64]  # (M, 3) mm
    normals: NDArray[np.float64]  # (M, 3) unit vectors

    def __post_init__(self) -> None:
        for name, dtype in (("layer", np.int64), ("module_id", np.int64), ("centers", float), ("normals", float)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))
        size = len(self.layer)
        shapes = {"module_id": (size,), "centers": (size, 3), "normals": (size, 3)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"modules: {name} has shape {getattr(self, name).shape}, wanted {shape}")
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"modules: {name} holds numbers that are not finite")
        if not size:
            raise ValueError("modules: none, wanted those of the pixel layers; use the file of the TrackML detector")
        inside = (self.layer >= 0) & (self.layer < len(PIXEL_LAYERS))
        if not (inside & (self.module_id >= 0) & (self.module_id < _MODULES)).all() or (np.diff(self.keys) <= 0).any():
            raise ValueError("modules: wanted layers 0…17 and numbers from 0, ascending, each once")

    def __len__(self) -> int:
        return len(self.layer)

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """(M,) layer · 2^20 + number, ascending."""
        return self.layer * _MODULES + self.module_id

    @cached_property
    def geometry(self) -> str:
        """SHA-256 of layers and numbers: the same for every file of one detector, however many digits it prints."""
        return hashlib.sha256(np.ascontiguousarray(self.keys, "<i8").tobytes()).hexdigest()

    def require_same(self, other: Modules) -> None:
        """Raise ValueError where `other` has other modules, or one that stands elsewhere. O(M)."""
        remedy = "make a map of this detector (edgetrack module-map), or use events of the other"
        if other.geometry != self.geometry:
            raise ValueError(
                f"the detector has {len(other)} pixel modules, geometry {other.geometry[:12]}; the module map is of "
                f"{len(self)}, geometry {self.geometry[:12]}: {remedy}"
            )
        away = np.linalg.norm(other.centers - self.centers, axis=1)
        if away.max() > PLACE_TOLERANCE:
            row = int(np.argmax(away))
            volume, layer = PIXEL_LAYERS[self.layer[row]]
            raise ValueError(
                f"volume {volume}, layer {layer}, module {self.module_id[row]} stands {away[row]:.3g} mm from where it "
                f"stands in the module map, wanted {PLACE_TOLERANCE:g} mm at most: {remedy}"
            )

    def rows(self, hits: SelectedHits) -> NDArray[np.int64]:
        """(N,) row of each hit's module. Raises ValueError for hits without modules or on a module not here.

        O(N log M).
        """
        if hits.module_id is None:
            raise ValueError(
                "hits have no module_id, wanted the number of each hit's module; select them from an event"
            )
        wanted = hits.layer * np.int64(_MODULES) + hits.module_id
        row = np.minimum(np.searchsorted(self.keys, wanted), len(self) - 1)
        unknown = self.keys[row] != wanted
        if unknown.any():
            hit = int(np.argmax(unknown))
            volume, layer = PIXEL_LAYERS[hits.layer[hit]]
            raise ValueError(
                f"hit {hits.hit_id[hit]} lies on volume {volume}, layer {layer}, module {hits.module_id[hit]} "
                f"({int(unknown.sum())} such hits), which is none of the {len(self)} modules: another geometry; use "
                "events of the detector that the map was made for, or make a map of this one (edgetrack module-map)"
            )
        return row


def pixel_modules(detector: Detector) -> Modules:
    """The modules of `detector` on the pixel layers. Raises ValueError where it has none. O(M log M)."""
    table = detector.modules
    layer = layer_index(table["volume_id"].to_numpy(), table["layer_id"].to_numpy()).astype(np.int64)
    rows = np.flatnonzero(layer >= 0)
    number = table["module_id"].to_numpy()[rows]
    order = np.lexsort((number, layer[rows]))
    rows = rows[order]
    return Modules(layer[rows], number[order], detector.centers[rows], detector.rotations[rows, :, 2])


def distances(hits: SelectedHits, modules: Modules, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) mm, from each hit to the centre of its module, a row (N,) of `modules`. O(N)."""
    points = np.column_stack([hits.r * np.cos(hits.phi), hits.r * np.sin(hits.phi), hits.z])
    away: NDArray[np.float64] = np.linalg.norm(points - modules.centers[rows], axis=1)
    return away
