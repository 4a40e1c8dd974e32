"""`edgetrack bench accelerator`: cycles of the streaming accelerator beside published designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.export.synthesis.yosys import AMOUNTS
from edgetrack.models.pretrained_checkpoints import DEFAULT_QUANTISED
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.accelerator_cases import CUTOFFS, RANDOM, measure, network
from edgetrack.studies.published_designs import SIZES


@dataclass(frozen=True)
class AcceleratorBenchConfig:
    """Which networks, pipelined how deeply, at which clock."""

    networks: tuple[str, ...] = option((RANDOM, DEFAULT_QUANTISED), '"random", or quantised checkpoints')
    latency_cutoffs: tuple[float, ...] = CUTOFFS
    clock_mhz: float = option(200.0, "assumed: cycles are measured, the clock is not")
    estimate: bool = option(False, "LUT, FF and memories by Yosys too, minutes for each network")
    seed: int = option(1, "of random weights and graphs")

    def __post_init__(self) -> None:
        if not self.networks or not self.latency_cutoffs:
            raise ValueError("no networks or no latency_cutoffs, wanted at least one of each to measure")
        if not self.clock_mhz > 0:
            raise ValueError(f"clock_mhz is {self.clock_mhz}, wanted above 0")


def bench_accelerator(config: AcceleratorBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Latency and interval of the streaming accelerator in simulation, beside published designs.

    Every size × network × cutoff is simulated and compared logit by logit; failed where a logit differs or a published
    figure is not reached. Artefacts go below the folder.
    """
    wanted = [(size, name, cutoff) for size in SIZES for name in config.networks for cutoff in config.latency_cutoffs]
    models = {name: network(name, config.seed) for name in config.networks}
    cases = []
    with console.progress("accelerators") as progress:
        for done, (size, name, cutoff) in enumerate(wanted, 1):
            shown = f"{size.name} {Path(name).stem} cutoff {cutoff:g}"
            place = folder / shown.replace("/", "-").replace(" ", "-")
            case = measure(size, models[name], cutoff, config.clock_mhz, config.seed, place, config.estimate)
            cases.append({"name": shown, "size": size.name, "network": name, **case})
            progress(done, len(wanted))
    show(cases, config.clock_mhz, console)
    return {"cases": cases, "failed": any(case["missed"] for case in cases)}


def show(cases: Sequence[Mapping[str, Any]], clock_mhz: float, console: Console) -> None:
    """Tables of cycles, of seconds and of estimates, and what was missed."""
    console.table(
        f"measured in simulation, every logit compared; times at an assumed clock of {clock_mhz:g} MHz",
        (
            "nodes/edges, lanes, network, cutoff",
            "slots",
            "acc.",
            "latency",
            "worst, mixed sizes",
            "interval",
            "ns",
            "M graphs/s",
            "published",
            "graphs",
            "≠",
        ),
        [_row(case) for case in cases],
    )
    stages = list(cases[0]["seconds"])
    console.table(
        "seconds",
        ("nodes/edges, lanes, network, cutoff", *stages),
        [(case["name"], *(f"{case['seconds'][stage]:.1f}" for stage in stages)) for case in cases],
    )
    if "resources" in cases[0]:
        console.table(
            f"estimated by Yosys, not placed and routed; in brackets: share of {cases[0]['shares']['device']}",
            ("nodes/edges, lanes, network, cutoff", *AMOUNTS),
            [(case["name"], *_resources(case)) for case in cases],
        )
    for case in cases:
        for lack in case["missed"]:
            console.say(f"FAILED: {case['name']}: {lack}")


def _row(case: Mapping[str, Any]) -> list[Any]:
    published = case["published"]
    return [
        case["name"],
        case["slots"],
        case["accumulators"],
        case["latency_cycles"],
        "{cycles} (up to +{excess})".format(**case["mixed_sizes"]),
        f"{case['interval_cycles']:g}",
        f"{case['nanoseconds']:.0f}",
        f"{case['million_graphs_per_second']:.2f}",
        f"{published['nanoseconds']:.0f} ns, {published['million_graphs_per_second']} M/s",
        case["graphs"],
        case["mismatches"],
    ]


def _resources(case: Mapping[str, Any]) -> list[str]:
    return [
        f"{case['resources'][name]:,g}" + (f" ({case['shares'][name]:.1%})" if name in case["shares"] else "")
        for name in AMOUNTS
    ]
