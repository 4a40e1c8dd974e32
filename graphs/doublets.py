"""The compiled search for doublets: hits sorted into bins of layer, z (or r) and φ."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

TWO_PI = 2 * np.pi


class HitBins(NamedTuple):
    """Hits in order of (layer, row, φ bin); a row is a slice of a layer along its longer side, z or r."""

    start: NDArray[np.int32]  # (layers × rows × φ bins + 1,) first hit of each bin
    boxes: NDArray[np.float64]  # (layers, rows, 4) mm, smallest and largest r, smallest and largest z
    node: NDArray[np.int32]  # (N,) node of each sorted hit
    r: NDArray[np.float64]  # (N,) mm, sorted, as φ and z
    phi: NDArray[np.float64]
    z: NDArray[np.float64]
    members: NDArray[np.int32]  # (N,) nodes by layer, in node order
    layer_start: NDArray[np.int32]  # (layers + 1,) into members
    phi_bins: int


@numba.njit(cache=True, nogil=True)
def bin_hits(
    r: NDArray[np.float64], phi: NDArray[np.float64], z: NDArray[np.float64], layer: NDArray[np.int32],
    layers: int, rows: int, phi_bins: int,
) -> HitBins:
    """Sort hits into bins; stable, so hits of one bin stay in node order. O(N + bins)."""
    size = len(r)
    low, high = np.full((layers, 2), np.inf), np.full((layers, 2), -np.inf)
    layer_start = np.zeros(layers + 1, np.int32)
    for i in range(size):
        k = layer[i]
        layer_start[k + 1] += 1
        low[k, 0], high[k, 0] = min(low[k, 0], r[i]), max(high[k, 0], r[i])
        low[k, 1], high[k, 1] = min(low[k, 1], z[i]), max(high[k, 1], z[i])
    for k in range(layers):
        layer_start[k + 1] += layer_start[k]

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

    node, members = np.empty(size, np.int32), np.empty(size, np.int32)
    next_in_cell, next_in_layer = start.copy(), layer_start.copy()
    for i in range(size):
        node[next_in_cell[cell[i]]] = i
        next_in_cell[cell[i]] += 1
        members[next_in_layer[layer[i]]] = i
        next_in_layer[layer[i]] += 1
    return HitBins(start, boxes, node, r[node], phi[node], z[node], members, layer_start, phi_bins)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_doublets(
    first: int, last: int, ends: NDArray[np.int64], pairs: NDArray[np.int32], radius: NDArray[np.float64],
    r: NDArray[np.float64], phi: NDArray[np.float64], z: NDArray[np.float64], bins: HitBins,
    slope: float, z0_max: float, half_length: float,
) -> NDArray[np.int32]:
    """(2, E) doublets of the work items `first`…`last` − 1.

    A work item is one inner hit of one layer pair, numbered through all pairs; `ends` (pairs,) is where the items of
    each pair end, `radius` (pairs,) the barrel radius in mm that its edges must not cross, 0 for none.
    """
    found = np.empty((2, 4 * (last - first) + 64), np.int32)
    count, pair = 0, 0
    for item in range(first, last):
        while item >= ends[pair]:
            pair += 1
        begin = ends[pair - 1] if pair > 0 else 0
        i = bins.members[bins.layer_start[pairs[pair, 0]] + item - begin]
        room = _most_outer(bins, pairs[pair, 1])
        if count + room > found.shape[1]:
            larger = np.empty((2, 2 * found.shape[1] + room), np.int32)
            larger[:, :count] = found[:, :count]
            found = larger
        new = _outer_hits(found[1, count:], r[i], phi[i], z[i], pairs[pair, 1], radius[pair], bins, slope, z0_max,
                          half_length)
        found[0, count:count + new] = i
        count += new
    return found[:, :count].copy()


@numba.njit(cache=True, nogil=True)
def _most_outer(bins: HitBins, layer: int) -> int:
    return bins.layer_start[layer + 1] - bins.layer_start[layer]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _outer_hits(
    out: NDArray[np.int32], r: float, phi: float, z: float, layer: int, radius: float, bins: HitBins,
    slope: float, z0_max: float, half_length: float,
) -> int:
    """Write to `out` the hits of `layer` that form a doublet with the inner hit (r, phi, z); return their number."""
    count, phi_bins, rows = 0, bins.phi_bins, bins.boxes.shape[1]
    steepest, flattest = (z - z0_max) / r, (z + z0_max) / r  # |z0| < z0_max ⇔ Δz/Δr between these
    for row in range(rows):
        base = (layer * rows + row) * phi_bins
        if bins.start[base] == bins.start[base + phi_bins]:
            continue
        box = bins.boxes[layer, row]
        near, far = box[0] - r, box[1] - r
        a, b, c, d = steepest * near, steepest * far, flattest * near, flattest * far
        low, high = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        slack = 1e-9 * (abs(low) + abs(high)) + 1e-6  # rounding must never lose a bin
        if box[3] - z < low - slack or box[2] - z > high + slack:
            continue
        reach = slope * max(abs(near), abs(far)) * (1 + 1e-9) + 1e-9
        lowest = int(np.floor((phi - reach + np.pi) / TWO_PI * phi_bins))
        highest = int(np.floor((phi + reach + np.pi) / TWO_PI * phi_bins))
        if highest - lowest >= phi_bins - 1:
            lowest, highest = 0, phi_bins - 1
        # the range may leave [0, phi_bins) on either side: at most two runs of sorted hits
        for turn in range(-1, 2):
            begin = max(lowest - turn * phi_bins, 0)
            end = min(highest - turn * phi_bins, phi_bins - 1)
            if begin > end:
                continue
            for k in range(bins.start[base + begin], bins.start[base + end + 1]):
                if _joins(r, phi, z, bins.r[k], bins.phi[k], bins.z[k], slope, z0_max, radius, half_length):
                    out[count] = bins.node[k]
                    count += 1
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _joins(
    r: float, phi: float, z: float, outer_r: float, outer_phi: float, outer_z: float,
    slope: float, z0_max: float, radius: float, half_length: float,
) -> bool:
    """The cuts, in exactly the arithmetic of `all_pairs.py`: float64, same operations in the same order."""
    delta_phi = outer_phi - phi + np.pi
    # numpy's `% 2π` for −π ≤ value ≤ 3π, without the division: both branches are exact where fmod is
    if delta_phi < 0:
        delta_phi += TWO_PI
    elif delta_phi >= TWO_PI:
        delta_phi -= TWO_PI
    delta_phi -= np.pi
    delta_r = outer_r - r
    if not abs(delta_phi / delta_r) < slope:
        return False
    delta_z = outer_z - z
    z0 = z - r * delta_z / delta_r
    if not abs(z0) < z0_max:
        return False
    if radius > 0:
        crossing = radius * delta_z / delta_r + z0
        return not (-half_length < crossing < half_length)
    return True
