"""Geometric digitisation: the cells that a straight line through the sensor passes, and the cluster's position.

Nothing drifts or diffuses. The charge of a cell is the length of the path in it (mm); pixels smear it, strips only say
yes. Clusters of different particles are not merged, as in TrackML.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from edgetrack.events.simulation.modules import ENDCAP_VOLUMES, PIXEL_VOLUMES, Modules
from edgetrack.events.simulation.particles import Crossings

_CHARGE_NOISE = 0.002  # mm of path, of each pixel
_MIN_PATH = 1e-9  # mm; what is shorter is rounding at a corner
_ENDCAP_THICKNESS = 2.0  # TrackML's cells show endcap sensors as if twice as thick


@dataclass(frozen=True)
class Clusters:
    """Measured hits, one for each crossing that left charge, and their cells."""

    crossing: NDArray[np.int64]  # (H,) row of the crossing
    position: NDArray[np.float64]  # (H, 3) mm, global, centre of the cells, charge-weighted in pixels
    cell_hit: NDArray[np.int64]  # (K,) row of the hit, ascending
    channel: NDArray[np.int64]  # (K, 2) column and row of the cell, from 0
    value: NDArray[np.float64]  # (K,) mm of path in a pixel, 1 for a strip


def digitize(crossings: Crossings, modules: Modules, rng: np.random.Generator) -> Clusters:
    """Cells and positions of `crossings` of modules; O(cells), about 1 µs each."""
    module = modules.rows(crossings.geometry_id)
    owner, channel, path = _cells(crossings, modules, module)
    pixel = np.isin(modules.volume_id[module], PIXEL_VOLUMES)
    value = np.ones(len(owner))
    smeared = pixel[owner]
    value[smeared] = path[smeared] + rng.normal(scale=_CHARGE_NOISE, size=int(smeared.sum()))
    fired = (value > 0) & (path > _MIN_PATH)
    owner, channel, value = owner[fired], channel[fired], value[fired]
    hits, cell_hit = np.unique(owner, return_inverse=True)
    rows = module[hits]
    weighted = _weighted_mean(cell_hit, channel, value, len(hits))
    centre = np.where(pixel[hits, None], weighted, _middle(cell_hit, channel))
    pitch = np.column_stack([modules.pitch_u, modules.pitch_v])[rows]
    half = np.column_stack([modules.half_u_high, modules.half_v])[rows]
    local = np.column_stack([(centre + 0.5) * pitch - half, np.zeros(len(hits))])
    return Clusters(
        crossing=hits, position=modules.to_global(rows, local), cell_hit=cell_hit, channel=channel, value=value
    )


def _weighted_mean(
    cell_hit: NDArray[np.int64], channel: NDArray[np.int64], value: NDArray[np.float64], hits: int
) -> NDArray[np.float64]:
    """(H, 2) mean channel of each hit's cells, weighted with their values."""
    total = np.bincount(cell_hit, value, hits)
    return np.column_stack([np.bincount(cell_hit, value * axis, hits) / total for axis in channel.T])


def _middle(cell_hit: NDArray[np.int64], channel: NDArray[np.int64]) -> NDArray[np.float64]:
    """(H, 2) middle of the channels between the lowest and the highest of each hit: strips carry no charge to weigh."""
    if len(cell_hit) == 0:
        return np.zeros((0, 2))
    first = np.flatnonzero(np.r_[True, np.diff(cell_hit) > 0])
    return (np.minimum.reduceat(channel, first) + np.maximum.reduceat(channel, first)) / 2


def _cells(
    crossings: Crossings, modules: Modules, module: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row of the crossing (K,), channel (K, 2) and path in mm (K,) of every cell on a path through a sensor."""
    middle = modules.to_local(module, crossings.position)[:, :2]
    direction = modules.to_local_direction(module, crossings.direction)
    endcap = np.isin(modules.volume_id[module], ENDCAP_VOLUMES)
    thickness = modules.thickness[module] * np.where(endcap, _ENDCAP_THICKNESS, 1.0)
    length = thickness / np.abs(direction[:, 2])
    shift = direction[:, :2] * length[:, None]
    half = np.column_stack([modules.half_u_high[module], modules.half_v[module]])
    slope = (modules.half_u_high - modules.half_u_low)[module] / (2 * half[:, 1])
    pitch = np.column_stack([modules.pitch_u[module], modules.pitch_v[module]])
    room = (np.floor(np.abs(shift) / pitch).astype(np.int64) + 2).sum(axis=1)  # at most this many cells
    first = np.concatenate([[0], np.cumsum(room)])
    channel = np.empty((first[-1], 2), np.int64)
    path = np.empty(first[-1])
    used = _walk(middle - shift / 2, shift, length, half, slope, pitch, first, channel, path)
    within = np.arange(first[-1]) - np.repeat(first[:-1], room)
    filled = within < np.repeat(used, room)
    return np.repeat(np.arange(len(module)), used), channel[filled], path[filled]


@numba.njit(cache=True)
def _inside(  # type: ignore[no-untyped-def]
    u, v, du, dv, half_u, half_v, slope
):
    """Part (from, to) of the segment (u, v) + s (du, dv), 0 ≤ s ≤ 1, within a trapezoid (Liang and Barsky, 1984)."""
    start, stop = 0.0, 1.0
    edge = half_u - slope * half_v  # half width at v = 0
    for side in range(4):
        sign = 1.0 if side % 2 == 0 else -1.0
        if side < 2:
            gap, rate = half_v - sign * v, sign * dv
        else:
            gap, rate = edge + slope * v - sign * u, sign * du - slope * dv
        if rate == 0.0:
            if gap < 0.0:
                return 1.0, 0.0
        elif rate > 0.0:
            stop = min(stop, gap / rate)
        else:
            start = max(start, gap / rate)
    return start, stop


@numba.njit(cache=True)
def _walk(  # type: ignore[no-untyped-def]
    entry, shift, length, half, slope, pitch, first, channel, path
):
    """Fill `channel` and `path` from row `first[i]` on for each segment i; return how many cells each filled."""
    used = np.zeros(len(entry), np.int64)
    for i in range(len(entry)):
        start, stop = _inside(entry[i, 0], entry[i, 1], shift[i, 0], shift[i, 1], half[i, 0], half[i, 1], slope[i])
        s, k = start, first[i]
        while s < stop and k < first[i + 1]:
            nearest = stop
            for axis in range(2):
                step = shift[i, axis] / pitch[i, axis]
                place = (entry[i, axis] + half[i, axis]) / pitch[i, axis]
                if k == first[i]:
                    last = int(2.0 * half[i, axis] / pitch[i, axis] + 0.5) - 1
                    channel[k, axis] = min(max(int(np.floor(place + s * step)), 0), last)
                if step != 0.0:
                    border = channel[k, axis] + (1 if step > 0.0 else 0)
                    nearest = min(nearest, max((border - place) / step, s))
            path[k] = (nearest - s) * length[i]
            k += 1
            s = nearest
            if s < stop and k < first[i + 1]:
                for axis in range(2):
                    step = shift[i, axis] / pitch[i, axis]
                    place = (entry[i, axis] + half[i, axis]) / pitch[i, axis]
                    channel[k, axis] = channel[k - 1, axis]
                    if step != 0.0 and (channel[k, axis] + (1 if step > 0.0 else 0) - place) / step <= s:
                        channel[k, axis] += 1 if step > 0.0 else -1
        used[i] = k - first[i]
    return used
