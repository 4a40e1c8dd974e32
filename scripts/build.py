"""`edgetrack build`: events → hit graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from edgetrack.events.trackml import SkippedEvent, find_events, read_events
from edgetrack.graphs.build import GraphConfig, graph_of_hits
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.metrics import ConstructionMetrics, construction_metrics
from edgetrack.graphs.selection import select_hits
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required


@dataclass(frozen=True)
class BuildConfig:
    """Events and how they become graphs."""

    events: str = required("folder of events in TrackML format")
    truth: bool = option(True, "use the truth for hit selection; --no-truth for real data")
    skip_bad: bool = option(False, "go on past unreadable events, and list them at the end")
    graph: GraphConfig = field(default_factory=GraphConfig)


def build(config: BuildConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Select hits, join them to doublets, label the edges; one eventNNNNNNNNN.npz a graph.

    Ends with the construction's efficiency and purity, where truth is known.
    """
    selection = config.graph.selection if config.truth else config.graph.selection.without_truth()
    graph_config = replace(config.graph, selection=selection)
    total = len(find_events(config.events))
    skipped: list[SkippedEvent] = []
    metrics: list[ConstructionMetrics] = []
    graphs = nodes = edges = 0
    with console.progress("graphs") as report:
        for event in read_events(config.events, skip_bad=config.skip_bad, skipped=skipped):
            hits = select_hits(event, graph_config.selection)
            graph = graph_of_hits(hits, graph_config, f"event{event.event_id:09d}")
            save_graph(graph, folder / f"{graph.name}.npz")
            graphs, nodes, edges = graphs + 1, nodes + graph.num_nodes, edges + graph.num_edges
            if graph.y is not None:
                metrics.append(construction_metrics(hits, graph))
            report(graphs + len(skipped), total)
    for bad in skipped:
        console.say(f"skipped event {bad.event_id}: {bad.error}")
    if not graphs:
        raise ValueError(f"{config.events}: all {total} events are bad; the reasons are listed above")
    result = {"folder": str(folder), "graphs": graphs, "skipped": [bad.event_id for bad in skipped],
              "mean_nodes": nodes / graphs, "mean_edges": edges / graphs, **_quality(metrics)}
    console.say(f"{graphs} graphs, on average {nodes / graphs:.0f} nodes and {edges / graphs:.0f} edges: {folder}")
    if metrics:
        console.say(f"construction efficiency {result['efficiency']:.4f}, purity {result['purity']:.4f}")
    return result


def _quality(metrics: Sequence[ConstructionMetrics]) -> dict[str, float | None]:
    if not metrics:
        return {"efficiency": None, "purity": None}
    pooled = reduce(add, metrics)
    return {"efficiency": pooled.efficiency, "purity": pooled.purity}
