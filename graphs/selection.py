"""Hit selection: `Event` → `SelectedHits`, the hits that become nodes, and a count of those that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.graphs.layers import PIXEL_LAYERS, PIXEL_VOLUMES, layer_index, misplaced_layer


@dataclass(frozen=True)
class SelectionConfig:
    """Which hits become nodes. The defaults are those of DeZoort et al. 2021, section 3.1, at 1 GeV.

    `pt_min`, `drop_noise` and `drop_duplicates` ask for truth; `without_truth()` switches all of them off.
    """

    volumes: tuple[int, ...] = PIXEL_VOLUMES  # volume_id of the hits to keep
    eta_max: float | None = 5.0  # |η| of the hit, seen from the origin
    pt_min: float | None = 1.0  # GeV, the hit's particle has pT above this
    drop_noise: bool = True  # hits without a particle
    drop_duplicates: bool = True  # of one particle's hits on a layer that pass the cuts, keep the one of smallest r

    def __post_init__(self) -> None:
        unknown = set(self.volumes) - set(PIXEL_VOLUMES)
        if unknown or not self.volumes:
            raise ValueError(f"selection.volumes = {self.volumes}, wanted some of the pixel volumes {PIXEL_VOLUMES}")
        for name in ("eta_max", "pt_min"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"selection.{name} = {value}, wanted a number ≥ 0, or null for no cut")

    def without_truth(self) -> SelectionConfig:
        """The same selection with every filter that needs truth switched off."""
        return replace(self, pt_min=None, drop_noise=False, drop_duplicates=False)


@dataclass(frozen=True)
class SelectedHits:
    """The hits of one event that become nodes, in the order of the event's hit table."""

    r: NDArray[np.float64]  # (N,) mm, transverse distance from the beam line
    phi: NDArray[np.float64]  # (N,) rad, in [−π, π]
    z: NDArray[np.float64]  # (N,) mm
    layer: NDArray[np.int32]  # (N,) 0…17, index into `layers.PIXEL_LAYERS`
    hit_id: NDArray[np.int64]  # (N,)
    particle_id: NDArray[np.int64] | None = None  # (N,) 0 = noise
    pt: NDArray[np.float32] | None = None  # (N,) GeV, of the hit's particle at production; NaN for noise
    eta: NDArray[np.float32] | None = None  # (N,) of the hit's particle at production; NaN for noise
    module_id: NDArray[np.int64] | None = None  # (N,) number of the hit's module within its layer

    def __post_init__(self) -> None:
        dtypes = {
            "r": np.float64,
            "phi": np.float64,
            "z": np.float64,
            "layer": np.int32,
            "hit_id": np.int64,
            "particle_id": np.int64,
            "pt": np.float32,
            "eta": np.float32,
            "module_id": np.int64,
        }
        for name, dtype in dtypes.items():
            value = getattr(self, name)
            if value is None:
                continue
            value = np.ascontiguousarray(value, dtype)
            object.__setattr__(self, name, value)
            if value.shape != (len(self.r),):
                raise ValueError(f"hits: {name} has shape {value.shape}, wanted ({len(self.r)},) as r")
        if not (np.isfinite(self.r) & np.isfinite(self.z) & (np.abs(self.phi) <= np.pi) & (self.r > 0)).all():
            raise ValueError("hits: r must be finite and above 0, z finite, φ in [−π, π]; drop other hits before")
        if len(self) and not (self.layer.min() >= 0 and self.layer.max() < len(PIXEL_LAYERS)):
            raise ValueError(
                f"hits: layer spans {self.layer.min()}…{self.layer.max()}, wanted 0…{len(PIXEL_LAYERS) - 1}"
            )

    def __len__(self) -> int:
        return len(self.r)


class Selection(NamedTuple):
    """The hits that become nodes, and how many of the event's others there are by the reason that left them out."""

    hits: SelectedHits
    left_out: Counter[str]


def select_hits(event: Event, config: SelectionConfig) -> SelectedHits:
    """The hits of `event` that pass `config`; see `selection`."""
    return selection(event, config).hits


