"""What an hls4ml project is built for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from edgetrack.export.form import Capacity, hit_capacity
from edgetrack.export.synthesis.device import load_device
from edgetrack.models.description import NetworkDescription

HlsBackend = Literal["Vitis", "Vivado", "oneAPI"]


@dataclass(frozen=True)
class Beats:
    """How the rows of a domain pass: `lanes` of them a beat, side by side in one word of a stream."""

    beats: int
    lanes: int = 1

    @property
    def rows(self) -> int:
        return self.beats * self.lanes


@dataclass(frozen=True)
class HlsConfig:
    """Size and target of the project: graphs of `nodes` hits, the last one a dummy, and `edges` edges.

    Other domains of a network (triplets, tokens, pairs) have `domains` elements, in `lanes` a clock, one if not given:
    {"triplet": 64}. The last element of a domain that others have ends in is a dummy there too.
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
    domains: Mapping[str, int] = field(default_factory=dict)
    lanes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.nodes < 2 or self.edges < 1:
            raise ValueError(f"hls4ml: room for {self.nodes} nodes and {self.edges} edges, wanted at least 2 and 1")
        for name in ("reuse_factor", "edge_lanes", "node_lanes", "graphs_in_flight"):
            if getattr(self, name) < 1:
                raise ValueError(f"hls4ml: {name} is {getattr(self, name)}, wanted at least 1")
        for name, count in (*self.domains.items(), *self.lanes.items()):
            if count < 1 or name in ("node", "edge"):
                raise ValueError(
                    f"hls4ml: {name} has {count} in domains or lanes, wanted at least 1, and nodes, edges, node_lanes "
                    "and edge_lanes for those two"
                )
        self._check_lanes()
        self._check_target()

    def _check_lanes(self) -> None:
        if self.node_lanes & (self.node_lanes - 1):
            raise ValueError(
                f"hls4ml: node_lanes is {self.node_lanes}, wanted a power of two: the low bits of a "
                "node's index choose its memory bank"
            )
        most = max(self.edge_lanes, self.node_lanes, *self.lanes.values())
        if most > 1 and (self.io_type, self.strategy) != ("io_stream", "Latency"):
            raise ValueError(
                f"hls4ml: up to {most} lanes with {self.io_type} and {self.strategy}; wanted io_stream and Latency, or "
                "one lane: io_parallel has a lane for every row, and Resource is for less than one row a clock"
            )

    def _check_target(self) -> None:
        if not 0 < self.clock_period_ns < math.inf:
            raise ValueError(f"hls4ml: clock_period_ns is {self.clock_period_ns}, wanted a number above 0")
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

    def beats(self, domain: str) -> Beats:
        """All rows in one beat for io_parallel, otherwise as many beats as the lanes need.

        Raises ValueError for a domain that was given no capacity.
        """
        sizes = {"node": self.nodes, "edge": self.edges, **self.domains}
        if domain not in sizes:
            raise ValueError(
                f"hls4ml: no capacity for {domain}s, wanted their largest number: settings.hls4ml.domains.{domain}=64"
            )
        if self.io_type == "io_parallel":
            return Beats(1, sizes[domain])
        lanes = {"node": self.node_lanes, "edge": self.edge_lanes, **self.lanes}.get(domain, 1)
        return Beats(ceil(sizes[domain] / lanes), lanes)

    def all_beats(self, description: NetworkDescription) -> dict[str, Beats]:
        """Of every domain of a network. Raises ValueError where one has no capacity, or lanes that are no banks."""
        beats = {domain.name: self.beats(domain.name) for domain in description.domains}
        for name in entered(description):
            lanes = beats[name].lanes
            if self.io_type == "io_stream" and lanes & (lanes - 1):
                raise ValueError(
                    f"hls4ml: {lanes} lanes of {name}s, wanted a power of two: others have ends in them, and the low "
                    "bits of their index choose a memory bank"
                )
        return beats

    @property
    def capacity(self) -> Capacity:
        """Largest hit graph: one node is the dummy that unused edges point to."""
        return hit_capacity(self.beats("node").rows - 1, self.beats("edge").rows)

    def capacity_for(self, description: NetworkDescription) -> Capacity:
        """Largest graph of a network: one element of each domain that others have ends in is a dummy."""
        dummies = entered(description)
        beats = self.all_beats(description)
        return Capacity({name: each.rows - (name in dummies) for name, each in beats.items()})


def entered(description: NetworkDescription) -> set[str]:
    """Domains that others have ends in."""
    return {end.domain for domain in description.domains for end in domain.ends}
