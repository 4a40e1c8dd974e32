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
