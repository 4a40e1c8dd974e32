"""Graphs at several pT thresholds for the benches of the Interaction Network: given, real, or simulated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgetrack.events.simulation import simulate
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.events.splits import SplitConfig
from edgetrack.events.trackml import find_events, read_event
from edgetrack.graphs.build import GraphConfig, build_graph
from edgetrack.graphs.files import graph_paths, load_graphs, save_graph
from edgetrack.graphs.geometric import GeometricConfig
from edgetrack.graphs.graph_sets import PARTS, load_named, split_paths
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.selection import SelectionConfig
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.scripts.console import Console

PILE_UP = 200.0
THRESHOLDS = (2.0, 1.5, 1.0)  # GeV
NETWORKS = {2.0: "in-2gev-float", 1.5: "in-1p5gev-float", 1.0: "in-1gev-float"}
WHERE = (
    "folder of graphs in folders 2gev, 1p5gev and 1gev; default: EDGETRACK_DATA/trackml_hitgraphs, else simulated ones"
)


def folder_name(pt_min: float) -> str:
    """Of the graphs at a threshold in GeV: 1p5gev."""
    return f"{pt_min:g}gev".replace(".", "p")


def graph_folders(
    given: str, thresholds: Sequence[float], events: int, seed: int, folder: Path, console: Console
) -> dict[float, Path]:
    """A folder of graphs for each threshold, by name below `given`; see `WHERE` where that is empty.

    Simulated events are of pile-up 200, their graphs of the windows of the published hit graphs. Raises
    FileNotFoundError where a folder is missing.
    """
    data = os.environ.get("EDGETRACK_DATA")
    root = Path(given) if given else Path(data) / "trackml_hitgraphs" if data else None
    if root is None:
        return _simulated(thresholds, events, seed, folder, console)
    folders = {pt_min: root / folder_name(pt_min) for pt_min in thresholds}
    for place in folders.values():
        graph_paths(place)
    console.say(f"graphs: {root}")
    return folders


def _simulated(
    thresholds: Sequence[float], events: int, seed: int, folder: Path, console: Console
) -> dict[float, Path]:
    place = folder / "events"
    with console.progress("simulation") as progress:
        simulate(SimulationConfig(pile_up=PILE_UP, seed=seed), place, events, progress)
    folders = {pt_min: folder / "graphs" / folder_name(pt_min) for pt_min in thresholds}
    for number in find_events(place)[:events]:
        event = read_event(place, number)
        for pt_min, target in folders.items():
            config = GraphConfig(SelectionConfig(pt_min=pt_min), GeometricConfig("hitgraphs"))
            graph = build_graph(event, config, 1)
            save_graph(graph, target / f"{graph.name}.npz")
    console.say(f"graphs: simulated, {events} events of pile-up {PILE_UP:g}, seed {seed}")
    return folders


def unseen_graphs(checkpoint: Checkpoint, folder: Path) -> tuple[list[HitGraph], list[HitGraph]]:
    """Graphs of `folder` to choose thresholds on, and test graphs that the network was neither trained nor chosen on.

    The test graphs that the checkpoint names, and its validation graphs: by name, or by its split of the folder. Of a
    folder with no graph that the checkpoint names, which its network has not seen, the first quarter is for thresholds.
    Raises ValueError where the folder has a part of these graphs only, or another split.
    """
    named = {part: list(checkpoint.metrics.get(f"{part}_graphs") or ()) for part in PARTS}
    there = {path.stem for path in graph_paths(folder)}
    if named["test"] and there & {name for names in named.values() for name in names}:
        validation = named["validation"] or _validation(checkpoint, folder)
        return load_named(folder, validation), load_named(folder, named["test"])
    graphs = load_graphs(folder)
    if len(graphs) < 2:
        raise ValueError(f"{folder}: {len(graphs)} graph, wanted two at least: one for thresholds, one to test on")
    cut = max(len(graphs) // 4, 1)
    return graphs[:cut], graphs[cut:]


def _validation(checkpoint: Checkpoint, folder: Path) -> list[str]:
    """Names of the validation graphs of a checkpoint that names its test graphs alone."""
    paths = split_paths(folder, SplitConfig(**checkpoint.config.get("split", {})))
    test, wanted = (set(names) for names in ([p.stem for p in paths["test"]], checkpoint.metrics["test_graphs"]))
    if test != wanted:
        raise ValueError(
            f"{folder}: the checkpoint's split of it has other test graphs than the checkpoint names, so its "
            "validation graphs are not known; give the folder that the network was trained on"
        )
    return [path.stem for path in paths["validation"]]
