"""Latency and initiation interval of an accelerator, measured in simulation beside what its formula says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgetrack.export.accelerator.form import AcceleratorForm
from edgetrack.export.accelerator.simulation import PassClocks
from edgetrack.export.accelerator.streams import Received
from edgetrack.export.cases import PUBLISHED_SIZES, random_graph, with_node_attr
from edgetrack.export.form import Capacity
from edgetrack.graphs.hitgraph import HitGraph

STEPS = 8  # sizes from small to the capacity at which the latency is measured


@dataclass(frozen=True)
class MeasuredLatency:
    """One graph alone in the accelerator, in cycles from its first row of nodes to its last row of logits."""

    nodes: int
    edges: int
    cycles: int
    formula: int


@dataclass(frozen=True)
class MeasuredInterval:
    """Average cycles between graphs of one size, one behind the other."""

    nodes: int
    edges: int
    graphs: int
    cycles: float
    formula: float


@dataclass(frozen=True)
class LoadedLatency:
    """The longest of many graphs of mixed sizes, one behind the other, beside what it would take alone.

    A graph waits for those before it: a small one behind large ones takes about as long as they do.
    """

    graphs: int
    cycles: int  # the longest way through
    excess: int  # most cycles beyond the formula, which holds for a graph alone
    nodes: int  # of the graph with that excess
    edges: int


@dataclass(frozen=True)
class Passage:
    """One graph's way through, among others, in cycles from the first row of nodes of the first graph."""

    name: str
    nodes: int
    edges: int
    taken: int  # first row of nodes
    given: int  # last row of logits
    passes: Mapping[str, PassClocks]


@dataclass(frozen=True)
class AcceleratorTiming:
    """What the report shows of an accelerator's cycles, all of it measured."""

    latencies: tuple[MeasuredLatency, ...]
    interval: MeasuredInterval
    passages: tuple[Passage, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def accelerator_timing(form: AcceleratorForm, graphs: Sequence[HitGraph], seed: int) -> AcceleratorTiming:
    """Latency at the published sizes that fit and up to the capacity, the interval of the largest published one, and
    the passage of `graphs` one behind the other. Cost: about 100 graphs of simulation."""
    rng = np.random.default_rng([seed, 79])
    capacity, config = form.capacity, form.plan.config
    sizes = {half_as_many_nodes(capacity, capacity.edges * step // STEPS) for step in range(1, STEPS + 1)}
    published = [size for size in PUBLISHED_SIZES if size[0] <= capacity.nodes and size[1] <= capacity.edges]
    size = max(published, default=(capacity.nodes, capacity.edges))
    made = [random_graph(*one, "latency", rng) for one in sorted(sizes | set(published))]
    *rising, largest = with_node_attr([*made, random_graph(*size, "interval", rng)], form.plan.model.description, seed)
    latencies = [measure_latency(form, graph) for graph in rising]
    equal = [largest] * (4 * config.graphs_in_flight * config.accumulators)
    interval = measured_interval(form, equal, form.run_graphs(equal))
    return AcceleratorTiming(tuple(latencies), interval, passages(form, graphs))


def half_as_many_nodes(capacity: Capacity, edges: int) -> tuple[int, int]:
    """Nodes and edges of a graph as the published ones are: two edges a node, while the nodes fit."""
    return min(capacity.nodes, edges // 2), edges


def passages(form: AcceleratorForm, graphs: Sequence[HitGraph]) -> tuple[Passage, ...]:
    """Where each of `graphs` is at what time, one sent behind the other."""
    received, seen = form.library.watch([form.coded(graph) for graph in graphs])
    origin = received[0].first_node if received else 0

    def since(clocks: PassClocks) -> PassClocks:
        return PassClocks(clocks.start - origin, clocks.last - origin, clocks.done - origin)

    return tuple(
        Passage(
            graph.name,
            graph.num_nodes,
            graph.num_edges,
            one.first_node - origin,
            one.last_logit - origin,
            {name: since(clocks) for name, clocks in passes.items()},
        )
        for graph, one, passes in zip(graphs, received, seen, strict=True)
    )


def measure_latency(form: AcceleratorForm, graph: HitGraph) -> MeasuredLatency:
    """Cycles of `graph` in an idle accelerator."""
    (alone,) = form.run_graphs([graph])
    size = graph.num_nodes, graph.num_edges
    return MeasuredLatency(*size, alone.last_logit - alone.first_node, form.formula.latency(*size))


def loaded_latency(form: AcceleratorForm, graphs: Sequence[HitGraph], received: Sequence[Received]) -> LoadedLatency:
    """From a run of `graphs` of any sizes. Raises ValueError for none."""
    if not graphs:
        raise ValueError("no graphs give no latency, wanted at least one")
    cycles = [one.last_logit - one.first_node for one in received]
    alone = [form.formula.latency(graph.num_nodes, graph.num_edges) for graph in graphs]
    excess = [taken - formula for taken, formula in zip(cycles, alone, strict=True)]
    worst = graphs[int(np.argmax(excess))]
    return LoadedLatency(len(graphs), max(cycles), max(excess), worst.num_nodes, worst.num_edges)


def measured_interval(
    form: AcceleratorForm, graphs: Sequence[HitGraph], received: Sequence[Received]
) -> MeasuredInterval:
    """From a run of equal-sized `graphs` without stalls, over the most whole periods of slots and accumulators behind
    its start. Raises ValueError for fewer than four periods, or graphs of several sizes."""
    config = form.plan.config
    period = config.graphs_in_flight * config.accumulators
    periods = len(received) // period - 3
    sizes = {(graph.num_nodes, graph.num_edges) for graph in graphs}
    if periods < 1 or len(sizes) != 1:
        raise ValueError(
            f"{len(received)} graphs of {len(sizes)} sizes give no interval, wanted one size and at least "
            f"{4 * period} graphs"
        )
    (size,) = sizes
    given = [one.last_logit for one in received]
    cycles = (given[(3 + periods) * period - 1] - given[3 * period - 1]) / (periods * period)
    return MeasuredInterval(*size, len(received), cycles, form.formula.interval(*size))
