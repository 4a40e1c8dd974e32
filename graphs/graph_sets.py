"""Sets of graphs: a folder split into training, validation and test, and the samples that come with the package."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.events.splits import SplitConfig, split_events
from edgetrack.graphs.files import graph_paths, load_graph
from edgetrack.graphs.hitgraph import HitGraph


@dataclass(frozen=True)
class GraphSets:
    """Disjoint sets of graphs, together all that were split."""

    train: list[HitGraph]
    validation: list[HitGraph]
    test: list[HitGraph]


def load_graph_sets(folder: Path | str, config: SplitConfig) -> GraphSets:
    """Load every graph of `folder` and split them by event number. Raises as `load_graph` and `split_events` do."""
    paths = graph_paths(folder)
    numbers = graph_numbers([path.stem for path in paths])
    of_number = dict(zip(numbers, paths, strict=True))
    split = split_events(numbers, config)
    return GraphSets(
        *([load_graph(of_number[number]) for number in part] for part in (split.train, split.validation, split.test))
    )


def graph_numbers(names: Sequence[str]) -> list[int]:
    """The number in each name (event000001000 → 1000) where all have one of their own, else their places."""
    found = [re.findall(r"\d+", name) for name in names]
    numbers = [int(digits[0]) for digits in found if len(digits) == 1]
    return numbers if len(set(numbers)) == len(names) else list(range(len(names)))


def sample_graphs() -> Path:
    """Folder of the simulated hit graphs that come with the package (how: graphs/samples/README.md)."""
    return Path(__file__).parent / "samples"
