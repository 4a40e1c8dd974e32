"""`edgetrack explore`: which accelerator to build, before any is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgetrack.events.atomic_write import write_text
from edgetrack.export.exploration.choice import Limits, NoCandidate, Prefer, choose, front
from edgetrack.export.exploration.grid import (
    Candidate,
    Grid,
    explore,
    representative_networks,
    trained_network,
)
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.models.pretrained_checkpoints import DEFAULT_QUANTISED, load_kind
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.report.figure_exploration import draw_exploration
from edgetrack.scripts.console import Console
from edgetrack.scripts.explore_tables import in_words, show_checks, show_front, show_networks
from edgetrack.scripts.option import option
from edgetrack.studies.exploration_check import check_candidates, check_row
from edgetrack.studies.exploration_files import row, settings_yaml, write_candidates


@dataclass(frozen=True)
class ExploreConfig:
    """The design space, the device, and what to keep to."""

    weights: Literal["drawn", "checkpoint"] = option(
        "drawn", "drawn: random weights, to size before training; checkpoint: the trained network as it is"
    )
    checkpoint: str = option(DEFAULT_QUANTISED, "with --weights checkpoint: quantised checkpoint")
    device: str = option("xcvu9p", "FPGA to fill, of hls_projects/targets")
    limits: Limits = field(default_factory=Limits)
    prefer: Prefer = option("network", "which design within the limits: network, luts, latency, rate")
    grid: Grid = field(default_factory=Grid)
    check: int = option(0, "build so many of the best designs, and compare the formulas with them (minutes)")
    check_luts: int = option(60_000, "the largest design that a check synthesises")

    def __post_init__(self) -> None:
        if self.check < 0:
            raise ValueError(f"check is {self.check}, wanted the number of designs to build, or 0")


def explore_designs(config: ExploreConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Size an accelerator before any is built.

    Latency, interval, LUTs, flip-flops and memories of every accelerator of a grid (edge and node lanes, hidden units,
    widths, pipelining), by formulas, in seconds once the pipelines are known; the best that fits a share of a device
    under a latency, with the settings to export it; tables, a picture. By default: 660 nodes and 1,320 edges, 40 % of a
    VU9P, under 2 µs. For instance --set limits.latency_us=1 --device xcvu13p --set grid.hidden=[8,16]; --print-config
    shows every setting. The exit status is 1 where no design keeps to the limits (everything is written all the same),
    or a built one differs from its formulas in cycles or logits.
    """
    device = load_device(config.device)
    library = KernelLibrary(folder / "kernels")
    trained = config.weights == "checkpoint"
    networks = (
        [trained_network(integer_model(load_kind(config.checkpoint, "quantised")))]
        if trained
        else representative_networks(config.grid)
    )
    with console.progress("pipelines") as progress:
        candidates = explore(networks, config.grid, library, progress)
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
        write_text(
            file, settings_yaml(chosen, config.checkpoint if trained else None, _figures(chosen, device), str(file))
        )
        files.append(file)
        show_front(chosen, best, device, config.grid, config.limits, console)
    show_networks(networks, candidates, device, config.limits, console)
    if config.check:
        with console.progress("designs built") as progress:
            built = check_candidates(networks, best, config.check, config, folder / "check", progress)
        show_checks(built, console)
        result["checks"] = [check_row(one) for one in built]
    for path in files:
        console.say(f"wrote {path}")
    if problem is not None:
        raise problem
    assert chosen is not None
    console.say(f"chosen of {len(candidates):,}: {in_words(chosen, device)}")
    failed = not all(one["exact"] for one in result.get("checks", ()))
    return result | {"files": [str(path) for path in files], "failed": failed}


def _choice(
    candidates: Sequence[Candidate], device: Device, config: ExploreConfig
) -> tuple[Candidate | None, NoCandidate | None]:
    try:
        return choose(candidates, device, config.limits, config.prefer), None
    except NoCandidate as problem:
        return None, problem


def _figures(one: Candidate, device: Device) -> dict[str, str]:
    return {
        "By formula": in_words(one, device),
        "Cycles": f"latency {one.latency_cycles}, interval {one.interval_cycles:g}",
    }
