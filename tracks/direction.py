"""Directions of edges in the planes (r, φ) and (r, z), in which a track is nearly straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

# Typical differences between the slopes of two parts of one track above 1 GeV in the pixel detector, seen on validation
# graphs of real TrackML events: 68 % are within these.
BEND = 0.03  # rad / m, of dφ/dr
IMPACT = 0.0015  # m, of the z at which a part meets the beam line
MIN_STEP = 0.001  # m in r; two hits at nearly the same radius have no direction


def slopes(
    x: NDArray[np.floating], inner: NDArray[np.int64], outer: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """dφ/dr (rad / m) and dz/dr from hit to hit, and where the step in r is large enough to say so.

    Args: x (N, 3) r/1000 mm, φ/π, z/1000 mm; inner and outer (K,) rows of x.
    """
    x64 = x.astype(np.float64)
    step, phi, z = (x64[outer] - x64[inner]).T
    valid = step > MIN_STEP
    step = np.where(valid, step, 1.0)
    return ((phi + 1.0) % 2.0 - 1.0) * np.pi / step, z / step, valid


def kink_penalties(
    x: NDArray[np.float32], edge_index: NDArray[np.int64], scored: NDArray[np.bool_], largest: float
) -> NDArray[np.float64]:
    """(E,) what each edge in `scored` loses of its logit because no other one in `scored` goes straight on from it.

    Of all edges that arrive at its inner hit the one with the smallest χ²/2 against it counts, and likewise of those
    that leave its outer hit: χ² = (Δ(dφ/dr) / BEND)² + (Δ(dz/dr) r / IMPACT)², r that of the hit in common, at most
    `largest` a side (so also where a step has no direction). Where no edge goes on there is nothing to lose: tracks
    end. χ²/2 is minus the logarithm of a Gaussian likelihood, so it is in the unit of logits. 0 for other edges.
    O(E log E + pairs of scored edges with a hit in common).
    """
    rows = np.flatnonzero(scored)
    source, target = edge_index[:, rows]
    bend, slope, valid = slopes(x, source, target)
    by_source = np.argsort(source, kind="stable")
    starts = np.searchsorted(source[by_source], np.arange(len(x) + 1))
    radius = x[:, 0].astype(np.float64)
    penalties = np.zeros(len(scored))
    penalties[rows] = _smallest_kinks(target, bend / BEND, slope / IMPACT, valid, radius, by_source, starts, largest)
    return penalties


@compiled()
def _smallest_kinks(
    target: NDArray[np.int64],
    bend: NDArray[np.float64],
    slope: NDArray[np.float64],
    valid: NDArray[np.bool_],
    radius: NDArray[np.float64],
    by_source: NDArray[np.int64],
    starts: NDArray[np.int64],
    largest: float,
) -> NDArray[np.float64]:
    """(E,) smallest χ²/2 with an edge on the outer side plus that on the inner side, each 0 where there is none."""
    outward = np.full(len(target), np.inf)
    inward = np.full(len(target), np.inf)
    for edge in range(len(target)):
        hit = target[edge]
        for place in range(starts[hit], starts[hit + 1]):
            following = by_source[place]
            kink = largest
            if valid[edge] and valid[following]:
                in_phi, in_z = bend[edge] - bend[following], (slope[edge] - slope[following]) * radius[hit]
                kink = min(largest, (in_phi * in_phi + in_z * in_z) / 2)
            outward[edge] = min(outward[edge], kink)
            inward[following] = min(inward[following], kink)
    return np.where(np.isinf(outward), 0.0, outward) + np.where(np.isinf(inward), 0.0, inward)
