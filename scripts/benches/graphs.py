"""`edgetrack bench graphs`: the speed of graph construction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.benches.case_table import show_cases
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.graph_building import construction_cases


@dataclass(frozen=True)
class GraphsBenchConfig:
    """Which hits, and how often."""

    hits: int = option(57_000, "number of synthetic pixel hits")
    sample: str = option("", "folder of TrackML events, the first of which is taken instead")
    repeats: int = option(5, "interleaved repeats, of which the median counts")
    seed: int = option(1, "of the synthetic hits")

    def __post_init__(self) -> None:
        for name, least in (("hits", 1), ("repeats", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least {least}")


def bench_graphs(config: GraphsBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Compiled construction against all pairs in numpy, edges compared. Writes nothing."""
    sample = Path(config.sample) if config.sample else None
    cases = construction_cases(hits=config.hits, seed=config.seed, repeats=config.repeats, events=sample)
    show_cases("graph construction", cases, console)
    return {"cases": cases, "failed": False}
