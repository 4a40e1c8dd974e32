"""Latency and initiation interval of an accelerator, measured in simulation beside what its formula says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.export.accelerator import AcceleratorForm
from edgetrack.export.accelerator_streams import Received
from edgetrack.graphs.hitgraph import HitGraph


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


def measure_latency(form: AcceleratorForm, graph: HitGraph) -> MeasuredLatency:
    """Cycles of `graph` in an idle accelerator."""
    (alone,) = form.run_graphs([graph])
    size = graph.num_nodes, graph.num_edges
    return MeasuredLatency(*size, alone.last_logit - alone.first_node, form.formula.latency(*size))


def measured_interval(form: AcceleratorForm, graphs: Sequence[HitGraph],
                      received: Sequence[Received]) -> MeasuredInterval:
    """From a run of equal-sized `graphs` without stalls, over the most whole periods of slots and accumulators behind
    its start. Raises ValueError for fewer than four periods, or graphs of several sizes."""
    config = form.plan.config
    period = config.graphs_in_flight * config.accumulators
    periods = len(received) // period - 3
    sizes = {(graph.num_nodes, graph.num_edges) for graph in graphs}
    if periods < 1 or len(sizes) != 1:
        raise ValueError(f"{len(received)} graphs of {len(sizes)} sizes give no interval, wanted one size and at least "
                         f"{4 * period} graphs")
    (size,) = sizes
    given = [one.last_logit for one in received]
    cycles = (given[(3 + periods) * period - 1] - given[3 * period - 1]) / (periods * period)
    return MeasuredInterval(*size, len(received), cycles, form.formula.interval(*size))
