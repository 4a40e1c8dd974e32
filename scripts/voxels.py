"""`edgetrack voxels`: events → a file of Voxel-Dynamics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.cache import load_event
from edgetrack.events.thinning import ThinConfig, thinned
from edgetrack.events.trackml import find_events
from edgetrack.graphs.geometric import available_cores
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.files import save_voxels
from edgetrack.graphs.voxel_dynamics.fit import TrueHits, VoxelFitConfig, fit_dynamics, true_hits
from edgetrack.graphs.voxel_dynamics.metrics import LinkCurve, link_curve
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required

SHOWN = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.965, 0.97, 0.975, 0.98, 0.985, 0.99)  # ε+ of the table's rows
LEAST_SHARE = 1e-5  # orbits below are far beyond any useful point
POINTS_OF_CURVE = 200  # that the result keeps


@dataclass(frozen=True)
class VoxelsConfig:
    """Events to fit and to validate, the point of operation, and the fit."""

    events: str = required("folder of events in TrackML format, with truth, at the full pile-up")
    validation: int = option(10, "events, of the highest numbers, that the fit never sees: they make the curve")
    efficiency: float = option(0.975, "share of the true pairs of hits that are to be linked, on those events")
    parts: int = option(10, "thinned parts of each validation event")
    cache: str = option("", "folder for a parquet cache of the events")
    thin: ThinConfig = field(default_factory=ThinConfig)
    fit: VoxelFitConfig = field(default_factory=VoxelFitConfig)

    def __post_init__(self) -> None:
        if self.validation < 1 or self.parts < 1:
            raise ValueError(f"--validation = {self.validation} and --parts = {self.parts}: wanted 1 or more of both")
        if not 0 < self.efficiency < 1:
            raise ValueError(f"--efficiency = {self.efficiency}: wanted between 0 and 1")


def voxels(config: VoxelsConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Fit voxels and the counts of pairs of them, choose the threshold on validation events; writes voxels.npz.

    `edgetrack build --set graph.construction='{kind: voxel_dynamics, file: …/voxels.npz}'` then builds graphs. The file
    has what lies at or above the threshold of --efficiency; a build may raise it. The curve of efficiency (ε+), false
    positive rate (ε−) and mean degree against the threshold is in voxels.json.
    """
    numbers = find_events(config.events)
    if len(numbers) <= config.validation:
        raise ValueError(
            f"{config.events} has {len(numbers)} events, of which --validation takes {config.validation}; wanted more"
        )
    start = time.monotonic()
    with console.progress("reading") as progress:
        training = [true_hits(load_event(config.events, number, **_cache(config))) for number in numbers]
        progress(1, 1)
    del training[-config.validation :]
    with console.progress("fit") as progress:
        dynamics = fit_dynamics(training, config.fit, available_cores(), progress).pruned(LEAST_SHARE)
    seconds = time.monotonic() - start
    curve = link_curve(dynamics, _thinned(config, numbers[-config.validation :]))
    row = curve.at_efficiency(config.efficiency)
    chosen = dynamics.pruned(float(curve.threshold[row]))
    path = save_voxels(chosen, folder / "voxels.npz")
    _show(console, curve, dynamics)
    console.say(
        f"linked from a share of {chosen.threshold:.3g}: {curve.efficiency[row]:.4f} of the true pairs, "
        f"{curve.false_positive_rate[row]:.4f} of the others, mean degree {curve.mean_degree[row]:.1f}; "
        f"{len(chosen.keys):,} orbits, {path.stat().st_size / 1e6:.1f} MB: {path}"
    )
    return {
        "file": str(path),
        "voxels": chosen.voxels.number,
        "orbits": len(chosen.keys),
        "events": len(training),
        "threshold": chosen.threshold,
        "vd_efficiency": float(curve.efficiency[row]),
        "vd_false_positive_rate": float(curve.false_positive_rate[row]),
        "mean_degree": float(curve.mean_degree[row]),
        "seconds": round(seconds, 1),
        "curve": _listed(curve),
    }


def _thinned(config: VoxelsConfig, numbers: Sequence[int]) -> list[TrueHits]:
    found = []
    for number in numbers:
        parts = thinned(load_event(config.events, number, **_cache(config)), config.thin)
        found += [true_hits(part) for _, part in zip(range(config.parts), parts, strict=False)]
    return found


def _cache(config: VoxelsConfig) -> dict[str, Any]:
    return {"cache": config.cache, "fill": True} if config.cache else {}


def _show(console: Console, curve: LinkCurve, dynamics: VoxelDynamics) -> None:
    rows = [curve.at_efficiency(wanted) for wanted in SHOWN if len(curve.efficiency) and wanted <= curve.efficiency[-1]]
    table = [
        (
            f"{curve.threshold[row]:.3g}",
            f"{curve.efficiency[row]:.4f}",
            f"{curve.false_positive_rate[row]:.5f}",
            f"{curve.mean_degree[row]:.1f}",
            f"{np.count_nonzero(dynamics.shares >= curve.threshold[row]):,}",
        )
        for row in rows
    ]
    columns = ("least share", "ε+", "ε−", "mean degree", "orbits")
    console.table(f"Voxel-Dynamics, {dynamics.voxels.number:,} voxels", columns, table)


def _listed(curve: LinkCurve) -> dict[str, list[float]]:
    """Some rows of the curve, evenly spread over ε+."""
    wanted = np.linspace(0, curve.efficiency[-1], POINTS_OF_CURVE)
    rows = np.unique(np.searchsorted(curve.efficiency, wanted))
    names = ("threshold", "efficiency", "false_positive_rate", "mean_degree")
    return {name: getattr(curve, name)[rows].tolist() for name in names}
