"""`edgetrack bench construction`: the three graph constructions against the pT threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.events.cache import load_event
from edgetrack.events.detector import read_detector
from edgetrack.events.event import Event
from edgetrack.events.simulation import simulate
from edgetrack.events.simulation.config import SimulationConfig
from edgetrack.events.trackml import find_events
from edgetrack.graphs.module_map.modules import pixel_modules
from edgetrack.graphs.module_map.symmetry import MapSymmetry
from edgetrack.report.figure_constructions import draw_constructions
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.graph_constructions import (
    QUANTITIES,
    Comparison,
    construction_table,
    event_qualities,
    far_off,
    learnt_maps,
    preset_at,
)
from edgetrack.studies.published_constructions import THRESHOLDS

PILE_UP = 200.0


@dataclass(frozen=True)
class ConstructionBenchConfig:
    """Events to build graphs of, and independent ones that the module maps are learnt from."""

    events: str = option("", "folder of TrackML events with truth that graphs are built of; simulated otherwise")
    training: str = option("", "folder of other events, for the module maps; simulated otherwise")
    test_events: int = option(10, "events that graphs are built of, the first of the folder")
    training_events: int = option(80, "events that module maps are learnt from, the first of the folder")
    thresholds: tuple[float, ...] = THRESHOLDS  # GeV
    symmetry: MapSymmetry = option("near", "of the module maps: none, exact or near, as in module-map")
    margin: float = option(2.0, "of the ranges of a pair of modules, in the rows with ranges")
    cache: str = option("", "folder for a parquet cache of the events")
    workers: int = option(2, "processes that simulate")
    seed: int = option(1, "of the simulated events")

    def __post_init__(self) -> None:
        for name, least in (("test_events", 1), ("training_events", 1), ("workers", 1), ("seed", 0), ("margin", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"--{name.replace('_', '-')} = {getattr(self, name)}: wanted at least {least}")
        if not self.thresholds:
            raise ValueError("thresholds is empty: wanted some in GeV")
        for threshold in self.thresholds:
            preset_at(threshold)
        if self.events and self.events == self.training:
            raise ValueError("--training is the folder of --events: wanted independent events for the module maps")


def bench_construction(config: ConstructionBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Efficiency, purity, edges and nodes of geometric, pre-clustered and module-map graphs; DeZoort et al., figure 5.

    Published values stand beside; what lies 10 % and two standard errors from them counts as failed. Writes
    construction.png. About half a second an event and threshold.
    """
    with console.progress("simulation") as progress:
        test = Path(config.events or folder / "test")
        training = Path(config.training or folder / "training")
        for place, given, count, seed in (
            (training, config.training, config.training_events, config.seed + 1),
            (test, config.events, config.test_events, config.seed),
        ):
            if not given:
                wanted = SimulationConfig(pile_up=PILE_UP, seed=seed, workers=config.workers)
                simulate(wanted, place, count, progress)
    comparison = Comparison(config.thresholds, config.margin, config.symmetry)
    with console.progress("module maps") as progress:
        modules = pixel_modules(read_detector(training))
        modules.require_same(pixel_modules(read_detector(test)))
        events = _events(training, config.training_events, config.cache, "training")
        maps = learnt_maps(events, modules, comparison, lambda done, _: progress(done, config.training_events))
    qualities = []
    with console.progress("graphs") as progress:
        for event in _events(test, config.test_events, config.cache, "test"):
            qualities.append(event_qualities(event, maps, comparison))
            progress(len(qualities), config.test_events)
    cases = construction_table(qualities)
    _show(cases, console)
    picture = draw_constructions(cases, folder / "construction.png")
    console.say(f"points measured, lines published: {picture}")
    for failed in (False, True):
        named = [_where(case) for case in cases if case["within"] is False and far_off(case) == failed]
        if named:
            how = "and two standard errors" if failed else "but not two standard errors"
            console.say(f"{'FAILED: ' if failed else ''}10 % {how} from the published number: {'; '.join(named)}")
    return {
        "cases": cases,
        "test_events": len(qualities),
        "training_events": maps[config.thresholds[0]].events,
        "failed": any(far_off(case) for case in cases),
    }


def _events(folder: Path, count: int, cache: str, name: str) -> Iterator[Event]:
    """The first `count` events of `folder`; copies of test and training events lie apart."""
    for number in find_events(folder)[:count]:
        yield load_event(folder, number, cache=f"{cache}/{name}" if cache else None, fill=bool(cache))


def _show(cases: list[dict[str, Any]], console: Console) -> None:
    rows = [
        (
            case["name"],
            f"{case['pt_min']:g}",
            *(f"{_number(case['measured'][key])} ± {_number(case['spread'][key])}" for key in QUANTITIES),
            *("–" if case["published"] is None else _number(case["published"][key]) for key in QUANTITIES),
        )
        for case in cases
    ]
    published = [f"{key}, published" for key in QUANTITIES]
    console.table("graph constructions", ("method", "pT > GeV", *QUANTITIES, *published), rows)


def _where(case: dict[str, Any]) -> str:
    return f"{case['name']} at {case['pt_min']:g} GeV"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3f}"
