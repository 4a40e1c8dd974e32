"""The doublets that true particles make, as pairs of modules: what a module map is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.graphs.labels import LabelConfig, label_edges
from edgetrack.graphs.layers import LAYER_PAIRS
from edgetrack.graphs.module_map.modules import Modules, distances
from edgetrack.graphs.selection import SelectedHits


class TruePairs(NamedTuple):
    """True doublets of any number of events; what hits of one module pair have in common is learnt from these."""

    source: NDArray[np.int64]  # (P,) row of the inner hit's module
    target: NDArray[np.int64]  # (P,) row of the outer hit's module
    slope: NDArray[np.float64]  # (P,) rad/mm, Δφ / Δr
    z0: NDArray[np.float64]  # (P,) mm, z − r Δz / Δr of the inner hit
    pt: NDArray[np.float64]  # (P,) GeV, of the particle; NaN where it is not listed
    reach: float  # mm, largest distance of a hit from the centre of its module
    events: int

    def above(self, pt_min: float | None) -> TruePairs:
        """Those of particles with pT above `pt_min` GeV, all for None."""
        if pt_min is None:
            return self
        keep = self.pt > pt_min
        return self._replace(
            source=self.source[keep],
            target=self.target[keep],
            slope=self.slope[keep],
            z0=self.z0[keep],
            pt=self.pt[keep],
        )


def true_pairs(hits: SelectedHits, modules: Modules, labels: LabelConfig) -> TruePairs:
    """The doublets of `hits` that `labels.label_edges` would call true, wherever windows are.

    Pairs of equal r are left out: no window of φ slope takes them. Raises ValueError without truth, or for hits on
    other modules. O(N log N) in hits.
    """
    edges = _of_one_particle(hits)
    edges = edges[:, label_edges(hits, edges, labels)]
    slope, z0 = slope_and_z0(hits, edges)
    finite = np.isfinite(slope) & np.isfinite(z0)
    source, target = edges[:, finite]
    rows = modules.rows(hits)
    pt = np.full(len(hits), np.nan) if hits.pt is None else hits.pt.astype(np.float64)
    reach = float(distances(hits, modules, rows).max(initial=0.0))
    return TruePairs(rows[source], rows[target], slope[finite], z0[finite], pt[source], reach, 1)


def merged(parts: Sequence[TruePairs]) -> TruePairs:
    """The pairs of several events as those of one. Raises ValueError for none."""
    if not parts:
        raise ValueError("no events to learn a module map from; give some with truth")
    return TruePairs(
        source=np.concatenate([part.source for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        slope=np.concatenate([part.slope for part in parts]),
        z0=np.concatenate([part.z0 for part in parts]),
        pt=np.concatenate([part.pt for part in parts]),
        reach=max(part.reach for part in parts),
        events=sum(part.events for part in parts),
    )


def slope_and_z0(hits: SelectedHits, edge_index: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(E,) Δφ / Δr in rad/mm and z0 = z − r Δz / Δr in mm of doublets (2, E); not finite where Δr = 0. O(E)."""
    source, target = edge_index
    delta_phi = (hits.phi[target] - hits.phi[source] + np.pi) % (2 * np.pi) - np.pi
    delta_r, delta_z = hits.r[target] - hits.r[source], hits.z[target] - hits.z[source]
    with np.errstate(divide="ignore", invalid="ignore"):
        return delta_phi / delta_r, hits.z[source] - hits.r[source] * delta_z / delta_r


def _of_one_particle(hits: SelectedHits) -> NDArray[np.int64]:
    """(2, P) all pairs of hits of one particle on `LAYER_PAIRS`, by layer pair."""
    if hits.particle_id is None:
        raise ValueError("hits have no particle_id, which true pairs are known by; read the events with their truth")
    frame = pd.DataFrame({"particle": hits.particle_id, "hit": np.arange(len(hits))})
    on_layer = {layer: rows for layer, rows in frame[hits.particle_id != 0].groupby(hits.layer[hits.particle_id != 0])}
    found = [np.empty((2, 0), np.int64)]
    for inner, outer in LAYER_PAIRS:
        if inner in on_layer and outer in on_layer:
            pairs = on_layer[inner].merge(on_layer[outer], on="particle", suffixes=("_inner", "_outer"))
            found.append(pairs[["hit_inner", "hit_outer"]].to_numpy(np.int64).T)
    return np.concatenate(found, axis=1)
