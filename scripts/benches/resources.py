"""`edgetrack bench resources`: the formulas of the exploration beside synthesis."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgetrack.export.accelerator.resource_model import FACTORS, MODELLED
from edgetrack.models.pretrained_checkpoints import DEFAULT_QUANTISED
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option
from edgetrack.studies.resource_fit import measure_fit


@dataclass(frozen=True)
class ResourcesBenchConfig:
    """Which random weights."""

    seed: int = option(1, "of the drawn networks")

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"--seed = {self.seed}: wanted an integer ≥ 0")


def bench_resources(config: ResourcesBenchConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Formula and synthesis side by side, on pipelines and designs that the constants were not taken from.

    About ten minutes on one core, seconds for what the folder holds already. Failed where a design is further off than
    the errors that the model states.
    """
    with console.progress("synthesis") as progress:
        found = measure_fit(config.seed, folder, progress)
    in_use = asdict(FACTORS)
    console.table(
        "constants of the pipelines, measured anew on drawn networks of 4 and 8 hidden units",
        ("", "in use", "measured now"),
        [(name, in_use[name], f"{value:.3f}") for name, value in asdict(found.constants).items()],
    )
    titles = {"pipelines that no constant was taken from": found.kernels, "whole designs, as well": found.designs}
    for title, rows in titles.items():
        console.table(
            f"{title}: formula / Yosys, not placed and routed", ("", *MODELLED), [_shown(row) for row in rows]
        )
    drawn = found.drawn_against_trained
    console.say(f"drawn weights against {DEFAULT_QUANTISED}, the same sizes and widths: {drawn:+.1%} LUTs by formula")
    for line in found.beyond:
        console.say(f"FAILED: {line}")
    return {
        "cases": [*found.kernels, *found.designs],
        "constants": asdict(found.constants),
        "drawn_against_trained": drawn,
        "failed": bool(found.beyond),
    }


def _shown(row: dict[str, Any]) -> list[str]:
    return [
        row["name"],
        *(
            f"{row[key]['formula']:,g} / {row[key]['synthesised']:,g}"
            + (f" ({row['errors'][key]:+.1%})" if row["errors"][key] else " =")
            for key in MODELLED
        ),
    ]
