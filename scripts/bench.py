"""`edgetrack bench NAME`: tables of speed and of simulated physics, each in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgetrack.scripts.benches.accelerator import AcceleratorTableConfig, bench_accelerator
from edgetrack.scripts.benches.clocks import bench_clocks
from edgetrack.scripts.benches.resources import bench_resources
from edgetrack.scripts.benches.sectors import bench_sectors
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, positional
from edgetrack.studies.graph_building import bench_graphs
from edgetrack.studies.sector_cases import SectorTableConfig
from edgetrack.studies.simulation_table import simulation_table


@dataclass(frozen=True)
class BenchConfig:
    """Which table, and on how much."""

    name: Literal["graphs", "simulation", "sectors", "accelerator", "resources", "clocks"] = positional("table")
    events: int = option(10, "simulation: number of events")
    hits: int = option(57_000, "graphs: number of synthetic pixel hits")
    sample: str = option("", "graphs: folder of TrackML events, the first of which is taken instead")
    repeats: int = option(5, "graphs: interleaved repeats, of which the median counts")
    workers: int = option(2, "simulation: processes")
    seed: int = option(1, "of the simulated events or hits, of random weights and graphs")
    graphs: str = option("", "sectors: folder of hit graphs; default: the package's sample graphs")
    sectors: SectorTableConfig = field(default_factory=SectorTableConfig)
    estimate: bool = option(False, "accelerator: LUT, FF and memories by Yosys too, minutes for each network")
    accelerator: AcceleratorTableConfig = field(default_factory=AcceleratorTableConfig)

    def __post_init__(self) -> None:
        for name in ("events", "hits", "repeats", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least 1")
        if self.seed < 0:
            raise ValueError(f"--seed = {self.seed}: wanted an integer ≥ 0")


def bench(config: BenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Measure one table.

    graphs: compiled construction against all pairs in numpy, equal edges. simulation: event and graph sizes at pile-up
    200 against the numbers published for TrackML, within 10 % or failed; 3 to 5 s of CPU an event. sectors: how full
    the φ × η sectors of graphs are, and what seams and capacities lose in tracking efficiency. accelerator: latency and
    interval of the streaming accelerator in simulation, every logit compared, beside published designs; failed where a
    logit differs or a published figure is not reached. resources: the formulas of `export --explore` beside synthesis,
    on pipelines and designs that their constants were not taken from; ten minutes; failed beyond the stated errors.
    clocks: one MLP placed and routed on ECP5-85k at four pipelinings, minutes.
    """
    if config.name == "sectors":
        return bench_sectors(config.graphs, config.sectors, console)
    if config.name == "accelerator":
        return bench_accelerator(config.accelerator, config.seed, config.estimate, folder / "accelerator", console)
    if config.name == "resources":
        return bench_resources(config.seed, folder / "resources", console)
    if config.name == "clocks":
        return bench_clocks(config.seed, folder / "clocks", console)
    if config.name == "graphs":
        sample = Path(config.sample) if config.sample else None
        cases = bench_graphs(hits=config.hits, seed=config.seed, repeats=config.repeats, events=sample)
    else:
        with console.progress("simulation") as report:
            cases = simulation_table(folder / "simulation", config.events, config.seed, config.workers, report)
    columns = [key for key in cases[0] if not isinstance(cases[0][key], Mapping)]
    nested = [(key, inner) for key in cases[0] if isinstance(cases[0][key], Mapping) for inner in cases[0][key]]
    rows = [
        [_shown(case[key]) for key in columns] + [_shown(case[key][inner]) for key, inner in nested] for case in cases
    ]
    console.table(f"bench {config.name}", [*columns, *(f"{inner} ({key})" for key, inner in nested)], rows)
    outside = [case["name"] for case in cases if not case.get("within", True)]
    if outside:
        console.say(f"FAILED: more than 10 % from the published number: {'; '.join(outside)}")
    return {"cases": cases, "failed": bool(outside)}


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
