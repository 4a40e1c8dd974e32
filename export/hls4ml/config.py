"""What an hls4ml project is built for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from edgetrack.export.form import Capacity
from edgetrack.export.synthesis.device import load_device

HlsBackend = Literal["Vitis", "Vivado", "oneAPI"]


@dataclass(frozen=True)
class Beats:
    """How the rows of a graph's nodes or edges pass: `lanes` of them a beat, side by side in one word of a stream."""

    beats: int
    lanes: int = 1

    @property
    def rows(self) -> int:
        return self.beats * self.lanes


ONE_ROW: Mapping[str, Beats] = {"node": Beats(1), "edge": Beats(1)}


@dataclass(frozen=True)
class HlsConfig:
    """Size and target of the project: graphs of `nodes` hits, the last one a dummy, and `edges` edges.

    Smaller graphs are padded. io_parallel is for small graphs (tens of edges), io_stream for sectors; there
    `edge_lanes` edges or `node_lanes` nodes (a power of two) go through every layer in one clock, sizes are rounded up
    to whole beats of them, and streams hold `graphs_in_flight` graphs. `strategy` and `reuse_factor` are hls4ml's, for
    every linear layer; a layer whose matrix does not allow the factor takes the next smaller one. `part` is one of the
    devices in hls_projects/targets, in any package and speed grade; for oneAPI, what its cmake takes as FPGA_DEVICE,
    such as Agilex7.
    """

    nodes: int = 1024
    edges: int = 4096
    io_type: Literal["io_parallel", "io_stream"] = "io_stream"
    strategy: Literal["Latency", "Resource"] = "Latency"
    reuse_factor: int = 1
    part: str = "xcvu13p-flga2577-2-e"
    clock_period_ns: float = 5.0
    backend: HlsBackend = "Vitis"
    edge_lanes: int = 1
    node_lanes: int = 1
    graphs_in_flight: int = 1

    def __post_init__(self) -> None:
        if self.nodes < 2 or self.edges < 1:
            raise ValueError(f"hls4ml: room for {self.nodes} nodes and {self.edges} edges, wanted at least 2 and 1")
        if not 0 < self.clock_period_ns < math.inf:
            raise ValueError(f"hls4ml: clock_period_ns is {self.clock_period_ns}, wanted a number above 0")
        for name in ("reuse_factor", "edge_lanes", "node_lanes", "graphs_in_flight"):
            if getattr(self, name) < 1:
                raise ValueError(f"hls4ml: {name} is {getattr(self, name)}, wanted at least 1")
        if self.node_lanes & (self.node_lanes - 1):
            raise ValueError(
                f"hls4ml: node_lanes is {self.node_lanes}, wanted a power of two: the low bits of a "
                "node's index choose its memory bank"
            )
        if self.edge_lanes * self.node_lanes > 1 and (self.io_type, self.strategy) != ("io_stream", "Latency"):
            raise ValueError(
                f"hls4ml: {self.edge_lanes} edge and {self.node_lanes} node lanes with {self.io_type} and "
                f"{self.strategy}; wanted io_stream and Latency, or one lane: io_parallel has a lane for "
                "every row, and Resource is for less than one row a clock"
            )
        if self.backend != "oneAPI":
            load_device(self.part)
            if not self.part.startswith("xc"):
                raise ValueError(
                    f"hls4ml: {self.backend} builds for AMD's devices, got part {self.part!r}; wanted one "
                    "like xcvu13p-flga2577-2-e"
                )
        elif self.part.startswith("xc"):
            raise ValueError(
                f"hls4ml: part {self.part!r} is AMD's, oneAPI builds for Intel's; set it to Agilex7, or "
                "to another FPGA_DEVICE of oneAPI"
            )
        elif (self.io_type, self.strategy, self.reuse_factor) != ("io_stream", "Latency", 1):
            raise ValueError(
                f"hls4ml: oneAPI with {self.io_type}, {self.strategy} and reuse_factor "
                f"{self.reuse_factor}; wanted io_stream, Latency and 1"
            )

    @property
    def beats(self) -> dict[str, Beats]:
        """All rows in one beat for io_parallel, otherwise as many beats as the lanes need."""
        if self.io_type == "io_parallel":
            return {"node": Beats(1, self.nodes), "edge": Beats(1, self.edges)}
        return {
            "node": Beats(ceil(self.nodes / self.node_lanes), self.node_lanes),
            "edge": Beats(ceil(self.edges / self.edge_lanes), self.edge_lanes),
        }

    @property
    def capacity(self) -> Capacity:
        """Largest real graph: one node is the dummy that unused edges point to."""
        return Capacity(self.beats["node"].rows - 1, self.beats["edge"].rows)
