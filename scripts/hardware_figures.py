"""Figures of exported hardware: estimates by Yosys with shares of a device, and what place and route reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgetrack.export.accelerator.form import AcceleratorForm
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.form import Form, FormUnavailable
from edgetrack.export.rtl.pipelines import RtlForm
from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.export.synthesis.place_and_route import PlaceConfig, PlacedDesign, place_streams
from edgetrack.export.synthesis.yosys import AMOUNTS, Resources
from edgetrack.scripts.console import Console


@dataclass(frozen=True)
class FigureConfig:
    """Which figures to make of a form, and of which devices."""

    estimate: bool
    place: bool
    part: str  # of which estimates are shares
    placing: PlaceConfig = field(default_factory=PlaceConfig)


def hardware_figures(
    form: Form | None, config: FigureConfig, console: Console
) -> tuple[dict[str, Any], dict[str, str]]:
    """(entries for a verb's result, what was left out and why); both empty for forms that are no hardware."""
    wanted: dict[str, Callable[[], dict[str, Any]]] = {}
    if isinstance(form, RtlForm) and config.estimate:
        wanted["rtl estimate"] = lambda: mlp_estimates(form, load_device(config.part), console)
    if isinstance(form, AcceleratorForm):
        if config.estimate:
            wanted["accelerator estimate"] = lambda: accelerator_estimate(form, load_device(config.part), console)
        if config.place:
            wanted["accelerator placed"] = lambda: accelerator_placed(form, config.placing, console)
    made: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name, figures in wanted.items():
        try:
            made |= figures()
        except FormUnavailable as error:
            skipped[name] = str(error)
        except (ValueError, RuntimeError) as error:  # too large for the device, no route, or the tool's own trouble
            skipped[name] = f"not possible: {error}"
    return made, skipped


def mlp_estimates(form: RtlForm, device: Device, console: Console) -> dict[str, Any]:
    """Yosys' counts for each MLP, and their shares of a device: technology mapping only, no place and route behind."""
    made: dict[str, Resources] = {}
    with console.progress("yosys") as report:
        for done, name in enumerate(form.kernels, 1):
            made[name] = form.estimate(name)
            report(done, len(form.kernels))
    console.table(_title(device), ("MLP", *AMOUNTS), [(name, *_cells(made[name], device)) for name in made])
    return {
        "resources": {name: asdict(counts) for name, counts in made.items()},
        "device": device.part,
        "shares": {name: device.shares(counts) for name, counts in made.items()},
    }


def accelerator_estimate(form: AcceleratorForm, device: Device, console: Console) -> dict[str, Any]:
    """Yosys' counts for the whole accelerator and for its parts, with shares of a device: an estimate as well."""
    console.say("counting the accelerator's primitives with Yosys, each part once (minutes) …")
    design = form.estimate()
    blocks = design.blocks()
    console.table(
        f"accelerator: {_title(device)}",
        ("part", "number", *AMOUNTS),
        [
            *((name, number, *_cells(total, device)) for name, (number, total) in blocks.items()),
            ("sum", "", *_cells(design.total, device)),
        ],
    )
    return {
        "accelerator_estimate": {
            "basis": design.total.basis,
            "device": device.part,
            "total": _amounts(design.total),
            "shares": device.shares(design.total),
            "blocks": {name: {"instances": number, **_amounts(total)} for name, (number, total) in blocks.items()},
            "parts": [
                {"name": part.name, "instances": part.instances, "each": _amounts(part.each)} for part in design.parts
            ],
        }
    }


def accelerator_placed(form: AcceleratorForm, config: PlaceConfig, console: Console) -> dict[str, Any]:
    """The accelerator behind narrow pins, placed and routed: its clock, what it takes of the device, its bitstream."""
    console.say(f"placing and routing the accelerator on {config.device} (10 minutes for 30,000 LUTs, or more) …")
    placed = place_streams(dict(form.sources), TOP, form.folder / "placed", config)
    return {"accelerator_placed": _shown(placed, form, console)}


def _shown(placed: PlacedDesign, form: AcceleratorForm, console: Console) -> dict[str, Any]:
    nodes, edges = form.capacity.nodes, form.capacity.edges
    latency, interval = form.formula.latency(nodes, edges), form.formula.interval(nodes, edges)
    path = placed.critical_path
    rows = [
        ("clock after routing", f"{placed.clock_mhz:.1f} MHz (aimed for {placed.config.target_mhz:g})"),
        *(
            (name, f"{number:,} of {placed.available[name]:,} ({placed.shares[name]:.1%})")
            for name, number in placed.used.items()
        ),
        ("longest path", f"{path.source} → {path.sink}: {path.logic_ns:.2f} ns logic, {path.routing_ns:.2f} ns wires"),
        (
            f"{nodes:,} nodes, {edges:,} edges",
            f"{latency / placed.clock_mhz:.2f} µs, a graph every "
            f"{interval / placed.clock_mhz:.2f} µs at that clock, without the narrow pins",
        ),
        ("bitstream", placed.bitstream),
        ("seconds", ", ".join(f"{tool} {seconds:g}" for tool, seconds in placed.seconds.items())),
    ]
    console.table(f"accelerator on {placed.part}, {placed.basis}", ("", ""), rows)
    return {
        "basis": placed.basis,
        "device": placed.part,
        "clock_mhz": placed.clock_mhz,
        "target_mhz": placed.config.target_mhz,
        "seed": placed.config.seed,
        "used": dict(placed.used),
        "shares": placed.shares,
        "critical_path": asdict(path),
        "seconds": dict(placed.seconds),
        "latency_us": latency / placed.clock_mhz,
        "interval_us": interval / placed.clock_mhz,
        "bitstream": str(placed.bitstream),
        "report": str(placed.report),
    }


def _title(device: Device) -> str:
    return f"estimates by Yosys, not placed and routed; in brackets: share of {device.part}"


def _cells(counts: Resources, device: Device) -> list[str]:
    shares: Mapping[str, float] = device.shares(counts)
    return [f"{getattr(counts, name):g}" + (f" ({shares[name]:.2%})" if name in shares else "") for name in AMOUNTS]


def _amounts(counts: Resources) -> dict[str, float]:
    return {name: getattr(counts, name) for name in AMOUNTS}
