"""`edgetrack module-map`: events with truth → the pairs of modules that particles connect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.cache import load_event
from edgetrack.events.detector import read_detector
from edgetrack.events.trackml import find_events
from edgetrack.graphs.labels import LabelConfig
from edgetrack.graphs.module_map.files import save_module_map
from edgetrack.graphs.module_map.fit import learnt_map
from edgetrack.graphs.module_map.modules import Modules, pixel_modules
from edgetrack.graphs.module_map.pairs import TruePairs, merged, true_pairs
from edgetrack.graphs.module_map.symmetry import MapSymmetry
from edgetrack.graphs.selection import SelectionConfig, select_hits
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required

FILE = "modules.npz"


@dataclass(frozen=True)
class ModuleMapConfig:
    """Events to learn from, and how."""

    events: str = required("folder of events in TrackML format, with truth; none of those that graphs are built of")
    detector: str = option("", "detectors.csv[.gz], or its folder; that of the events otherwise")
    pt_min: float = option(1.0, "GeV, least pT of the particles that a pair of modules is learnt from")
    symmetry: MapSymmetry = option(
        "near",
        "images of a pair of modules that are learnt with it",
        {
            "none": "no image",
            "exact": "turns and reflections that send modules exactly onto modules",
            "near": "exact turns, and reflections that staggering and tilt forbid",
        },
    )
    cache: str = option("", "folder for a parquet cache of the events")
    selection: SelectionConfig = field(default_factory=lambda: SelectionConfig(pt_min=None))
    labels: LabelConfig = field(default_factory=LabelConfig)

    def __post_init__(self) -> None:
        if not self.pt_min >= 0:
            raise ValueError(f"--pt-min = {self.pt_min}: wanted a number of GeV, from 0")


def module_map(config: ModuleMapConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Learn which pairs of modules the doublets of true particles join, and in which ranges; writes modules.npz.

    `edgetrack build --set graph.construction='{kind: module_map, file: …/modules.npz}'` then keeps geometric doublets
    on these pairs only. The file holds the modules' numbers and places, and refuses hits of another detector.
    """
    start = time.monotonic()
    modules = pixel_modules(read_detector(config.detector or config.events))
    numbers = find_events(config.events)
    parts = []
    with console.progress("events") as progress:
        for done, part in enumerate(_pairs(config, numbers, modules), 1):
            parts.append(part)
            progress(done, len(numbers))
    pairs = merged(parts).above(config.pt_min)
    made = learnt_map(pairs, modules, config.pt_min, config.symmetry)
    path = save_module_map(made, folder / FILE)
    console.say(
        f"{made.pairs:,} pairs of {len(modules):,} modules, from {len(pairs.source):,} doublets of particles above "
        f"{config.pt_min:g} GeV in {made.events} events; {path.stat().st_size / 1e6:.1f} MB: {path}"
    )
    return {
        "file": str(path),
        "events": made.events,
        "doublets": len(pairs.source),
        "modules": len(modules),
        "pairs": made.pairs,
        "pt_min": config.pt_min,
        "symmetry": config.symmetry,
        "geometry": modules.geometry,
        "seconds": round(time.monotonic() - start, 1),
    }


def _pairs(config: ModuleMapConfig, numbers: list[int], modules: Modules) -> Iterator[TruePairs]:
    cache: dict[str, Any] = {"cache": config.cache, "fill": True} if config.cache else {}
    for number in numbers:
        hits = select_hits(load_event(config.events, number, **cache), config.selection)
        yield true_pairs(hits, modules, config.labels)
