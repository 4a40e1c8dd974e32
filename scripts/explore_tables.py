"""The tables of `edgetrack explore`: the front, the smallest design of each network, formulas beside measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgetrack.export.accelerator.resource_model import MODELLED
from edgetrack.export.exploration.choice import Limits, excesses
from edgetrack.export.exploration.grid import Candidate, Grid, SizedNetwork
from edgetrack.export.synthesis.device import Device
from edgetrack.scripts.console import Console
from edgetrack.studies.exploration_check import Check, design_name


def show_front(
    chosen: Candidate, best: Sequence[Candidate], device: Device, grid: Grid, limits: Limits, console: Console
) -> None:
    """The front of the chosen network."""
    size = (chosen.hidden, chosen.weight_bits, chosen.activation_bits)
    own = sorted(
        (one for one in best if (one.hidden, one.weight_bits, one.activation_bits) == size),
        key=lambda one: one.resources.lut,
    )
    console.table(
        f"front of {size[0]} hidden units, {size[1]}-bit weights, {size[2]}-bit activations: {grid.nodes} nodes "
        f"and {grid.edges} edges; the clock is assumed, resources are by formula, in brackets the share of "
        f"{device.part}",
        ("", "lanes", "slots", "acc.", "cutoff, MHz", "cycles", "µs", "M/s", "LUT", "FF", "BRAM36", "URAM"),
        [_front_row(one, one == chosen, device, limits) for one in own],
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


def show_networks(
    networks: Sequence[SizedNetwork],
    candidates: Sequence[Candidate],
    device: Device,
    limits: Limits,
    console: Console,
) -> None:
    """For each network, its smallest design within the limits."""
    rows: list[list[Any]] = []
    for network in networks:
        within = [
            one
            for one in candidates
            if (one.hidden, one.weight_bits, one.activation_bits) == network.size
            and max(excesses(one, device, limits).values()) <= 1
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


def in_words(one: Candidate, device: Device) -> str:
    """A design's settings, times and shares in one sentence."""
    shares = ", ".join(f"{share:.1%} of its {name}" for name, share in device.shares(one.resources).items() if share)
    return (
        f"{one.hidden} hidden units, {one.weight_bits}-bit weights, {one.activation_bits}-bit activations, "
        f"{one.config.edge_lanes} edge and {one.config.node_lanes} node lanes: {one.latency_us:.2f} µs, "
        f"{one.million_graphs_per_s:.2f} million graphs a second at {one.clock_mhz:g} MHz; of {device.part} "
        f"{shares}"
    )


def show_checks(checks: Sequence[Check], console: Console) -> None:
    def cell(one: Check, key: str) -> str:
        by_formula, counted = getattr(one.candidate.resources, key), getattr(one.resources, key)
        return f"{by_formula:,g} / {counted:,g}" + (f" ({one.errors()[key]:+.1%})" if by_formula != counted else " =")

    rows = [
        ("logits ≠", *(one.mismatches for one in checks)),
        ("latency", *(f"{one.candidate.latency_cycles} / {one.latency_cycles}" for one in checks)),
        ("interval", *(f"{one.candidate.interval_cycles:g} / {one.interval_cycles:g}" for one in checks)),
        *((key, *(cell(one, key) for one in checks)) for key in MODELLED),
    ]
    console.table(
        "formula / measured: cycles in simulation, resources by Yosys (not placed and routed)",
        ("", *(design_name(one.candidate) for one in checks)),
        rows,
    )
