"""The compiled search for doublets: hits sorted into bins of layer, z (or r) and φ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled

TWO_PI = 2 * np.pi
_LANES = 8  # float64 lanes of the widest vector unit; runs of hits are tested in whole vectors


class HitBins(NamedTuple):
    """Hits in order of (layer, row, φ bin); a row is a slice of a layer along its longer side, z or r."""

    start: NDArray[np.int32]  # (layers × rows × φ bins + 1,) first hit of each bin
    boxes: NDArray[np.float64]  # (layers, rows, 4) mm, smallest and largest r, smallest and largest z
    node: NDArray[np.int32]  # (N,) node of each sorted hit
    r: NDArray[np.float64]  # (N + _LANES,) mm, sorted, then padded, as φ and z
    phi: NDArray[np.float64]
    z: NDArray[np.float64]


@compiled(nogil=True)
def bin_hits(
    r: NDArray[np.float64],
    phi: NDArray[np.float64],
    z: NDArray[np.float64],
    layer: NDArray[np.int32],
    layers: int,
    rows: int,
    phi_bins: int,
) -> HitBins:
    """Sort hits into bins; stable, so hits of one bin stay in node order. O(N + bins)."""
    size = len(r)
    low, high = np.full((layers, 2), np.inf), np.full((layers, 2), -np.inf)
    for i in range(size):
        k = layer[i]
        low[k, 0], high[k, 0] = min(low[k, 0], r[i]), max(high[k, 0], r[i])
        low[k, 1], high[k, 1] = min(low[k, 1], z[i]), max(high[k, 1], z[i])

    start = np.zeros(layers * rows * phi_bins + 1, np.int32)
    boxes = np.empty((layers, rows, 4))
    boxes[:, :, 0::2], boxes[:, :, 1::2] = np.inf, -np.inf
    cell = np.empty(size, np.int32)
    for i in range(size):
        k = layer[i]
        axis = 1 if high[k, 1] - low[k, 1] > high[k, 0] - low[k, 0] else 0
        extent = high[k, axis] - low[k, axis]
        place = (z[i] if axis == 1 else r[i]) - low[k, axis]
        row = min(int(place / extent * rows), rows - 1) if extent > 0 else 0
        column = max(0, min(int((phi[i] + np.pi) / TWO_PI * phi_bins), phi_bins - 1))
        cell[i] = (k * rows + row) * phi_bins + column
        start[cell[i] + 1] += 1
        box = boxes[k, row]
        box[0], box[1] = min(box[0], r[i]), max(box[1], r[i])
        box[2], box[3] = min(box[2], z[i]), max(box[3], z[i])
    for c in range(len(start) - 1):
        start[c + 1] += start[c]

    node, following = np.empty(size, np.int32), start[:-1].copy()
    r_sorted, phi_sorted, z_sorted = np.zeros(size + _LANES), np.zeros(size + _LANES), np.zeros(size + _LANES)
    for i in range(size):
        k = following[cell[i]]
        following[cell[i]] += 1
        node[k], r_sorted[k], phi_sorted[k], z_sorted[k] = i, r[i], phi[i], z[i]
    return HitBins(start, boxes, node, r_sorted, phi_sorted, z_sorted)


@compiled(nogil=True, error_model="numpy")
def find_doublets(
    first: int,
    last: int,
    ends: NDArray[np.int64],
    pairs: NDArray[np.int32],
    radius: NDArray[np.float64],
    bins: HitBins,
    slope: float,
    z0_max: float,
    half_length: float,
) -> NDArray[np.int32]:
    """(2, E) doublets of the work items `first`…`last` − 1.

    A work item is one inner hit of one layer pair, numbered through all pairs; `ends` (pairs,) is where the items
    of each pair end, `radius` (pairs,) the barrel radius in mm that its edges must not cross, 0 for none.
    """
    per_layer = (len(bins.start) - 1) // bins.boxes.shape[0]
    found = np.empty((2, 8 * (last - first) + 64), np.int32)
    inside = np.empty(len(bins.r), np.uint8)
    count, pair = 0, 0
    for item in range(first, last):
        while item >= ends[pair]:
            pair += 1
        begin = ends[pair - 1] if pair > 0 else 0
        inner = bins.start[pairs[pair, 0] * per_layer] + item - begin
        outer_layer = pairs[pair, 1]
        room = bins.start[(outer_layer + 1) * per_layer] - bins.start[outer_layer * per_layer]
        if count + room > found.shape[1]:
            larger = np.empty((2, 2 * found.shape[1] + room), np.int32)
            larger[:, :count] = found[:, :count]
            found = larger
        new = _outer_hits(found[1, count:], inside, inner, outer_layer, radius[pair], bins, slope, z0_max, half_length)
        found[0, count : count + new] = bins.node[inner]
        count += new
    return found[:, :count].copy()


@compiled(nogil=True, error_model="numpy", inline="always")
def _outer_hits(
    out: NDArray[np.int32],
    inside: NDArray[np.uint8],
    inner: int,
    layer: int,
    radius: float,
    bins: HitBins,
    slope: float,
    z0_max: float,
    half_length: float,
) -> int:
    """Write to `out` the hits of `layer` that form a doublet with the hit `inner`; return their number.

    Inlined, and without array views: counting their references costs ten times the search.
    """
    r, phi, z = bins.r[inner], bins.phi[inner], bins.z[inner]
    rows = bins.boxes.shape[1]
    phi_bins = (len(bins.start) - 1) // (bins.boxes.shape[0] * rows)
    lowest_slope, highest_slope = _slopes(r, z, z0_max, radius, half_length)
    count = 0
    if lowest_slope > highest_slope:
        return 0
    for row in range(rows):
        near, far = bins.boxes[layer, row, 0] - r, bins.boxes[layer, row, 1] - r
        back, front = bins.boxes[layer, row, 2] - z, bins.boxes[layer, row, 3] - z
        a, b, c, d = lowest_slope * near, lowest_slope * far, highest_slope * near, highest_slope * far
        low, high = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        slack = 1e-9 * (abs(low) + abs(high)) + 1e-6  # rounding must never lose a bin
        if near > far or front < low - slack or back > high + slack:
            continue
        reach = min(slope * max(abs(near), abs(far)) * (1 + 1e-9) + 1e-9, TWO_PI)
        lowest = int(np.floor((phi - reach + np.pi) / TWO_PI * phi_bins))
        highest = int(np.floor((phi + reach + np.pi) / TWO_PI * phi_bins))
        if highest - lowest >= phi_bins - 1:
            lowest, highest = 0, phi_bins - 1
        # the range may leave [0, phi_bins) on either side: at most two runs of sorted hits
        base = (layer * rows + row) * phi_bins
        for turn in range(-1 if lowest < 0 else 0, 2 if highest >= phi_bins else 1):
            begin = bins.start[base + max(lowest - turn * phi_bins, 0)]
            end = bins.start[base + min(highest - turn * phi_bins, phi_bins - 1) + 1]
            _test(bins, begin, end, r, phi, z, slope, z0_max, radius, half_length, inside)
            for k in range(begin, end):
                # written always, kept by the count: a branch here would be mispredicted every second time
                out[count] = bins.node[k]
                count += inside[k - begin]
    return count


@compiled(nogil=True, error_model="numpy")
def _slopes(r: float, z: float, z0_max: float, radius: float, half_length: float) -> tuple[float, float]:
    """Bounds of Δz/Δr for the doublets of one inner hit; the first above the second where there are none."""
    low, high = (z - z0_max) / r, (z + z0_max) / r
    slack = 1e-9 * (1 + abs(low) + abs(high))  # rounding must never lose a doublet
    low, high = low - slack, high + slack
    if radius > r:  # the line passes `radius` beyond the left or beyond the right end of the barrel
        left, right = (-half_length - z) / (radius - r), (half_length - z) / (radius - r)
        slack = 1e-9 * (1 + abs(left) + abs(right))
        if low > left + slack:
            low = max(low, right - slack)
        if high < right - slack:
            high = min(high, left + slack)
    return low, high


@compiled(nogil=True, error_model="numpy", inline="always")
def _test(
    bins: HitBins,
    begin: int,
    end: int,
    r: float,
    phi: float,
    z: float,
    slope: float,
    z0_max: float,
    radius: float,
    half_length: float,
    inside: NDArray[np.uint8],
) -> None:
    """Set `inside` to 1 where the sorted hits from `begin` to `end` form a doublet with the inner hit, else to 0.

    The cuts in exactly the arithmetic of `all_pairs.py`: float64, the same operations in the same order. Without
    branches and in whole vectors (results past `end` are discarded), so that SIMD does nearly all of it.
    """
    stop = begin + (end - begin + _LANES - 1) // _LANES * _LANES
    outer_r, outer_phi, outer_z = bins.r[begin:stop], bins.phi[begin:stop], bins.z[begin:stop]
    for k in range(len(outer_r)):
        delta_phi = outer_phi[k] - phi + np.pi
        # numpy's `% 2π` for −π ≤ value ≤ 3π, without the division: both branches are exact where fmod is
        below, above = delta_phi + TWO_PI, delta_phi - TWO_PI
        delta_phi = below if delta_phi < 0 else (above if delta_phi >= TWO_PI else delta_phi)
        delta_phi -= np.pi
        delta_r, delta_z = outer_r[k] - r, outer_z[k] - z
        z0 = z - r * delta_z / delta_r
        crossing = radius * delta_z / delta_r + z0
        skips = (radius > 0) & (crossing > -half_length) & (crossing < half_length)
        inside[k] = (abs(delta_phi / delta_r) < slope) & (abs(z0) < z0_max) & (not skips)
