"""The clock that an MLP's pipeline reaches after place and route, by how finely it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.events.progress import Progress
from edgetrack.export.rtl.kernel import make_kernel
from edgetrack.export.synthesis.place_and_route import PlaceConfig, place_and_route
from edgetrack.studies.accelerator_cases import RANDOM, network

CUTOFFS = (1.0, 2.0, 3.0, 5.0)
MLP = "phi_r1"
PLACING = PlaceConfig(target_mhz=250.0)


def clock_cases(seed: int, folder: Path, progress: Progress) -> list[dict[str, Any]]:
    """φR1 with 8 hidden units and random weights, alone on ECP5-85k, at several latency cutoffs.

    Cost: half a minute each on an idle core; answers are kept in `folder`. Raises FormUnavailable without nextpnr.
    """
    model = network(RANDOM, seed)
    cases: list[dict[str, Any]] = []
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
        progress(done, len(CUTOFFS))
    return cases
