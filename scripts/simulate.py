"""`edgetrack simulate`: a seed → collision events in TrackML format."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.simulation import simulate as simulate_events
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option


@dataclass(frozen=True)
class SimulateConfig:
    """A number of events, and how they are simulated."""

    events: int = option(10, "number of events")
    first: int = option(0, "number of the first event")
    simulation: SimulationConfig = field(default_factory=SimulationConfig)

    def __post_init__(self) -> None:
        if self.events < 1:
            raise ValueError(f"--events = {self.events}: wanted at least 1 event")
        if self.first < 0:
            raise ValueError(f"--first = {self.first}: wanted the number of an event, from 0")


def simulate(config: SimulateConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Simulate collisions: Pythia 8, the TrackML detector in ACTS Fatras, digitisation, noise.

    Writes event%09d-{hits,cells,truth,particles}.csv.gz into the run folder. Events that are there already are kept.
    The same seed gives the same bytes, whatever the number of workers.
    """
    numbers = range(config.first, config.first + config.events)
    start = time.monotonic()
    with console.progress("events") as progress:
        simulated = simulate_events(config.simulation, folder, numbers, progress)
    seconds = time.monotonic() - start
    console.say(
        f"{len(simulated)} events simulated in {seconds:.0f} s ({len(simulated) / max(seconds, 1e-9):.2f} events/s), "
        f"{config.events - len(simulated)} were there already: {folder}"
    )
    return {"folder": str(folder), "events": config.events, "simulated": len(simulated), "seconds": round(seconds, 1)}
