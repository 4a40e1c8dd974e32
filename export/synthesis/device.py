"""The FPGAs of hls_projects/targets: what they hold, and which share of it a design takes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from edgetrack.export.synthesis.yosys import Resources


@dataclass(frozen=True)
class Device:
    """An FPGA: its part number and its primitives; 0 of those that it does not have."""

    part: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    lutram: int = 0  # LUTs that can be memory
    uram: int = 0
    nextpnr: tuple[str, ...] = ()  # options that choose it in nextpnr-ecp5; none: no open tool places and routes it

    def shares(self, design: Resources) -> dict[str, float]:
        """Fraction of the device's primitives that a design takes, as rough as its estimate; none of what the device
        does not have."""
        return {
            name: getattr(design, name) / getattr(self, name)
            for name in ("lut", "ff", "dsp", "bram36", "lutram", "uram")
            if getattr(self, name)
        }


def load_device(name: str) -> Device:
    """The device described in hls_projects/targets: "xcvu13p", or a part with package and speed, of which that is the
    die. Raises ValueError for an unknown one."""
    folder = resources.files("edgetrack.hls_projects").joinpath("targets")
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    die = next((one for one in known if f"{name}-".startswith(f"{one}-")), None)
    if die is None:
        raise ValueError(f"unknown device {name!r}; known: {', '.join(known)}; add a file to hls_projects/targets")
    described: dict[str, Any] = yaml.safe_load(folder.joinpath(f"{die}.yaml").read_text())
    return Device(**described | {"nextpnr": tuple(described.get("nextpnr", ()))})
