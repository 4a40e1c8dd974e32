"""Figures of a form that is hardware: what it takes of a device by estimate, and what place and route reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgetrack.export.form import Capacity
from edgetrack.export.synthesis.device import Device
from edgetrack.export.synthesis.place_and_route import PlacedDesign
from edgetrack.export.synthesis.yosys import AMOUNTS, Resources


@dataclass(frozen=True)
class Estimate:
    """Primitives of a design before place and route: the whole, and the blocks that make it up."""

    total: Resources
    blocks: Mapping[str, tuple[int, Resources]]  # name → (instances, all of them together)
    parts: Mapping[str, tuple[int, Resources]]  # parts that were counted once: name → (instances, one of them)

    def to_json(self, device: Device) -> dict[str, Any]:
        """Plain values, with the shares of a device."""
        return {
            "basis": self.total.basis,
            "device": device.part,
            "total": amounts(self.total),
            "shares": device.shares(self.total),
            "blocks": {name: {"instances": number, **amounts(all_)} for name, (number, all_) in self.blocks.items()},
            "parts": [
                {"name": name, "instances": number, "each": amounts(one)} for name, (number, one) in self.parts.items()
            ],
        }


@dataclass(frozen=True)
class Placement:
    """A placed and routed design, with the cycles of a graph that fills its capacity."""

    design: PlacedDesign
    capacity: Capacity
    latency_cycles: int
    interval_cycles: float

    @property
    def latency_us(self) -> float:
        return self.latency_cycles / self.design.clock_mhz

    @property
    def interval_us(self) -> float:
        return self.interval_cycles / self.design.clock_mhz

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        placed = self.design
        return {
            "basis": placed.basis,
            "device": placed.part,
            "clock_mhz": placed.clock_mhz,
            "target_mhz": placed.config.target_mhz,
            "seed": placed.config.seed,
            "used": dict(placed.used),
            "shares": placed.shares,
            "critical_path": asdict(placed.critical_path),
            "seconds": dict(placed.seconds),
            "latency_us": self.latency_us,
            "interval_us": self.interval_us,
            "bitstream": str(placed.bitstream),
            "report": str(placed.report),
        }


def amounts(counts: Resources) -> dict[str, float]:
    """Primitive → number."""
    return {name: getattr(counts, name) for name in AMOUNTS}
