"""`edgetrack bench clocks`: the clock that an MLP's pipeline reaches after place and route."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.kernel_clocks import clock_cases


@dataclass(frozen=True)
class ClocksBenchConfig:
    """Which random weights."""

    seed: int = option(1, "of the random weights")


def bench_clocks(config: ClocksBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """One MLP placed and routed on ECP5-85k at four pipelinings: half a minute each, kept in the folder."""
    with console.progress("place and route") as progress:
        cases = clock_cases(config.seed, folder, progress)
    console.table(
        f"one MLP of 8 hidden units, {cases[0]['basis']}",
        ("MLP", "cycles", "MHz", "LUT4", "FF"),
        [
            (
                case["name"],
                case["cycles"],
                f"{case['clock_mhz']:.1f}",
                case["used"]["TRELLIS_COMB"],
                case["used"]["TRELLIS_FF"],
            )
            for case in cases
        ],
    )
    return {"cases": cases, "failed": False}
