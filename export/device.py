"""The FPGAs of hls_projects/targets: what they hold, and which share of it a design takes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import yaml

from edgetrack.export.yosys import Resources


@dataclass(frozen=True)
class Device:
    """An FPGA: its part number and its primitives."""

    part: str
    lut: int
    ff: int
    dsp: int
    bram36: int

    def shares(self, design: Resources) -> dict[str, float]:
        """Fraction of the device's LUTs, flip-flops, DSPs and BRAMs that a design takes; as rough as its estimate."""
        return {name: getattr(design, name) / getattr(self, name) for name in ("lut", "ff", "dsp", "bram36")}


def load_device(name: str) -> Device:
    """The device described in hls_projects/targets: "xcvu13p", or a part with package and speed, of which that is the
    die. Raises ValueError for an unknown one."""
    folder = resources.files("edgetrack.hls_projects").joinpath("targets")
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    die = name.partition("-")[0]
    if die not in known:
        raise ValueError(f"unknown device {name!r}; known: {', '.join(known)}; add a file to hls_projects/targets")
    return Device(**yaml.safe_load(folder.joinpath(f"{die}.yaml").read_text()))
