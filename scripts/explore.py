"""`edgetrack export --explore`: which accelerator to build, before any is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgetrack.events.atomic_write import write_text
from edgetrack.export.exploration.choice import Limits, NoCandidate, Prefer, choose, excesses, front
from edgetrack.export.exploration.grid import (
    Candidate,
    Grid,
    Network,
    explore,
    representative_networks,
    trained_network,
)
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.models.pretrained_checkpoints import load_kind
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.report.figure_exploration import draw_exploration
from edgetrack.scripts.console import Console
from edgetrack.studies.exploration_check import CHECKED, Check, check_candidates, check_row, design_name
from edgetrack.studies.exploration_files import row, settings_yaml, write_candidates


@dataclass(frozen=True)
class ExploreConfig:
    """The design space, the device, and what to keep to.

    `weights`: "drawn" makes networks of the grid's sizes with random weights like trained ones, to size before
    training; "checkpoint" takes the trained network as it is, and only lanes, memories and pipelining vary.
    `check_luts`: the largest design that is synthesised for a check.
    """

    weights: Literal["drawn", "checkpoint"] = "drawn"
    device: str = "xcvu9p"
    limits: Limits = field(default_factory=Limits)
    prefer: Prefer = "network"
    grid: Grid = field(default_factory=Grid)
    check_luts: int = 60_000


def explore_designs(
    config: ExploreConfig, checkpoint: str, checks: int, folder: Path, console: Console
) -> dict[str, Any]:
    """Evaluate the grid, choose, draw and write into `folder`; with `checks`, synthesise and simulate so many designs.

    Raises NoCandidate, after everything is written, where no design keeps to the limits.
    """
    device = load_device(config.device)
    library = KernelLibrary(folder / "kernels")
    trained = config.weights == "checkpoint"
    networks = (
        [trained_network(integer_model(load_kind(checkpoint, "quantised")))]
        if trained
        else representative_networks(config.grid)
    )
    with console.progress("pipelines") as report:
        candidates = explore(networks, config.grid, library, report)
    best = front(candidates)
    table, tree = write_candidates(candidates, set(best), device, config.grid, folder)
    chosen, problem = _choice(candidates, device, config)
    files = [table, tree, *draw_exploration(candidates, chosen, device, config.limits, folder / "exploration")]
    result: dict[str, Any] = {
        "candidates": len(candidates),
        "device": device.part,
        "front": [row(one, device) for one in best],
    }
    file = folder / "chosen.yaml"
    file.unlink(missing_ok=True)  # of other limits
    if chosen is not None:
        result["choice"] = row(chosen, device)
        write_text(file, settings_yaml(chosen, checkpoint if trained else None, _figures(chosen, device), str(file)))
        files.append(file)
        _show_front(chosen, best, device, config, console)
    _show_networks(networks, candidates, device, config, console)
    if checks:
        with console.progress("designs built") as progress:
            built = check_candidates(networks, best, checks, config, folder / "check", progress)
        _show_checks(built, console)
        result["checks"] = [check_row(one) for one in built]
    for path in files:
        console.say(f"wrote {path}")
    if problem is not None:
        raise problem
    assert chosen is not None
    console.say(f"chosen of {len(candidates):,}: {_sentence(chosen, device)}")
    return result | {"files": [str(path) for path in files]}


def _choice(
    candidates: Sequence[Candidate], device: Device, config: ExploreConfig
) -> tuple[Candidate | None, NoCandidate | None]:
    try:
        return choose(candidates, device, config.limits, config.prefer), None
    except NoCandidate as problem:
        return None, problem


def _show_front(
    chosen: Candidate, best: Sequence[Candidate], device: Device, config: ExploreConfig, console: Console
) -> None:
    """The front of the chosen network."""
    size = (chosen.hidden, chosen.weight_bits, chosen.activation_bits)
    own = sorted(
        (one for one in best if (one.hidden, one.weight_bits, one.activation_bits) == size),
        key=lambda one: one.resources.lut,
    )
    console.table(
        f"front of {size[0]} hidden units, {size[1]}-bit weights, {size[2]}-bit activations: {config.grid.nodes} nodes "
        f"and {config.grid.edges} edges; the clock is assumed, resources are by formula, in brackets the share of "
        f"{device.part}",
        ("", "lanes", "slots", "acc.", "cutoff, MHz", "cycles", "µs", "M/s", "LUT", "FF", "BRAM36", "URAM"),
        [_front_row(one, one == chosen, device, config.limits) for one in own],
    )


def _front_row(one: Candidate, is_chosen: bool, device: Device, limits: Limits) -> list[Any]:
    shares, config = device.shares(one.resources), one.config
    within = max(excesses(one, device, limits).values()) <= 1
    return [
        "★" if is_chosen else "✓" if within else "",
        f"{config.edge_lanes}/{config.node_lanes}",
        config.graphs_in_flight,
        config.accumulators,
        f"{config.rtl.latency_cutoff:g}, {one.clock_mhz:g}",
        f"{one.latency_cycles}, {one.interval_cycles:g}",
        f"{one.latency_us:.2f}",
        f"{one.million_graphs_per_s:.2f}",
        *(
            _amount(getattr(one.resources, name))
            + (f" ({shares[name]:.0%})" if shares.get(name) and name != "ff" else "")
            for name in ("lut", "ff", "bram36", "uram")
        ),
    ]


def _amount(number: float) -> str:
    return f"{number / 1000:,.0f} k" if number >= 10_000 else f"{number:,g}"


def _show_networks(
    networks: Sequence[Network],
    candidates: Sequence[Candidate],
    device: Device,
    config: ExploreConfig,
    console: Console,
) -> None:
    """For each network, its smallest design within the limits."""
    rows: list[list[Any]] = []
    for network in networks:
        within = [
            one
            for one in candidates
            if (one.hidden, one.weight_bits, one.activation_bits) == network.size
            and max(excesses(one, device, config.limits).values()) <= 1
        ]
        if not within:
            rows.append([*network.size, "none", *[""] * 4])
            continue
        least = min(within, key=lambda one: one.resources.lut)
        shares = device.shares(least.resources)
        rows.append(
            [
                *network.size,
                f"{least.config.edge_lanes}/{least.config.node_lanes}",
                f"{least.latency_us:.2f}",
                f"{least.million_graphs_per_s:.2f}",
                f"{least.resources.lut:,} ({shares['lut']:.0%})",
                f"{least.resources.bram36:g} ({shares.get('bram36', 0):.0%})",
            ]
        )
    console.table(
        "smallest design of each network within the limits",
        ("hidden", "weight bits", "activation bits", "lanes e/n", "µs", "M graphs/s", "LUT", "BRAM36"),
        rows,
    )


def _figures(one: Candidate, device: Device) -> dict[str, str]:
    return {
        "By formula": _sentence(one, device),
        "Cycles": f"latency {one.latency_cycles}, interval {one.interval_cycles:g}",
    }


def _sentence(one: Candidate, device: Device) -> str:
    shares = ", ".join(f"{share:.1%} of its {name}" for name, share in device.shares(one.resources).items() if share)
    return (
        f"{one.hidden} hidden units, {one.weight_bits}-bit weights, {one.activation_bits}-bit activations, "
        f"{one.config.edge_lanes} edge and {one.config.node_lanes} node lanes: {one.latency_us:.2f} µs, "
        f"{one.million_graphs_per_s:.2f} million graphs a second at {one.clock_mhz:g} MHz; of {device.part} "
        f"{shares}"
    )


def _show_checks(checks: Sequence[Check], console: Console) -> None:
    def cell(one: Check, key: str) -> str:
        by_formula, counted = getattr(one.candidate.resources, key), getattr(one.resources, key)
        return f"{by_formula:,g} / {counted:,g}" + (f" ({one.errors()[key]:+.1%})" if by_formula != counted else " =")

    rows = [
        ("logits ≠", *(one.mismatches for one in checks)),
        ("latency", *(f"{one.candidate.latency_cycles} / {one.latency_cycles}" for one in checks)),
        ("interval", *(f"{one.candidate.interval_cycles:g} / {one.interval_cycles:g}" for one in checks)),
        *((key, *(cell(one, key) for one in checks)) for key in CHECKED),
    ]
    console.table(
        "formula / measured: cycles in simulation, resources by Yosys (not placed and routed)",
        ("", *(design_name(one.candidate) for one in checks)),
        rows,
    )
