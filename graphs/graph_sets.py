"""Sets of graphs: a folder split into training, validation and test, and the samples that come with the package."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.events.splits import SplitConfig, split_events
from edgetrack.graphs.files import graph_paths, load_graph
from edgetrack.graphs.hitgraph import HitGraph

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class GraphSets:
    """Disjoint sets of graphs, together all that were split."""

    train: list[HitGraph]
    validation: list[HitGraph]
    test: list[HitGraph]

    def names(self) -> dict[str, list[str]]:
        """Names of each part's graphs: a checkpoint keeps them, since the same split of more files is another one."""
        return {f"{part}_graphs": [graph.name for graph in getattr(self, part)] for part in PARTS}


def load_graph_sets(folder: Path | str, config: SplitConfig, validation_folder: Path | str = "") -> GraphSets:
    """Load every graph that `split_paths` names. Raises as `load_graph` and `split_paths` do."""
    paths = split_paths(folder, config, validation_folder)
    return GraphSets(*([load_graph(path) for path in paths[part]] for part in PARTS))


def split_paths(folder: Path | str, config: SplitConfig, validation_folder: Path | str = "") -> dict[str, list[Path]]:
    """Files of graphs by part: those of `folder` split by event number, or all of it and of a validation folder.

    Raises as `split_events` does, and ValueError for graphs of one name in both folders.
    """
    paths = graph_paths(folder)
    if validation_folder:
        return _two_folders(paths, graph_paths(validation_folder))
    numbers = graph_numbers([path.stem for path in paths])
    of_number = dict(zip(numbers, paths, strict=True))
    split = split_events(numbers, config)
    return {part: [of_number[number] for number in getattr(split, part)] for part in PARTS}


def _two_folders(train: list[Path], validation: list[Path]) -> dict[str, list[Path]]:
    both = {path.name for path in train} & {path.name for path in validation}
    if both:
        raise ValueError(
            f"{min(both)} and {len(both) - 1} more are training and validation graphs, wanted folders that share no "
            "graph: take them out of one"
        )
    return {"train": train, "validation": validation, "test": []}


def load_named(folder: Path | str, names: Sequence[str]) -> list[HitGraph]:
    """The graphs of these names in `folder`, in this order, whatever else is there.

    Raises ValueError where one is missing or there twice, and as `load_graph` does.
    """
    wanted = set(names)
    found = [graph for graph in (load_graph(path) for path in graph_paths(folder)) if graph.name in wanted]
    by_name = {graph.name: graph for graph in found}
    if len(by_name) < len(wanted) or len(found) > len(by_name):
        missing = sorted(wanted - by_name.keys())
        what = f"lacks {len(missing)} of {len(wanted)} graphs ({missing[0]}, …)" if missing else "has a graph twice"
        raise ValueError(f"{folder}: {what}; wanted each of them once: give the folder that they come from")
    return [by_name[name] for name in names]


def graph_numbers(names: Sequence[str]) -> list[int]:
    """The number in each name (event000001000 → 1000) where all have one of their own, else their places."""
    found = [re.findall(r"\d+", name) for name in names]
    numbers = [int(digits[0]) for digits in found if len(digits) == 1]
    return numbers if len(set(numbers)) == len(names) else list(range(len(names)))


def sample_graphs() -> Path:
    """Folder of the simulated hit graphs that come with the package (how: graphs/samples/README.md)."""
    return Path(__file__).parent / "samples"
