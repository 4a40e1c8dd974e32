"""A form of fixed size on the sectors of graphs, beside the integers on the same sectors: they must be equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress
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


@dataclass(frozen=True)
class Equality:
    """The form's integers against the model's, of all edges of each sector, context included."""

    sectors: int
    integers: int
    distinct: int  # different values seen: 1 would prove nothing
    mismatches: int
    first: str = ""  # where the first one is

    @property
    def failed(self) -> bool:
        return self.mismatches > 0 or self.distinct < 2


def run_sectors(
    cuts: Sequence[Sequence[Sector]], hardware: Hardware, progress: Progress
) -> tuple[Codes, Codes, Equality | None]:
    """Codes of the sectors of each graph by the integers, and by the hardware (None: by the integers again).

    Raises ValueError where the hardware gives another number of integers. Cost: that of both.
    """
    wanted: Codes = []
    got: Codes = []
    for index, cut in enumerate(cuts, 1):
        wanted.append([hardware.codes(sector.graph) for sector in cut])
        got.append(wanted[-1] if hardware.run is None else list(hardware.run([sector.graph for sector in cut])))
        progress(index, len(cuts))
    return wanted, got, None if hardware.run is None else _compare(cuts, hardware.name, wanted, got)


def _compare(cuts: Sequence[Sequence[Sector]], name: str, wanted: Codes, got: Codes) -> Equality:
    mismatches, first = 0, ""
    pairs = [pair for parts in zip(cuts, wanted, got, strict=True) for pair in zip(*parts, strict=True)]
    for sector, want, have in pairs:
        if want.shape != have.shape:
            raise ValueError(f"{name}: {have.shape} integers for {sector.name}, wanted {want.shape}")
        differ = np.argwhere(want != have)
        mismatches += len(differ)
        if len(differ) and not first:
            edge, column = differ[0]
            first = f"{sector.name}, edge {sector.edges[edge]}: got {have[edge, column]}, wanted {want[edge, column]}"
    codes = np.concatenate([np.zeros(0, np.int64), *(have.ravel() for _, _, have in pairs)])
    return Equality(len(pairs), codes.size, len(np.unique(codes)), mismatches, first)
