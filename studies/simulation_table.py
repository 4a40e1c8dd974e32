"""Simulated events against the numbers published for TrackML's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.event import Event
from edgetrack.events.progress import Progress, no_progress
from edgetrack.events.simulation import SimulationConfig, simulate
from edgetrack.events.trackml import read_event
from edgetrack.graphs.build import GraphConfig, graph_of_hits
from edgetrack.graphs.geometric import GeometricConfig, Preset
from edgetrack.graphs.layers import PIXEL_VOLUMES
from edgetrack.graphs.metrics import construction_metrics
from edgetrack.graphs.selection import SelectionConfig, select_hits

PILE_UP = 200.0
# DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), tables 1 and 2:
# pixel hits of an event; then nodes, edges, purity and efficiency of the geometric graphs by pT threshold in GeV.
PUBLISHED = {
    "pixel hits": 56_751.0,
    "nodes, pT > 2 GeV": 1_091.0,
    "nodes, pT > 1 GeV": 5_332.0,
    "nodes, pT > 0.5 GeV": 16_246.0,
    "edges, pT > 2 GeV": 4_429.0,
    "edges, pT > 1 GeV": 99_304.0,
    "edges, pT > 0.5 GeV": 1_266_130.0,
    "purity, pT > 2 GeV": 0.198,
    "purity, pT > 1 GeV": 0.043,
    "purity, pT > 0.5 GeV": 0.010,
    "efficiency, pT > 2 GeV": 0.987,
    "efficiency, pT > 1 GeV": 0.987,
    "efficiency, pT > 0.5 GeV": 0.987,
}
TOLERANCE = 0.1  # of a simulated mean, relative to the published number
THRESHOLDS: tuple[tuple[float, Preset], ...] = ((2, "2gev"), (1, "1gev"), (0.5, "0.5gev"))


def simulation_table(
    folder: Path | str,
    events: int = 10,
    seed: int = 1,
    workers: int = 2,
    progress: Progress = no_progress,
) -> list[dict[str, Any]]:
    """One row a quantity of `PUBLISHED`: published, simulated mean, its spread over the events, simulated / published.

    Simulates what `folder` lacks of `events` events at pile-up 200: 3 to 5 s of CPU each, graphs included. `spread` is
    the standard deviation of one event; the mean's error is smaller by √events. `within`: the mean lies within
    `TOLERANCE` of the published number. ValueError for no events.
    """
    if events < 1:
        raise ValueError(f"events = {events}: wanted at least 1 event to measure")
    config = SimulationConfig(pile_up=PILE_UP, seed=seed, workers=workers)
    simulate(config, folder, events, progress)
    measured = [event_quantities(read_event(folder, number)) for number in range(events)]
    rows = []
    for name, published in PUBLISHED.items():
        values = np.array([event[name] for event in measured])
        mean = float(values.mean())
        rows.append(
            {
                "name": name,
                "published": published,
                "simulated": mean,
                "spread": float(values.std(ddof=1)) if events > 1 else 0.0,
                "ratio": mean / published,
                "within": abs(mean / published - 1) <= TOLERANCE,
            }
        )
    return rows


def event_quantities(event: Event) -> dict[str, float]:
    """The quantities of `PUBLISHED` in one event with truth."""
    found = {"pixel hits": float(event.hits["volume_id"].isin(PIXEL_VOLUMES).sum())}
    for pt, preset in THRESHOLDS:
        config = GraphConfig(selection=SelectionConfig(pt_min=pt), geometric=GeometricConfig(preset))
        hits = select_hits(event, config.selection)
        metrics = construction_metrics(hits, graph_of_hits(hits, config, f"event{event.event_id:09d}", threads=1))
        found |= {
            f"nodes, pT > {pt} GeV": float(metrics.nodes),
            f"edges, pT > {pt} GeV": float(metrics.edges),
            f"purity, pT > {pt} GeV": metrics.purity,
            f"efficiency, pT > {pt} GeV": metrics.efficiency,
        }
    return found
