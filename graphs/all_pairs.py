"""The geometric construction over all pairs of hits in numpy: the reference that the compiled one must equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.geometric import BARREL_HALF_LENGTH, GeometricConfig
from edgetrack.graphs.layers import LAYER_PAIRS
from edgetrack.graphs.selection import SelectedHits

_PAIRS_AT_ONCE = 60_000  # temporaries stay in cache: twice as fast as whole layers at once


def all_pairs_edges(hits: SelectedHits, config: GeometricConfig) -> NDArray[np.int64]:
    """(2, E) the edges of `geometric.geometric_edges`, by layer pair, then inner hit, then outer hit.

    Cost: O(Σ hits_a × hits_b) over layer pairs, in blocks of inner hits.
    """
    found = [np.empty((2, 0), np.int64)]
    for source_layer, target_layer in LAYER_PAIRS:
        source = np.flatnonzero(hits.layer == source_layer)
        target = np.flatnonzero(hits.layer == target_layer)
        radius = config.crossing_radius(source_layer, target_layer)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(target)))
        for begin in range(0, len(source), step):
            block = source[begin : begin + step]
            row, column = np.nonzero(_joined(hits, block, target, config, radius))
            found.append(np.stack([block[row], target[column]]))
    return np.concatenate(found, axis=1)


def _joined(
    hits: SelectedHits,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    config: GeometricConfig,
    radius: float,
) -> NDArray[np.bool_]:
    """(len(source), len(target)) whether a pair passes the windows; DeZoort et al. 2021, section 3.1."""
    slope, z0_max = config.windows
    r, z = hits.r[source][:, None], hits.z[source][:, None]
    delta_phi = hits.phi[target] - hits.phi[source][:, None]
    delta_phi = (delta_phi + np.pi) % (2 * np.pi) - np.pi
    delta_r = hits.r[target] - r
    delta_z = hits.z[target] - z
    with np.errstate(divide="ignore", invalid="ignore"):  # Δr = 0 gives ∞ or NaN, which no window takes
        good = np.abs(delta_phi / delta_r) < slope
        z0 = z - r * delta_z / delta_r
        good &= np.abs(z0) < z0_max
        if radius > 0:
            crossing = radius * delta_z / delta_r + z0
            good &= ~((crossing > -BARREL_HALF_LENGTH) & (crossing < BARREL_HALF_LENGTH))
    return good
