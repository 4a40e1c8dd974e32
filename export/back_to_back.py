"""Graphs one behind the other: what a form that holds several at once is tried with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from edgetrack.export.accelerator.simulation import Stalls
from edgetrack.export.accelerator.streams import Received
from edgetrack.export.cases import PUBLISHED_SIZES, random_graph
from edgetrack.export.form import Capacity, Form, InexactForm, hit_capacity
from edgetrack.export.tally import Tally
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import Graph
from edgetrack.quantize.fixed_point import IntArray


@runtime_checkable
class StreamingForm(Form, Protocol):
    """A form that holds several graphs at a time: the state of one must not leak into another, whatever stalls."""

    def run_graphs(self, graphs: Sequence[Graph], stalls: Stalls | None = None) -> Sequence[Received]:
        """The output's codes of each graph, with the clocks at which it came and left."""


@dataclass(frozen=True)
class StreamCases:
    """What such a form gets beside real and special graphs, and the rounds in which it gets all of them."""

    random: tuple[HitGraph, ...]
    rounds: Mapping[str, Stalls]  # in each, every graph once, in an order of its own
    seed: int


def stream_cases(capacity: Capacity | None, count: int, seed: int) -> StreamCases:
    """`count` random graphs in the published sizes that fit, in full capacity and in any size, and all stall rounds."""
    rng = np.random.default_rng([seed, 78])
    limit = capacity or hit_capacity(*PUBLISHED_SIZES[-1])
    fixed = [size for size in PUBLISHED_SIZES if size[0] <= limit.nodes and size[1] <= limit.edges]
    full = (limit.nodes, limit.edges)
    graphs = []
    for index in range(count):
        if index % 64 == 0:
            size = full
        elif index % 2:
            size = (int(rng.integers(limit.nodes + 1)), int(rng.integers(limit.edges // 4 + 1)))
        else:
            size = fixed[0 if rng.random() < 0.75 else -1] if fixed else full
        graphs.append(random_graph(*size, f"random {index}", rng))
    return StreamCases(tuple(graphs), stall_rounds(seed), seed)


def stall_rounds(seed: int) -> dict[str, Stalls]:
    """No stall, late inputs, held output, and all of them at once."""
    return {
        "none": Stalls(),
        "inputs late": Stalls(nodes=0.4, edges=0.3, seed=4 * seed + 1),
        "output held": Stalls(logits=0.4, seed=4 * seed + 2),
        "all": Stalls(nodes=0.2, edges=0.2, logits=0.2, seed=4 * seed + 3),
    }


def compare_received(
    tally: Tally, names: Sequence[str], wanted: Sequence[IntArray], received: Sequence[Received]
) -> None:
    """Output codes (E, width) of each graph against those wanted; every one of a flagged graph counts as wrong."""
    for name, want, one in zip(names, wanted, received, strict=True):
        try:
            tally.compare(name, {tally.output: want}, {tally.output: one.fitting_codes(name, tally.output)})
        except InexactForm as error:
            tally.reject(name, error, want.size)
