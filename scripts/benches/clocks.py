"""`edgetrack bench clocks`: the clock that an MLP's pipeline reaches after place and route, by how finely it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.export.rtl.kernel import make_kernel
from edgetrack.export.synthesis.place_and_route import PlaceConfig, place_and_route
from edgetrack.scripts.console import Console
from edgetrack.studies.accelerator_cases import RANDOM, network

CUTOFFS = (1.0, 2.0, 3.0, 5.0)
MLP = "phi_r1"
PLACING = PlaceConfig(target_mhz=250.0)


def bench_clocks(seed: int, folder: Path, console: Console) -> dict[str, Any]:
    """φR1 with 8 hidden units and random weights, alone on ECP5-85k, at several latency cutoffs.

    Cost: half a minute each on an idle core; answers are kept in `folder`. Raises FormUnavailable without nextpnr.
    """
    model = network(RANDOM, seed)
    cases: list[dict[str, Any]] = []
    with console.progress("place and route") as report:
        for done, cutoff in enumerate(CUTOFFS, 1):
            kernel = make_kernel(model, MLP, cutoff, 1000.0 / PLACING.target_mhz)
            placed = place_and_route(kernel.sources, kernel.top, folder, PLACING)
            cases.append(
                {
                    "name": f"{MLP}, cutoff {cutoff:g}",
                    "latency_cutoff": cutoff,
                    "cycles": kernel.latency_cycles + 1,
                    "clock_mhz": placed.clock_mhz,
                    "used": dict(placed.used),
                    "basis": placed.basis,
                }
            )
            report(done, len(CUTOFFS))
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
