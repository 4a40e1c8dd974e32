"""The module map: pairs of modules that particles connect, and the windows of their doublets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.graphs.module_map.modules import Modules, distances
from edgetrack.graphs.module_map.symmetry import MapSymmetry
from edgetrack.graphs.selection import SelectedHits

FEWEST_FOR_WINDOW = 5  # doublets of a pair of modules: with fewer, their range says little about the next one
REACH_SLACK = 1.1  # of the largest distance from a module's centre that was seen, and 1 mm


class PairWindows(NamedTuple):
    """What decides on a doublet, by pair of modules in order of source, then target."""

    start: NDArray[np.int64]  # (M + 1,) first pair of each source module
    target: NDArray[np.int64]  # (P,) row of the outer module, ascending within a source
    slope: NDArray[np.float64]  # (P, 2) rad/mm, least and largest Δφ / Δr
    z0: NDArray[np.float64]  # (P, 2) mm, least and largest z0


@dataclass(frozen=True)
class ModuleMap:
    """Pairs of modules that doublets of true particles join, how often, and the range of the doublets' quantities.

    DeZoort et al. 2021, section 3.1, keep the pairs alone; the ranges are an addition, as maps of ATLAS have them.
    """

    modules: Modules
    source: NDArray[np.int64]  # (P,) row of the inner module; pairs ascend by source, then target
    target: NDArray[np.int64]  # (P,) row of the outer module
    count: NDArray[np.int64]  # (P,) doublets seen, images under the symmetry included
    slope: NDArray[np.float64]  # (P, 2) rad/mm, least and largest Δφ / Δr seen
    z0: NDArray[np.float64]  # (P, 2) mm, least and largest z0 seen
    reach: float  # mm, largest distance of a hit from its module's centre that was seen
    pt_min: float  # GeV, of the particles that it was learnt from; 0 for all
    events: int
    symmetry: MapSymmetry

    def __post_init__(self) -> None:
        for name in ("source", "target", "count"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int64))
        for name in ("slope", "z0"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.float64))
        shapes = {"source": (self.pairs,), "target": (self.pairs,), "count": (self.pairs,)}
        for name, shape in {**shapes, "slope": (self.pairs, 2), "z0": (self.pairs, 2)}.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"module map: {name} has shape {getattr(self, name).shape}, wanted {shape}")
        key = self.source * len(self.modules) + self.target
        ends = np.concatenate([self.source, self.target])
        if len(key) and (ends.min() < 0 or ends.max() >= len(self.modules) or (np.diff(key) <= 0).any()):
            raise ValueError("module map: pairs must ascend by source, then target, each once, and name modules")
        if not ((self.count > 0).all() and (np.diff(self.slope) >= 0).all() and (np.diff(self.z0) >= 0).all()):
            raise ValueError("module map: counts must be above 0, and every range from the least to the largest")
        if self.symmetry not in ("none", "exact", "near"):
            raise ValueError(f"module map: symmetry is {self.symmetry!r}, wanted none, exact or near")
        if not (0 < self.reach < np.inf and 0 <= self.pt_min < np.inf and self.events > 0):
            raise ValueError("module map: reach and events must be above 0, pt_min 0 or more")

    @property
    def pairs(self) -> int:
        return len(self.source)

    @cached_property
    def _start(self) -> NDArray[np.int64]:
        return np.searchsorted(self.source, np.arange(len(self.modules) + 1)).astype(np.int64)

    def windows(self, least: int = 1, margin: float | None = None) -> PairWindows:
        """Pairs seen at least `least` times, with windows open, or for a `margin` the ranges that were seen, widened.

        n even draws from an interval leave 1 / (n − 1) of what they span beyond either end, on average; a margin of m
        adds m times that. Pairs seen fewer than `FEWEST_FOR_WINDOW` times keep open windows. O(P).
        """
        kept = np.flatnonzero(self.count >= least)
        start = np.searchsorted(kept, self._start).astype(np.int64)
        open_ = np.full((len(kept), 2), np.inf) * [-1, 1]
        if margin is None:
            return PairWindows(start, self.target[kept], open_, open_.copy())
        count = self.count[kept]
        share = np.where(count >= FEWEST_FOR_WINDOW, margin / np.maximum(count - 1, 1), np.inf)
        wide = []
        for seen in (self.slope[kept], self.z0[kept]):
            more = share * np.maximum(seen[:, 1] - seen[:, 0], np.finfo(np.float64).tiny)
            wide.append(np.stack([seen[:, 0] - more, seen[:, 1] + more], axis=1))
        return PairWindows(start, self.target[kept], *wide)

    def joins(
        self, hits: SelectedHits, edge_index: NDArray[np.int64], least: int = 1, margin: float | None = None
    ) -> NDArray[np.bool_]:
        """(E,) whether the modules of each doublet (2, E) are a pair of the map, and its quantities in its windows.

        Raises: ValueError for hits on modules that the map does not know, or that lie beside their modules: of another
        geometry. O(N log M + E log d), d pairs of a module.
        """
        rows = self.modules.rows(hits)
        self._check_places(hits, rows)
        inside = np.empty(edge_index.shape[1], np.bool_)
        _test(edge_index, rows, hits.r, hits.phi, hits.z, self.windows(least, margin), inside)
        return inside

    def _check_places(self, hits: SelectedHits, rows: NDArray[np.int64]) -> None:
        away = distances(hits, self.modules, rows)
        if away.max(initial=0.0) > self.reach * REACH_SLACK + 1:
            hit = int(np.argmax(away))
            raise ValueError(
                f"hit {hits.hit_id[hit]} lies {away[hit]:.4g} mm from the centre of its module, wanted "
                f"{self.reach * REACH_SLACK + 1:.4g} mm at most: the modules stand elsewhere than in the module map; "
                "use events of the detector that it was made for, or make a map of this one (edgetrack module-map)"
            )


@compiled(nogil=True, error_model="numpy")
def _test(
    edge_index: NDArray[np.int64],
    rows: NDArray[np.int64],
    r: NDArray[np.float64],
    phi: NDArray[np.float64],
    z: NDArray[np.float64],
    windows: PairWindows,
    inside: NDArray[np.bool_],
) -> None:
    """Set `inside` (E,): a binary search among the pairs of the inner module, then its windows, ends included."""
    for edge in range(edge_index.shape[1]):
        a, b = edge_index[0, edge], edge_index[1, edge]
        wanted = rows[b]
        low, high = windows.start[rows[a]], windows.start[rows[a] + 1]
        end = high
        while low < high:
            middle = (low + high) // 2
            if windows.target[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        inside[edge] = False
        if low == end or windows.target[low] != wanted:
            continue
        delta_phi = (phi[b] - phi[a] + np.pi) % (2 * np.pi) - np.pi
        delta_r, delta_z = r[b] - r[a], z[b] - z[a]
        slope, z0 = delta_phi / delta_r, z[a] - r[a] * delta_z / delta_r
        inside[edge] = (
            slope >= windows.slope[low, 0]
            and slope <= windows.slope[low, 1]
            and z0 >= windows.z0[low, 0]
            and z0 <= windows.z0[low, 1]
        )
