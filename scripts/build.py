"""`edgetrack build`: events → hit graphs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from edgetrack.events.cache import load_event
from edgetrack.events.detector import read_detector
from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.events.trackml import SkippedEvent, find_events, read_event
from edgetrack.graphs.build import GraphConfig, build_graph, graph_of_hits
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.metrics import ConstructionMetrics, construction_metrics
from edgetrack.graphs.module_map.construction import ModuleMapConstruction
from edgetrack.graphs.module_map.modules import pixel_modules
from edgetrack.graphs.selection import SelectionConfig, selection
from edgetrack.graphs.voxel_dynamics.metrics import LinkMetrics, link_metrics
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required


@dataclass(frozen=True)
class BuildConfig:
    """Events and how they become graphs."""

    events: str = required("folder of events in TrackML format")
    truth: bool = option(True, "use the truth for hit selection; --no-truth for real data")
    skip_bad: bool = option(False, "go on past bad events, and list them at the end")
    cache: str = option("", "folder for a parquet cache of the events, filled and used where it is newer than they are")
    graph: GraphConfig = field(default_factory=GraphConfig)


def build(config: BuildConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Select hits, join them to doublets, label the edges; one eventNNNNNNNNN.npz a graph.

    Ends with the hits that were left out, by reason, and the construction's efficiency and purity, where truth is
    known. With --no-truth, truth files that are there give the labels and these figures, and have no part in which hits
    and edges a graph has. Graphs of other events in the folder are refused, those of the same events replaced.
    """
    wanted = config.graph if config.truth else config.graph.without_truth()
    numbers = find_events(config.events)
    require_geometry(wanted, Path(config.events))
    make_room(folder, [_name(number) for number in numbers])
    skipped: list[SkippedEvent] = []
    metrics: list[ConstructionMetrics | LinkMetrics] = []
    left_out: Counter[str] = Counter()
    graphs = nodes = edges = 0
    with console.progress("graphs") as progress:
        for graph, others, quality_of_graph in _built(config, numbers, wanted, skipped):
            save_graph(graph, folder / f"{graph.name}.npz")
            graphs, nodes, edges = graphs + 1, nodes + graph.num_nodes, edges + graph.num_edges
            left_out += others
            if quality_of_graph is not None:
                metrics.append(quality_of_graph)
            progress(graphs + len(skipped), len(numbers))
    for bad in skipped:
        console.say(f"skipped event {bad.event_id}: {bad.error}")
    if not graphs:
        raise ValueError(f"{config.events}: all {len(numbers)} events are bad, the first: {skipped[0].error}")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
    if not nodes:
        volumes = ", ".join(map(str, wanted.selection.volumes))
        raise ValueError(
            f"{config.events}: no hit of {graphs} events in volumes {volumes} passes the selection; hits left out: "
            f"{reasons}; change graph.selection"
        )
    use = "none" if not metrics else "selection, labels and figures" if config.truth else "labels and figures only"
    quality = _quality(metrics)
    result = {
        "folder": str(folder),
        "graphs": graphs,
        "skipped": [bad.event_id for bad in skipped],
        "mean_nodes": nodes / graphs,
        "mean_edges": edges / graphs,
        "left_out": dict(left_out),
        **quality,
        "truth": use,
    }
    console.say(f"{graphs} graphs, on average {nodes / graphs:.0f} nodes and {edges / graphs:.0f} edges: {folder}")
    if left_out:
        console.say(f"hits left out: {reasons}")
    if metrics:
        console.say(f"construction: {_sentence(quality)}; truth used for {use}")
    return result


def make_room(folder: Path, names: Sequence[str]) -> None:
    """Remove the graphs of these names from `folder`. Raises ValueError where graphs of other names are there."""
    there = {path.stem: path for path in folder.glob("*.npz")}
    others = sorted(there.keys() - set(names))
    if others:
        raise ValueError(
            f"{folder} holds {len(others)} graphs of other events ({others[0]}{', …' if len(others) > 1 else ''}), "
            "which would stand among the new ones; give --folder another folder, or remove them"
        )
    for path in there.values():
        path.unlink()


