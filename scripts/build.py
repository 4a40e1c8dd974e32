"""`edgetrack build`: events → hit graphs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from edgetrack.events.cache import load_event
from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.events.trackml import SkippedEvent, find_events, read_event
from edgetrack.graphs.build import GraphConfig, graph_of_hits
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.metrics import ConstructionMetrics, construction_metrics
from edgetrack.graphs.selection import SelectionConfig, select_hits
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required


@dataclass(frozen=True)
class BuildConfig:
    """Events and how they become graphs."""

    events: str = required("folder of events in TrackML format")
    truth: bool = option(True, "use the truth for hit selection; --no-truth for real data")
    skip_bad: bool = option(False, "go on past unreadable events, and list them at the end")
    cache: str = option("", "folder for a parquet cache of the events, filled and used where it is newer than they are")
    graph: GraphConfig = field(default_factory=GraphConfig)


def build(config: BuildConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Select hits, join them to doublets, label the edges; one eventNNNNNNNNN.npz a graph.

    Ends with the construction's efficiency and purity, where truth is known. With --no-truth, truth files that are
    there give the labels and these figures, and have no part in which hits and edges a graph has.
    """
    selection = config.graph.selection if config.truth else config.graph.selection.without_truth()
    graph_config = replace(config.graph, selection=selection)
    total = len(find_events(config.events))
    skipped: list[SkippedEvent] = []
    metrics: list[ConstructionMetrics] = []
    graphs = nodes = edges = 0
    with console.progress("graphs") as report:
        for event in _events(config, skipped):
            _require_truth(event, selection)
            hits = select_hits(event, selection)
            graph = graph_of_hits(hits, graph_config, f"event{event.event_id:09d}")
            save_graph(graph, folder / f"{graph.name}.npz")
            graphs, nodes, edges = graphs + 1, nodes + graph.num_nodes, edges + graph.num_edges
            if graph.y is not None:
                metrics.append(construction_metrics(hits, graph))
            report(graphs + len(skipped), total)
    for bad in skipped:
        console.say(f"skipped event {bad.event_id}: {bad.error}")
    if not graphs:
        raise ValueError(f"{config.events}: all {total} events are bad, the first: {skipped[0].error}")
    use = "none" if not metrics else "selection, labels and figures" if config.truth else "labels and figures only"
    quality = _quality(metrics)
    result = {
        "folder": str(folder),
        "graphs": graphs,
        "skipped": [bad.event_id for bad in skipped],
        "mean_nodes": nodes / graphs,
        "mean_edges": edges / graphs,
        **quality,
        "truth": use,
    }
    console.say(f"{graphs} graphs, on average {nodes / graphs:.0f} nodes and {edges / graphs:.0f} edges: {folder}")
    if metrics:
        console.say(
            f"construction efficiency {_shown(quality['efficiency'])}, purity {_shown(quality['purity'])}; "
            f"truth served {use}"
        )
    return result


def _events(config: BuildConfig, skipped: list[SkippedEvent]) -> Iterator[Event]:
    """The readable events, by way of the cache where one is wanted; bad ones go to `skipped` where that is allowed."""
    for event_id in find_events(config.events):
        try:
            if config.cache:
                event = load_event(config.events, event_id, cache=config.cache, fill=True)
            else:
                event = read_event(config.events, event_id)
        except EventError as error:
            if not config.skip_bad:
                raise
            skipped.append(SkippedEvent(event_id, error))
            continue
        yield event


def _require_truth(event: Event, selection: SelectionConfig) -> None:
    asks = selection.drop_noise or selection.drop_duplicates or selection.pt_min is not None
    lacks = [
        name
        for name, table, wanted in (
            ("truth", event.truth, asks),
            ("particles", event.particles, selection.pt_min is not None),
        )
        if table is None and wanted
    ]
    if lacks:
        raise ValueError(
            f"event {event.event_id} has no {' and no '.join(lacks)} file, which the selection of hits "
            "asks for; give --no-truth to select hits without it"
        )


def _quality(metrics: Sequence[ConstructionMetrics]) -> dict[str, float | None]:
    """Efficiency and purity over all graphs; None where there is nothing to divide by."""
    if not metrics:
        return {"efficiency": None, "purity": None}
    pooled = reduce(add, metrics)
    ratios = {"efficiency": pooled.efficiency, "purity": pooled.purity}
    return {name: None if math.isnan(ratio) else ratio for name, ratio in ratios.items()}


def _shown(ratio: float | None) -> str:
    return "unknown (nothing selected)" if ratio is None else f"{ratio:.4f}"
