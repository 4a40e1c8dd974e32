"""Widths of the accelerator's counters, addresses and stream lanes."""

from __future__ import annotations

from dataclasses import dataclass

from edgetrack.export.accelerator.plan import Plan


@dataclass(frozen=True)
class Widths:
    """All in bits. Rows count up to their capacity itself, addresses run over all slots."""

    index: int
    node_count: int
    node_row: int
    edge_row: int
    accumulator_row: int
    node_address: int
    edge_address: int
    slot: int
    slots_count: int
    buffer: int
    buffers_count: int
    node_stream: int  # one node
    edge_stream: int  # one edge: indices and features
    output: int  # one edge's result
    number: int  # of a graph, on all streams
    edge_count: int  # of a graph's edges, up to the capacity


def make_widths(plan: Plan) -> Widths:
    config = plan.config
    index = _address(config.capacity.nodes)
    return Widths(
        index=index,
        node_count=config.capacity.nodes.bit_length(),
        node_row=config.node_rows.bit_length(),
        edge_row=config.edge_rows.bit_length(),
        accumulator_row=_address(config.node_rows),
        node_address=_address(config.graphs_in_flight * config.node_rows),
        edge_address=_address(config.graphs_in_flight * config.edge_rows),
        slot=_address(config.graphs_in_flight),
        slots_count=config.graphs_in_flight.bit_length(),
        buffer=_address(config.accumulators),
        buffers_count=config.accumulators.bit_length(),
        node_stream=sum(plan.bits(value.name) for value in plan.node_inputs),
        edge_stream=2 * index + sum(plan.bits(value.name) for value in plan.edge_inputs),
        output=plan.bits(plan.passes[-1].name),
        number=config.graph_number_bits,
        edge_count=config.capacity.edges.bit_length(),
    )


def _address(count: int) -> int:
    """Bits of the numbers 0 … count − 1, at least one."""
    return max(1, (count - 1).bit_length())
