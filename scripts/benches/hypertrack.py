"""`edgetrack bench hypertrack`: the speed of HyperTrack's network and clustering beside straightforward forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.benches.case_table import show_cases
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.hypertrack_speed import clustering_case, network_case
from edgetrack.studies.voxel_speed import adjacency_case


@dataclass(frozen=True)
class HyperTrackBenchConfig:
    """How large, and how often."""

    nodes: int = option(10_000, "hits of the network's graph")
    pairs: int = option(100_000, "pairs of hits there, each two directed edges")
    tracks: int = option(1_000, "particles of the clustering's graph, of about 10 hits each")
    hits: int = option(126_000, "hits of the event that Voxel-Dynamics joins: pile-up 200")
    voxels: int = option(2**18, "voxels there")
    links: int = option(1_000_000, "orbits of pairs of voxels with a count, at most")
    repeats: int = option(5, "interleaved repeats, of which the median counts")
    seed: int = option(1, "of graphs and weights")

    def __post_init__(self) -> None:
        for name in ("nodes", "pairs", "tracks", "hits", "voxels", "links", "repeats", "seed"):
            least = {"nodes": 2, "seed": 0}.get(name, 1)
            if getattr(self, name) < least:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least {least}")


def bench_hypertrack(config: HyperTrackBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """The published network and clustering loop, float, against PyTorch Geometric and networkx; Voxel-Dynamics' pairs.

    One thread; results are compared first. Times are those of the processor. Writes nothing.
    """
    cases = [
        network_case(config.nodes, config.pairs, config.repeats, config.seed),
        clustering_case(config.tracks, config.repeats, config.seed),
        adjacency_case(config.hits, config.voxels, config.links, config.repeats, config.seed),
    ]
    for case in cases:
        show_cases(f"HyperTrack: {case['name']}", [case], console)
    return {"cases": cases, "failed": False}