def selection(event: Event, config: SelectionConfig) -> Selection:
    """The hits of `event` that pass `config`, in the order of the hit table, and the count of all others.

    Cuts on single hits come first, the choice among a particle's hits on a layer after them. A hit that several cuts
    leave out is counted at the first.

    Raises: EventError where no hit lies in the volumes asked for, or where layers do not stand where TrackML's do;
    ValueError where a filter needs truth or particles that the event does not have. Cost: O(N log N) in hits.
    """
    _require_truth(event, config)
    rows, layer = _rows_in_volumes(event, config)
    table = event.hits
    x, y, z = (table[axis].to_numpy(np.float64)[rows] for axis in "xyz")
    hit_id = table["hit_id"].to_numpy()[rows]
    r, phi = np.hypot(x, y), np.arctan2(y, x)
    problem = misplaced_layer(layer, r, z)
    if problem is not None:
        raise EventError(problem, event_id=event.event_id, table="hits")

    particle_id = None if event.truth is None else event.truth["particle_id"].to_numpy()[rows]
    pt = eta = None
    if particle_id is not None and event.particles is not None:
        pt, eta = momentum_of(particle_id, event.particles)
    left_out = Counter({f"not in volumes {_listed(config.volumes)}": len(table) - len(rows)})
    keep = np.ones(len(rows), bool)
    for reason, cut in _cuts(config, r, z, particle_id, pt).items():
        left_out[reason] = int(np.count_nonzero(keep & cut))
        keep &= ~cut
    if config.drop_duplicates:
        assert particle_id is not None
        passed = np.flatnonzero(keep)
        first = first_on_layer(particle_id[passed], layer[passed], r[passed], hit_id[passed])
        left_out["further hit of a particle on a layer"] = int(np.count_nonzero(~first))
        keep[passed[~first]] = False

    def kept(value: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if value is None else value[keep]

    module_id = table["module_id"].to_numpy(np.int64)[rows[keep]]
    hits = SelectedHits(
        r[keep], phi[keep], z[keep], layer[keep], hit_id[keep], kept(particle_id), kept(pt), kept(eta), module_id
    )
    return Selection(hits, +left_out)


def _cuts(
    config: SelectionConfig,
    r: NDArray[np.float64],
    z: NDArray[np.float64],
    particle_id: NDArray[np.int64] | None,
    pt: NDArray[np.float64] | None,
) -> dict[str, NDArray[np.bool_]]:
    """Which hits (n,) each cut leaves out, by its reason."""
    cuts = {"on the beam line": r == 0}  # they have no η and no φ
    if config.eta_max is not None:
        cuts[f"|η| not below {config.eta_max:g}"] = ~(np.abs(z) < np.sinh(config.eta_max) * r)
    if particle_id is not None and config.drop_noise:
        cuts["noise"] = particle_id == 0
    if particle_id is not None and pt is not None and config.pt_min is not None:
        cuts["particle not in the list"] = np.isnan(pt) & (particle_id != 0)
        cuts[f"pT not above {config.pt_min:g} GeV"] = ~(pt > config.pt_min) & (particle_id != 0)
    return cuts


def _rows_in_volumes(event: Event, config: SelectionConfig) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(n,) rows of the hits on layers of the volumes asked for, and their layer index. Raises EventError for none."""
    volume = event.hits["volume_id"].to_numpy()
    layer = layer_index(volume, event.hits["layer_id"].to_numpy())
    rows = np.flatnonzero((layer >= 0) & np.isin(volume, config.volumes))
    if not len(rows):
        raise EventError(
            f"no hit on a pixel layer of volumes {_listed(config.volumes)}; the hits lie in volumes "
            f"{_listed(np.unique(volume).tolist())}: use events of the TrackML detector, or other selection.volumes",
            event_id=event.event_id,
            table="hits",
        )
    return rows, layer[rows]


def _listed(volumes: Sequence[int]) -> str:
    return ", ".join(str(volume) for volume in volumes)


def first_on_layer(
    particle_id: NDArray[np.int64],
    layer: NDArray[np.int32],
    r: NDArray[np.float64],
    hit_id: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(N,) True for the hit of smallest r (then hit_id) of each particle on each layer, and for noise."""
    order = np.lexsort((hit_id, r, layer, particle_id))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(particle_id[order]) != 0) | (np.diff(layer[order]) != 0)
    keep: NDArray[np.bool_] = particle_id == 0
    keep[order] |= first
    return keep


def _require_truth(event: Event, config: SelectionConfig) -> None:
    asked = [
        name
        for name, on in (
            ("pt_min", config.pt_min is not None),
            ("drop_noise", config.drop_noise),
            ("drop_duplicates", config.drop_duplicates),
        )
        if on
    ]
    if event.truth is None and asked:
        raise ValueError(
            f"event {event.event_id} has no truth, but selection.{', selection.'.join(asked)} needs it; set "
            "pt_min to null and drop_noise and drop_duplicates to false, or use SelectionConfig.without_truth()"
        )
    if event.particles is None and config.pt_min is not None:
        raise ValueError(
            f"event {event.event_id} has no particles, but selection.pt_min = {config.pt_min} needs "
            "their momenta; set pt_min to null"
        )


def momentum_of(
    particle_id: NDArray[np.int64], particles: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) pT in GeV and η at production of each hit's particle; NaN where it is not listed."""
    listed = particles["particle_id"].to_numpy()
    if not len(listed):
        return np.full(len(particle_id), np.nan), np.full(len(particle_id), np.nan)
    order = np.argsort(listed)
    row = order[np.minimum(np.searchsorted(listed, particle_id, sorter=order), len(listed) - 1)]
    known = (listed[row] == particle_id) & (particle_id != 0)
    px, py, pz = (particles[name].to_numpy(np.float64) for name in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    eta = np.arcsinh(pz / np.maximum(pt, 1e-9))
    return np.where(known, pt[row], np.nan), np.where(known, eta[row], np.nan)