def _built(
    config: BuildConfig, numbers: Sequence[int], wanted: GraphConfig, skipped: list[SkippedEvent]
) -> Iterator[tuple[HitGraph, Counter[str], ConstructionMetrics | LinkMetrics | None]]:
    """Graph, hits left out by reason, and figures of each good event; bad ones go to `skipped`.

    Events come by way of the cache where one is wanted.
    """
    for event_id in numbers:
        try:
            if config.cache:
                event = load_event(config.events, event_id, cache=config.cache, fill=True)
            else:
                event = read_event(config.events, event_id)
            yield _graph(event, wanted)
        except EventError as error:
            if not config.skip_bad:
                raise
            skipped.append(SkippedEvent(event_id, error))


def _graph(
    event: Event, wanted: GraphConfig
) -> tuple[HitGraph, Counter[str], ConstructionMetrics | LinkMetrics | None]:
    require_truth(event, wanted.hit_selection)
    if wanted.hit_selection is None:
        graph = build_graph(event, wanted)
        return graph, Counter(), None if graph.y is None else link_metrics(graph)
    hits, others = selection(event, wanted.hit_selection)
    graph = graph_of_hits(hits, wanted, _name(event.event_id))
    return graph, others, None if graph.y is None else construction_metrics(hits, graph)


def _name(event_id: int) -> str:
    return f"event{event_id:09d}"


def require_geometry(wanted: GraphConfig, events: Path) -> None:
    """Raise ValueError where a module map is asked for, and the events' detectors file, if any, is of another one."""
    if not isinstance(wanted.construction, ModuleMapConstruction):
        return
    known = wanted.construction.module_map()
    if any((events / name).is_file() for name in ("detectors.csv", "detectors.csv.gz")):
        known.modules.require_same(pixel_modules(read_detector(events)))


def require_truth(event: Event, wanted: SelectionConfig | None) -> None:
    """Raise where the selection of hits asks for truth that the event does not have; the remedy is --no-truth."""
    if wanted is None:
        return
    asks = wanted.drop_noise or wanted.drop_duplicates or wanted.pt_min is not None
    lacks = [
        name
        for name, table, needed in (
            ("truth", event.truth, asks),
            ("particles", event.particles, wanted.pt_min is not None),
        )
        if table is None and needed
    ]
    if lacks:
        raise ValueError(
            f"event {event.event_id} has no {' and no '.join(lacks)} file, which the selection of hits "
            "asks for; give --no-truth to select hits without it"
        )


def _quality(metrics: Sequence[ConstructionMetrics | LinkMetrics]) -> dict[str, float | None]:
    """Figures of the construction over all graphs; None where there is nothing to divide by."""
    if not metrics:
        return dict.fromkeys(("efficiency", "layer_pair_efficiency", "purity"))
    pooled: Any = reduce(add, metrics)  # all are of one construction
    names = ("efficiency", "layer_pair_efficiency", "purity")
    if isinstance(pooled, LinkMetrics):
        names = ("efficiency", "false_positive_rate", "mean_degree")
    ratios = {name: getattr(pooled, name) for name in names}
    return {name: None if math.isnan(ratio) else ratio for name, ratio in ratios.items()}


def _sentence(quality: dict[str, float | None]) -> str:
    shown = {name: _shown(ratio) for name, ratio in quality.items()}
    if "purity" in quality:
        return (
            f"efficiency {shown['efficiency']} ({shown['layer_pair_efficiency']} of the segments on its pairs of "
            f"layers), purity {shown['purity']}"
        )
    return (
        f"{shown['efficiency']} of the true pairs and {shown['false_positive_rate']} of the others are linked, mean "
        f"degree {shown['mean_degree']}"
    )


def _shown(ratio: float | None) -> str:
    return "unknown (nothing selected)" if ratio is None else f"{ratio:.4f}"
