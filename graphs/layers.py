"""The pixel layers of the TrackML detector, inner to outer, and the layer pairs that edges may join."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Layer index 0…17 → (volume_id, layer_id): barrel outwards, left endcap outwards, right endcap outwards.
PIXEL_LAYERS: tuple[tuple[int, int], ...] = (
    *((8, layer) for layer in (2, 4, 6, 8)),
    *((7, layer) for layer in (14, 12, 10, 8, 6, 4, 2)),
    *((9, layer) for layer in (2, 4, 6, 8, 10, 12, 14)),
)
# Where each layer stands, mm: r of the barrel's modules, z of the discs'.
LAYER_POSITIONS = (
    *(32.0, 72.0, 116.0, 172.0),
    *(-600.0, -700.0, -820.0, -960.0, -1100.0, -1300.0, -1500.0),
    *(600.0, 700.0, 820.0, 960.0, 1100.0, 1300.0, 1500.0),
)
POSITION_TOLERANCE = 0.2  # of a layer's position: modules are staggered by a few mm
PIXEL_VOLUMES = (7, 8, 9)
BARREL_LAYERS = (0, 1, 2, 3)
FIRST_ENDCAP_LAYERS = (4, 11)  # left, right

# DeZoort et al. 2021, section 3.1: successive layers, and any barrel layer with the first disc of either endcap.
LAYER_PAIRS: tuple[tuple[int, int], ...] = (
    *((layer, layer + 1) for layer in range(3)),
    *((layer, layer + 1) for layer in range(4, 10)),
    *((layer, layer + 1) for layer in range(11, 17)),
    *((barrel, disc) for disc in FIRST_ENDCAP_LAYERS for barrel in BARREL_LAYERS),
)

_TABLE = np.full((max(PIXEL_VOLUMES) + 1, 15), -1, np.int32)
for _index, _address in enumerate(PIXEL_LAYERS):
    _TABLE[_address] = _index


def layer_index(volume_id: ArrayLike, layer_id: ArrayLike) -> NDArray[np.int32]:
    """(N,) layer index 0…17 of hits by their volume and layer; −1 outside the pixel detector."""
    volume, layer = np.asarray(volume_id), np.asarray(layer_id)
    inside = (volume >= 0) & (volume < _TABLE.shape[0]) & (layer >= 0) & (layer < _TABLE.shape[1])
    index = _TABLE[np.where(inside, volume, 0), np.where(inside, layer, 0)]
    return index.astype(np.int32)


def misplaced_layer(layer: NDArray[np.integer], r: NDArray[np.floating], z: NDArray[np.floating]) -> str | None:
    """What is wrong with hits (N,) whose layer stands elsewhere than TrackML's; None where all is well.

    Compares the median r or z, in mm, of each layer's hits with `LAYER_POSITIONS`. O(N log N).
    """
    for index in np.unique(layer).tolist():
        on_layer = layer == index
        axis, values = ("r", r) if index in BARREL_LAYERS else ("z", z)
        found, wanted = float(np.median(values[on_layer])), LAYER_POSITIONS[index]
        if abs(found - wanted) <= POSITION_TOLERANCE * abs(wanted):
            continue
        volume, layer_id = PIXEL_LAYERS[index]
        metres = abs(1000 * found - wanted) <= POSITION_TOLERANCE * abs(wanted)
        remedy = "they look like metres: multiply them by 1000" if metres else "use events of the TrackML detector"
        return (
            f"hits of volume {volume}, layer {layer_id} lie at {axis} = {found:.4g} (median), wanted about {wanted:g} "
            f"mm; {remedy}"
        )
    return None
