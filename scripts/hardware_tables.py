"""What `edgetrack export` shows of hardware: estimates with shares of a device, and what place and route reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgetrack.export.form import Form, FormUnavailable
from edgetrack.export.hardware import Estimate, Placement
from edgetrack.export.kind import FormKind
from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.export.synthesis.place_and_route import PlaceConfig
from edgetrack.export.synthesis.yosys import AMOUNTS, Resources
from edgetrack.scripts.console import Console


@dataclass(frozen=True)
class FigureConfig:
    """Which figures to make of a form, and of which devices."""

    estimate: bool
    slow_estimate: bool  # of forms where that takes minutes, too
    place: bool
    device: str  # of which estimates are shares
    placing: PlaceConfig = field(default_factory=PlaceConfig)


@dataclass
class Figures:
    """What was found of each form, and what was not, with the reason."""

    estimates: dict[str, Any] = field(default_factory=dict)  # form → `Estimate.to_json`
    placed: dict[str, Any] = field(default_factory=dict)  # form → `Placement.to_json`
    skipped: dict[str, str] = field(default_factory=dict)  # a tool is missing
    impossible: dict[str, str] = field(default_factory=dict)  # too large for the device, no route, a tool that failed


def add_figures(figures: Figures, kind: FormKind[Any, Any], form: Form, config: FigureConfig, console: Console) -> None:
    """Make what is asked for and `kind` is able to give, show it, and add it to `figures`."""
    wanted: dict[str, Callable[[], None]] = {}
    if kind.estimate is not None and config.estimate and (config.slow_estimate or not kind.slow_estimate):
        wanted["estimate"] = lambda: _estimate(figures, kind, form, load_device(config.device), console)
    if kind.place is not None and config.place:
        wanted["placed"] = lambda: _place(figures, kind, form, config.placing, console)
    for what, work in wanted.items():
        try:
            work()
        except FormUnavailable as error:
            figures.skipped[f"{kind.name} {what}"] = str(error)
        except (ValueError, RuntimeError) as error:
            figures.impossible[f"{kind.name} {what}"] = str(error)


def _estimate(figures: Figures, kind: FormKind[Any, Any], form: Form, device: Device, console: Console) -> None:
    assert kind.estimate is not None
    with console.progress(f"{kind.name}, primitives by Yosys") as progress:
        estimate: Estimate = kind.estimate(form, progress)
    rows = [(name, number, *_cells(total, device)) for name, (number, total) in estimate.blocks.items()]
    console.table(
        f"{kind.name}: estimates by Yosys, not placed and routed; in brackets: share of {device.part}",
        ("part", "number", *AMOUNTS),
        [*rows, ("sum", "", *_cells(estimate.total, device))],
    )
    figures.estimates[kind.name] = estimate.to_json(device)


def _place(figures: Figures, kind: FormKind[Any, Any], form: Form, config: PlaceConfig, console: Console) -> None:
    assert kind.place is not None
    console.say(f"{kind.name}: placing and routing on {config.device} (10 minutes for 30,000 LUTs, or more) …")
    placement: Placement = kind.place(form, config)
    placed, path, size = placement.design, placement.design.critical_path, placement.capacity
    rows = [
        ("clock after routing", f"{placed.clock_mhz:.1f} MHz (aimed for {placed.config.target_mhz:g})"),
        *(
            (name, f"{number:,} of {placed.available[name]:,} ({placed.shares[name]:.1%})")
            for name, number in placed.used.items()
        ),
        ("longest path", f"{path.source} → {path.sink}: {path.logic_ns:.2f} ns logic, {path.routing_ns:.2f} ns wires"),
        (
            f"{size.nodes:,} nodes, {size.edges:,} edges",
            f"{placement.latency_us:.2f} µs, a graph every {placement.interval_us:.2f} µs at that clock, without the "
            "narrow pins",
        ),
        ("bitstream", placed.bitstream),
        ("seconds", ", ".join(f"{tool} {seconds:g}" for tool, seconds in placed.seconds.items())),
    ]
    console.table(f"{kind.name} on {placed.part}, {placed.basis}", ("", ""), rows)
    figures.placed[kind.name] = placement.to_json()


def _cells(counts: Resources, device: Device) -> list[str]:
    shares: Mapping[str, float] = device.shares(counts)
    return [f"{getattr(counts, name):g}" + (f" ({shares[name]:.2%})" if name in shares else "") for name in AMOUNTS]
