"""What an hls4ml project is built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetrack.export.device import load_device
from edgetrack.export.form import Capacity


@dataclass(frozen=True)
class HlsConfig:
    """Size and target of the project: graphs of `nodes` hits, the last one a dummy, and `edges` edges.

    Smaller graphs are padded. io_parallel is for small graphs (tens of edges), io_stream for sectors. `strategy` and
    `reuse_factor` are hls4ml's, for every linear layer; a layer whose matrix does not allow the factor takes the next
    smaller one. `part` is one of the devices in hls_projects/targets, in any package and speed grade.
    """

    nodes: int = 1024
    edges: int = 4096
    io_type: Literal["io_parallel", "io_stream"] = "io_stream"
    strategy: Literal["Latency", "Resource"] = "Latency"
    reuse_factor: int = 1
    part: str = "xcvu13p-flga2577-2-e"
    clock_period_ns: float = 5.0
    backend: Literal["Vitis"] = "Vitis"

    def __post_init__(self) -> None:
        if self.nodes < 2 or self.edges < 1:
            raise ValueError(f"hls4ml: room for {self.nodes} nodes and {self.edges} edges, wanted at least 2 and 1")
        if self.reuse_factor < 1:
            raise ValueError(f"hls4ml: reuse_factor is {self.reuse_factor}, wanted at least 1")
        load_device(self.part)

    @property
    def capacity(self) -> Capacity:
        """Largest real graph: one node is the dummy that unused edges point to."""
        return Capacity(self.nodes - 1, self.edges)
