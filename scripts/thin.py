"""`edgetrack thin`: events of high pile-up → many disjoint events of low pile-up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.events.cache import load_event
from edgetrack.events.thinning import ThinConfig, thinned
from edgetrack.events.trackml import event_file, find_events, write_event
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required


@dataclass(frozen=True)
class ThinRunConfig:
    """Events, and how they are thinned."""

    events: str = required("folder of events in TrackML format, with truth")
    fraction: float = option(0.01, "of the particles with hits that a part has: 0.01 makes pile-up 2 out of 200")
    noise: float = option(0.05, "of the hits of a part that are noise")
    seed: int = option(0, "of the draw of particles and noise")
    parts: int | None = option(None, "most parts that are written of an event; all of them otherwise")

    def __post_init__(self) -> None:
        _ = self.thinning  # raises for what no event can be thinned by
        if self.parts is not None and self.parts < 1:
            raise ValueError(f"--parts = {self.parts}: wanted at least 1, or nothing for all {self.thinning.parts}")

    @property
    def thinning(self) -> ThinConfig:
        """How one event is thinned."""
        return ThinConfig(self.fraction, self.noise, self.seed)


def thin(config: ThinRunConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Draw disjoint parts of each event: a share of its particles with all of their hits, and noise.

    Writes event%09d-{hits,truth,particles}.csv.gz into the run folder; part k of event n is event n × (parts of an
    event) + k. Those that are there already are kept: give each setting a folder of its own. The same seed gives the
    same bytes.
    """
    numbers = find_events(config.events)
    per_event = config.thinning.parts
    wanted = min(per_event, config.parts or per_event)
    made = kept = hits = 0
    with console.progress("events") as progress:
        for done, number in enumerate(numbers, 1):
            parts = range(number * per_event, number * per_event + wanted)
            there = {part for part in parts if event_file(folder, part, "hits") is not None}
            kept += len(there)
            if len(there) < wanted:
                for part in thinned(load_event(config.events, number), config.thinning):
                    if part.event_id in parts and part.event_id not in there:
                        write_event(part, folder)
                        made, hits = made + 1, hits + len(part.hits)
            progress(done, len(numbers))
    mean = hits / made if made else 0.0
    console.say(f"{made} events of {mean:.0f} hits on average, {kept} were there already: {folder}")
    return {"folder": str(folder), "events": made + kept, "thinned": made, "mean_hits": mean}
