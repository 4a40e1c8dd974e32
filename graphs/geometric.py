"""Geometric graph construction: doublets of hits inside windows of φ slope and z0."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.doublets import bin_hits, find_doublets
from edgetrack.graphs.layers import LAYER_PAIRS, PIXEL_LAYERS
from edgetrack.graphs.selection import SelectedHits

# fmt: off
Preset = Literal[
    "2gev", "1.5gev", "1.4gev", "1.3gev", "1.2gev", "1.1gev", "1gev", "0.9gev", "0.8gev", "0.7gev", "0.6gev", "0.5gev",
    "hitgraphs",
]
# fmt: on

# pT threshold → (largest |Δφ/Δr| in rad/mm, largest |z0| in mm); DeZoort et al. 2021, section 3.1 and its code.
WINDOWS: dict[str, tuple[float, float]] = {
    "2gev": (0.006, 275.0),
    "1.5gev": (0.006, 275.0),
    "1.4gev": (0.0062, 290.0),
    "1.3gev": (0.0064, 305.0),
    "1.2gev": (0.0066, 320.0),
    "1.1gev": (0.0068, 335.0),
    "1gev": (0.007, 350.0),
    "0.9gev": (0.0072, 375.0),
    "0.8gev": (0.008, 425.0),
    "0.7gev": (0.0085, 500.0),
    "0.6gev": (0.0085, 500.0),
    "0.5gev": (0.0085, 500.0),
    # The published hit graphs of real TrackML events, at every threshold: their edges come out exactly.
    "hitgraphs": (0.0006, 15000.0),
}
# Mean radius, mm, of the barrel layer after layer 0 and 1, and the half length of the pixel barrel: a straight
# line from there to an endcap that crosses that layer inside the barrel has skipped a layer.
NEXT_BARREL_RADIUS = {0: 71.56298065185547, 1: 115.37811279296875}
BARREL_HALF_LENGTH = 490.975

_ROWS, _PHI_BINS = 4, 1024
_ITEMS_PER_CHUNK = 8192  # below this many sources, starting a thread costs more than it saves


@dataclass(frozen=True)
class GeometricConfig:
    """Windows of the construction: those of `preset`, unless set by hand."""

    preset: Preset = "1gev"
    phi_slope_max: float | None = None  # rad / mm, |Δφ / Δr| below this
    z0_max: float | None = None  # mm, |z0| below this, z0 = z − r Δz / Δr of the inner hit
    barrel_intersection: bool = True  # drop barrel–endcap edges that cross a barrel layer in between

    def __post_init__(self) -> None:
        if self.preset not in WINDOWS:
            raise ValueError(f"geometric.preset = {self.preset!r}, wanted one of {', '.join(WINDOWS)}")
        for name in ("phi_slope_max", "z0_max"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise ValueError(
                    f"geometric.{name} = {value}, wanted a finite number above 0, or null for the preset's"
                )

    @property
    def windows(self) -> tuple[float, float]:
        """(largest |Δφ/Δr| in rad/mm, largest |z0| in mm)."""
        slope, z0 = WINDOWS[self.preset]
        return self.phi_slope_max or slope, self.z0_max or z0

    def crossing_radius(self, source_layer: int, target_layer: int) -> float:
        """Radius, mm, of the barrel layer that an edge between these layers must not cross; 0 for none."""
        crosses = self.barrel_intersection and target_layer >= 4
        return NEXT_BARREL_RADIUS.get(source_layer, 0.0) if crosses else 0.0


def geometric_edges(hits: SelectedHits, config: GeometricConfig, threads: int | None = None) -> NDArray[np.int64]:
    """(2, E) edges inner → outer between hits on `LAYER_PAIRS` that pass the windows of `config`.

    An edge i → j exists where |Δφ/Δr| < slope, |z0| < z0_max and, from the two innermost barrel layers to an endcap,
    the straight line through both hits misses the next barrel layer; all in float64 (DeZoort et al. 2021,
    section 3.1). Same set as `all_pairs.all_pairs_edges`.

    Edges come by layer pair, then by the place of the inner hit, then by that of the outer hit: the same whatever
    `threads` (default: the cores of this process).
    Cost: O(N + candidates) time, O(N + E) memory.
    """
    slope, z0_max = config.windows
    bins = bin_hits(hits.r, hits.phi, hits.z, hits.layer, len(PIXEL_LAYERS), _ROWS, _PHI_BINS)
    pairs = np.array(LAYER_PAIRS, np.int32)
    radius = np.array([config.crossing_radius(a, b) for a, b in LAYER_PAIRS])
    counts = np.bincount(hits.layer, minlength=len(PIXEL_LAYERS))
    ends = np.cumsum(counts[pairs[:, 0]])
    items = int(ends[-1])

    def chunk(bounds: tuple[int, int]) -> NDArray[np.int32]:
        return find_doublets(*bounds, ends, pairs, radius, bins, slope, z0_max, BARREL_HALF_LENGTH)

    if threads is None:
        threads = available_cores()
    workers = max(1, min(threads, items // _ITEMS_PER_CHUNK))
    if workers == 1:
        return chunk((0, items)).astype(np.int64)
    # more chunks than threads, since endcap and barrel sources cost differently
    limits = np.linspace(0, items, 4 * workers + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(chunk, itertools.pairwise(limits)))
    return np.concatenate(parts, axis=1, dtype=np.int64)


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
