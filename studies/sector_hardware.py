"""A form of fixed size on the sectors of graphs, beside the integers on the same sectors: they must be equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress
from edgetrack.export.tally import Tally
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import Sector, SectorConfig
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

Codes = list[list[IntArray]]  # (E, width) of each sector of each graph


@dataclass(frozen=True)
class Hardware:
    """A form of fixed size, how graphs are cut for it, and the thresholds of its checkpoint."""

    name: str
    model: IntegerModel
    run: Callable[[Sequence[HitGraph]], Sequence[IntArray]] | None  # output codes; None: the integers stand in for it
    cut: SectorConfig
    threshold: float
    track_threshold: float

    def codes(self, graph: HitGraph) -> IntArray:
        """(E, width) what it must give."""
        return self.model.run_graph(graph)[self.model.description.output]

    def logits(self, codes: IntArray) -> NDArray[np.floating]:
        """(E,) of output codes (E, width)."""
        return self.model.formats[self.model.description.output].dequantize(codes)[:, 0]


def run_sectors(
    cuts: Sequence[Sequence[Sector]], hardware: Hardware, progress: Progress
) -> tuple[Codes, Codes, Tally | None]:
    """Codes of the sectors of each graph by the integers, and by the hardware (None: by the integers again).

    Raises InexactForm where the hardware gives another number of integers. Cost: that of both.
    """
    wanted: Codes = []
    got: Codes = []
    for index, cut in enumerate(cuts, 1):
        wanted.append([hardware.codes(sector.graph) for sector in cut])
        got.append(wanted[-1] if hardware.run is None else list(hardware.run([sector.graph for sector in cut])))
        progress(index, len(cuts))
    if hardware.run is None:
        return wanted, got, None
    tally = Tally(hardware.name, "logits")
    for cut, want, have in zip(cuts, wanted, got, strict=True):
        tally.compare_outputs((sector.name for sector in cut), want, have)
    return wanted, got, tally
