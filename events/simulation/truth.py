"""Hit weights of the TrackML score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Amrouche et al., "The Tracking Machine Learning challenge: accuracy phase" (2019), section 3: a hit weighs more near
# the ends of a track, and on a particle of larger pT. Shape of the first, from the first hit to the last:
_ORDER_SHAPE = np.array([10.0, 8.0, 6.0, 5.0, 3.0, 3.0, 3.0, 5.0, 6.0])
_MIN_HITS = 4
_MAX_HITS = 20
_PT_RANGE, _PT_WEIGHT = (0.5, 3.0), (0.2, 1.0)  # GeV


def hit_weights(
    particle: NDArray[np.int64],
    distance: NDArray[np.float64],
    hits_of_particle: NDArray[np.int64],
    particle_pt: NDArray[np.float64],
    primary: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(H,) weights that sum to 1 over the event.

    `particle` (H,) is the row of the hit's particle, −1 for noise; `distance` (H,) is |z − z of its vertex|, mm, by
    which hits are put in order; `hits_of_particle` (P,); `particle_pt` (P,) GeV; `primary` (P,): the particle is no
    secondary. Noise, and hits of secondaries and of particles with fewer than 4 hits weigh 0.
    """
    weights = np.zeros(len(particle))
    signal = np.flatnonzero(particle >= 0)
    if len(signal) == 0:
        return weights
    owner = particle[signal]
    rank = _rank_within(owner, distance[signal])
    count = np.minimum(hits_of_particle[owner], _MAX_HITS)
    by_order = _order_table()[count, np.minimum(rank, _MAX_HITS - 1)]
    by_order[rank >= _MAX_HITS] = 0.0
    by_order[~primary[owner]] = 0.0
    weights[signal] = by_order * np.interp(particle_pt[owner], _PT_RANGE, _PT_WEIGHT)
    total = weights.sum()
    return weights / total if total > 0 else weights


def _order_table() -> NDArray[np.float64]:
    """(21, 20) weight of the k-th of n hits, row n; each row of at least 4 hits sums to 1, the others are 0."""
    table = np.zeros((_MAX_HITS + 1, _MAX_HITS))
    knots = np.linspace(0.0, 1.0, len(_ORDER_SHAPE))
    for count in range(_MIN_HITS, _MAX_HITS + 1):
        shape = np.interp(np.arange(count) / (count - 1), knots, _ORDER_SHAPE)
        table[count, :count] = shape / shape.sum()
    return table


def _rank_within(owner: NDArray[np.int64], key: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) 0, 1, … by ascending `key` among the entries of the same owner."""
    order = np.lexsort((key, owner))
    starts = np.r_[True, np.diff(owner[order]) != 0]
    position = np.arange(len(owner))
    rank = np.empty(len(owner), np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(starts, position, 0))
    return rank
