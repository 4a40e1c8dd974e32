"""`edgetrack bench NAME`: tables of speed and of simulated physics, each in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgetrack.scripts.bench_graphs import bench_graphs
from edgetrack.scripts.bench_simulation import simulation_table
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, positional


@dataclass(frozen=True)
class BenchConfig:
    """Which table, and on how much."""

    name: Literal["graphs", "simulation"] = positional("table")
    events: int = option(10, "simulation: number of events")
    hits: int = option(57_000, "graphs: number of pixel hits")
    repeats: int = option(5, "graphs: interleaved repeats, of which the median counts")
    workers: int = option(2, "simulation: processes")
    seed: int = option(1, "of the simulated events or hits")


def bench(config: BenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Measure one table.

    graphs: compiled construction against all pairs in numpy, equal edges. simulation: event and graph sizes at pile-up
    200 against the numbers published for TrackML (tens of seconds an event).
    """
    if config.name == "graphs":
        cases = bench_graphs(hits=config.hits, seed=config.seed, repeats=config.repeats)
    else:
        with console.progress("simulation") as report:
            cases = simulation_table(folder / "simulation", config.events, config.seed, config.workers, report)
    columns = [key for key in cases[0] if not isinstance(cases[0][key], Mapping)]
    nested = [(key, inner) for key in cases[0] if isinstance(cases[0][key], Mapping) for inner in cases[0][key]]
    rows = [[_shown(case[key]) for key in columns] + [_shown(case[key][inner]) for key, inner in nested]
            for case in cases]
    console.table(f"bench {config.name}", [*columns, *(f"{inner} ({key})" for key, inner in nested)], rows)
    return {"cases": cases}


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
