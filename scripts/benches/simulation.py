"""`edgetrack bench simulation`: simulated events against the numbers published for TrackML's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.benches.case_table import show_cases
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.simulation_table import simulation_table


@dataclass(frozen=True)
class SimulationBenchConfig:
    """How many events."""

    events: int = option(10, "number of events")
    workers: int = option(2, "processes")
    seed: int = option(1, "of the simulated events")

    def __post_init__(self) -> None:
        for name, least in (("events", 1), ("workers", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} = {getattr(self, name)}: wanted at least {least}")


def bench_simulation(config: SimulationBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Event and graph sizes at pile-up 200, within 10 % of the published ones or failed; 3 to 5 s of CPU an event."""
    with console.progress("simulation") as progress:
        cases = simulation_table(folder, config.events, config.seed, config.workers, progress)
    show_cases("simulated against published", cases, console)
    outside = [case["name"] for case in cases if not case["within"]]
    if outside:
        console.say(f"FAILED: more than 10 % from the published number: {'; '.join(outside)}")
    return {"cases": cases, "failed": bool(outside)}
