"""`edgetrack bench hypertrack`: the speed of HyperTrack's network and clustering beside straightforward forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.benches.case_table import show_cases
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.hypertrack_speed import clustering_case, network_case


@dataclass(frozen=True)
class HyperTrackBenchConfig:
    """How large, and how often."""

    nodes: int = option(10_000, "hits of the network's graph")
    pairs: int = option(100_000, "pairs of hits there, each two directed edges")
    tracks: int = option(1_000, "particles of the clustering's graph, of about 10 hits each")
    repeats: int = option(5, "interleaved repeats, of which the median counts")
    seed: int = option(1, "of graphs and weights")

    def __post_init__(self) -> None:
        for name, least in (("nodes", 2), ("pairs", 1), ("tracks", 1), ("repeats", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least {least}")


def bench_hypertrack(config: HyperTrackBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """The published network and clustering loop, float, one thread, against PyTorch Geometric and networkx.

    Results are compared first. Times are seconds of the processor. Writes nothing.
    """
    network = network_case(config.nodes, config.pairs, config.repeats, config.seed)
    clustering = clustering_case(config.tracks, config.repeats, config.seed)
    for case in (network, clustering):
        show_cases(f"HyperTrack: {case['name']}", [case], console)
    return {"cases": [network, clustering], "failed": False}
