"""Verilog placed and routed on a real device with open tools: Yosys, nextpnr-ecp5, ecppack. A clock and a bitstream.

Unlike the estimates of `yosys`, these figures are of the very circuit that the bitstream holds.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from edgetrack.events.atomic_write import atomic_path, write_text
from edgetrack.export.synthesis.device import load_device
from edgetrack.export.synthesis.nextpnr_report import CriticalPath, read_report
from edgetrack.export.synthesis.pin_harness import pin_harness
from edgetrack.export.synthesis.yosys import source_hash
from edgetrack.export.synthesis.yowasp import ECPPACK, NEXTPNR_ECP5, YOSYS, Tool, run_tool

SYNTHESIS = "synth_ecp5"
# LUT4 with half a carry cell, flip-flops, 18 kbit memories, 18 × 18 multipliers, write ports of LUT memory, pins.
PRIMITIVES = ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D", "TRELLIS_RAMW", "TRELLIS_IO")


@dataclass(frozen=True)
class PlaceConfig:
    """Device of hls_projects/targets, and what to aim for. The result depends on the seed by some percent."""

    device: str = "lfe5um5g-85f"
    target_mhz: float = 150.0  # what the tool aims for; it may reach less
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.target_mhz > 0:
            raise ValueError(f"place and route: target_mhz is {self.target_mhz}, wanted above 0")


@dataclass(frozen=True)
class PlacedDesign:
    """A placed and routed design: the clock that it reached, what it takes of the device, and its bitstream."""

    top: str
    part: str
    clock_mhz: float  # after routing, worst case of the device's speed grade, by nextpnr's own timing
    config: PlaceConfig
    used: Mapping[str, int]  # of each of PRIMITIVES
    available: Mapping[str, int]
    critical_path: CriticalPath
    seconds: Mapping[str, float]  # by tool
    bitstream: Path
    report: Path  # nextpnr's own
    basis: str

    @property
    def shares(self) -> dict[str, float]:
        """Fractions of the device's primitives."""
        return {name: self.used[name] / self.available[name] for name in PRIMITIVES}


def place_and_route(
    sources: Mapping[str, str], top: str, folder: Path, config: PlaceConfig | None = None
) -> PlacedDesign:
    """Place and route the module `top` of Verilog `sources` (file name → text), one pin a bit of its ports.

    Everything goes to a folder below `folder` named by the hash of all inputs and tools; a design that is there is
    taken as it is. Deterministic by seed. Cost: seconds for a small design, about 10 minutes for 30,000 TRELLIS_COMB.
    Raises FormUnavailable where a tool is missing, ValueError for a device that nextpnr does not have, RuntimeError
    with the tool's words where the design does not fit or route.
    """
    config = config or PlaceConfig()
    device = load_device(config.device)
    if not device.nextpnr:
        raise ValueError(
            f"place and route: no open tool takes {device.part}; wanted a device with a `nextpnr` line in "
            "hls_projects/targets, such as lfe5um5g-85f"
        )
    versions = ", ".join(f"{tool.name} {tool.version()}" for tool in (YOSYS, NEXTPNR_ECP5))
    settings = (versions, SYNTHESIS, top, *device.nextpnr, str(config.target_mhz), str(config.seed))
    kept = folder / f"{top}-{source_hash(sources, *settings)}"
    if not (kept / "placed.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            seconds = _run_tools(sources, top, device.nextpnr, config, Path(work))
            for name in ("report.json", "nextpnr.log", "design.bit"):
                with atomic_path(kept / name) as temporary:
                    shutil.copyfile(Path(work) / name, temporary)
        write_text(kept / "placed.json", json.dumps({"seconds": seconds, "config": asdict(config)}, indent=1) + "\n")
    report = read_report((kept / "report.json").read_text())
    seconds = json.loads((kept / "placed.json").read_text())["seconds"]
    used, available = ({name: numbers[name] for name in PRIMITIVES} for numbers in (report.used, report.available))
    return PlacedDesign(
        top,
        device.part,
        report.clock_mhz,
        config,
        used,
        available,
        report.critical_path,
        seconds,
        kept / "design.bit",
        kept / "report.json",
        f"placed and routed: {versions}",
    )


def place_streams(
    sources: Mapping[str, str], module: str, folder: Path, config: PlaceConfig | None = None
) -> PlacedDesign:
    """Place and route a module whose wide streams need more pins than there are, behind a `pin_harness`: an accelerator
    with all its lanes. Raises as `place_and_route` does, and ValueError for a module that has other ports."""
    top, all_sources = pin_harness(sources, module)
    return place_and_route(all_sources, top, folder, config)


def _run_tools(
    sources: Mapping[str, str], top: str, device: tuple[str, ...], config: PlaceConfig, work: Path
) -> dict[str, float]:
    """Seconds of each tool, once report.json and design.bit are in `work`."""
    for name, text in sources.items():
        (work / name).write_text(text)
    script = f"read_verilog -sv {' '.join(sorted(sources))}; {SYNTHESIS} -top {top} -json netlist.json"
    place = [
        *device,
        "--json",
        "netlist.json",
        "--freq",
        str(config.target_mhz),
        "--seed",
        str(config.seed),
        "--timing-allow-fail",
        "--lpf-allow-unconstrained",
        "--textcfg",
        "design.cfg",
        "--report",
        "report.json",
        "--log",
        "nextpnr.log",
        "-q",
    ]
    steps: tuple[tuple[Tool, list[str]], ...] = (
        (YOSYS, ["-q", "-p", script]),
        (NEXTPNR_ECP5, place),
        (ECPPACK, ["design.cfg", "design.bit"]),
    )
    seconds = {}
    for tool, arguments in steps:
        start = time.perf_counter()
        run_tool(tool, arguments, work, f"module {top}")
        seconds[tool.name] = round(time.perf_counter() - start, 1)
    return seconds
