"""The three graph constructions side by side: efficiency, purity, nodes and edges against the pT threshold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.event import Event
from edgetrack.events.progress import Progress, no_progress
from edgetrack.graphs.geometric import WINDOWS, GeometricConfig, Preset, geometric_edges
from edgetrack.graphs.labels import LabelConfig, label_edges, truth_segments
from edgetrack.graphs.module_map.fit import learnt_map
from edgetrack.graphs.module_map.module_map import ModuleMap
from edgetrack.graphs.module_map.modules import Modules
from edgetrack.graphs.module_map.pairs import TruePairs, merged, true_pairs
from edgetrack.graphs.module_map.symmetry import MapSymmetry, images
from edgetrack.graphs.preclustering import DbscanConstruction, clusters, same_cluster
from edgetrack.graphs.selection import SelectedHits, SelectionConfig, select_hits
from edgetrack.studies.published_constructions import PUBLISHED

QUANTITIES = ("efficiency", "purity", "edges", "nodes")
TOLERANCE = 0.1  # of a measured mean, relative to the published number
FEW_SIGMAS = 2.0
WITH_RANGES = "module_map_ranges"


@dataclass(frozen=True)
class Comparison:
    """Thresholds in GeV, and the settings of the methods."""

    thresholds: tuple[float, ...]
    margin: float = 2.0  # of the ranges of a pair of modules, in the rows `WITH_RANGES`
    symmetry: MapSymmetry = "near"


class Quality(NamedTuple):
    """One graph; definitions as in `graphs.metrics.ConstructionMetrics`."""

    efficiency: float  # true edges / truth segments
    purity: float  # true edges / edges
    edges: int
    nodes: int


def preset_at(pt_min: float) -> Preset:
    """The published windows at a threshold: those of the nearest preset at or below it."""
    known: dict[float, Any] = {float(name.removesuffix("gev")): name for name in WINDOWS if name.endswith("gev")}
    below = [threshold for threshold in known if threshold <= pt_min + 1e-9]
    if not below:
        raise ValueError(f"pT threshold {pt_min:g} GeV, wanted at least {min(known):g}, the lowest with known windows")
    preset: Preset = known[max(below)]
    return preset


def learnt_maps(
    events: Iterable[Event], modules: Modules, comparison: Comparison, progress: Progress = no_progress
) -> dict[float, ModuleMap]:
    """A module map for each threshold from one pass over independent events with truth.

    O(events · N log N + thresholds · images · pairs).
    """
    lowest = SelectionConfig(pt_min=min(comparison.thresholds))
    parts: list[TruePairs] = []
    for event in events:
        parts.append(true_pairs(select_hits(event, lowest), modules, LabelConfig()))
        progress(len(parts), len(parts) + 1)
    pairs, known = merged(parts), list(images(modules, comparison.symmetry))
    return {pt_min: learnt_map(pairs, modules, pt_min, comparison.symmetry, known) for pt_min in comparison.thresholds}


def event_qualities(
    event: Event, maps: Mapping[float, ModuleMap], comparison: Comparison
) -> dict[tuple[str, float], Quality]:
    """What each method makes of `event` at each threshold; the doublets of a threshold are found once, for all."""
    found = {}
    for pt_min in comparison.thresholds:
        hits = select_hits(event, SelectionConfig(pt_min=pt_min))
        edges = geometric_edges(hits, GeometricConfig(preset_at(pt_min)), 1)
        y, segments = label_edges(hits, edges, LabelConfig()), truth_segments(hits).total
        for name, kept in _kept(hits, edges, maps[pt_min], pt_min, comparison).items():
            true = int(np.count_nonzero(y & kept))
            size = int(np.count_nonzero(kept))
            found[name, pt_min] = Quality(true / max(segments, 1), true / max(size, 1), size, len(hits))
    return found


def _kept(
    hits: SelectedHits, edges: NDArray[np.int64], known: ModuleMap, pt_min: float, comparison: Comparison
) -> dict[str, NDArray[np.bool_]]:
    dbscan = DbscanConstruction()
    labels = clusters(hits, dbscan.eps_at(pt_min), dbscan.min_samples)
    return {
        "geometric": np.ones(edges.shape[1], bool),
        "dbscan_geometric": same_cluster(labels, edges, dbscan),
        "module_map": known.joins(hits, edges),
        WITH_RANGES: known.joins(hits, edges, margin=comparison.margin),
    }


def construction_table(qualities: Sequence[Mapping[tuple[str, float], Quality]]) -> list[dict[str, Any]]:
    """One row a method and threshold, of the `event_qualities` of several events.

    `measured` are means over events, `spread` the standard deviation of one event; `published` those of
    `published_constructions`, None where there are none, `ratios` measured / published. `within`: efficiency, purity
    and edges are within `TOLERANCE` of the published; `sigmas`: measured less published, in standard errors of the
    mean over these events (0 for a single one).
    """
    if not qualities:
        raise ValueError("no events to measure; give some with truth")
    order = [*PUBLISHED, WITH_RANGES]
    keys = sorted(qualities[0], key=lambda key: (order.index(key[0]), -key[1]))
    return [_row(name, pt_min, np.array([found[name, pt_min] for found in qualities], float)) for name, pt_min in keys]


def _row(name: str, pt_min: float, values: NDArray[np.float64]) -> dict[str, Any]:
    events = len(values)
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if events > 1 else np.zeros(len(QUANTITIES))
    row: dict[str, Any] = {"name": name, "pt_min": pt_min, "measured": _named(mean), "spread": _named(spread)}
    known = PUBLISHED.get(name, {}).get(round(pt_min, 3))
    if known is None:
        return {**row, **dict.fromkeys(("published", "ratios", "sigmas", "within"))}
    error = spread / np.sqrt(events)
    ratios = mean / known
    return {
        **row,
        "published": _named(known),
        "ratios": _named(ratios),
        "sigmas": _named(np.where(error > 0, (mean - known) / np.where(error > 0, error, 1), 0)),
        "within": bool((np.abs(ratios[:3] - 1) <= TOLERANCE).all()),
    }


def _named(values: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(QUANTITIES, values, strict=True)}


def far_off(row: Mapping[str, Any]) -> bool:
    """Whether a quantity is more than `TOLERANCE` and more than two standard errors from the published one."""
    return row["within"] is False and any(
        abs(row["ratios"][name] - 1) > TOLERANCE and abs(row["sigmas"][name]) > FEW_SIGMAS for name in QUANTITIES[:3]
    )
