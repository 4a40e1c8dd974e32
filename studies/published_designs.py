"""Published designs by size of graph, and our accelerator that stands beside each."""

from __future__ import annotations

from dataclasses import dataclass

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.cases import BELLE_II, HIGTR


@dataclass(frozen=True)
class Published:
    """What a publication says of its design, and of which."""

    design: str
    nanoseconds: float
    million_graphs_per_second: float

    @property
    def short(self) -> str:
        """For a label in a picture."""
        return f"{self.design.partition(',')[0]}: {self.nanoseconds:g} ns"


@dataclass(frozen=True)
class Goal:
    """What a design has to reach; `interval_cycles` where a number of cycles is the aim, not a published rate."""

    nanoseconds: float
    million_graphs_per_second: float = 0.0
    interval_cycles: float = float("inf")


@dataclass(frozen=True)
class Size:
    """A size of graphs, the accelerator for it, what is published for it and what is to be reached."""

    config: AcceleratorConfig
    graphs: int  # sent one behind the other
    published: Published
    goal: Goal

    @property
    def name(self) -> str:
        return f"{self.config.nodes}/{self.config.edges} on {self.config.edge_lanes}/{self.config.node_lanes} lanes"


SIZES = (
    Size(
        AcceleratorConfig(*BELLE_II, edge_lanes=7, node_lanes=4, graphs_in_flight=16, accumulators=6),
        960,
        Published("Belle II, interaction network of the trigger", 632.0, 31.8),
        Goal(632.0, interval_cycles=8.0),
    ),
    Size(
        AcceleratorConfig(*HIGTR, edge_lanes=16, node_lanes=8, graphs_in_flight=6, accumulators=3),
        240,
        Published("HiGTR, the whole chain", 2360.0, 2.35),
        Goal(2360.0, million_graphs_per_second=2.35),
    ),
    Size(
        AcceleratorConfig(*BELLE_II, edge_lanes=14, node_lanes=8, graphs_in_flight=25, accumulators=12),
        1200,
        Published("Belle II, interaction network of the trigger", 632.0, 31.8),
        Goal(632.0, million_graphs_per_second=31.8),
    ),
)
