"""Where a kernel's pipeline is cut: stages of equal delay, with all carry chains counted.

alkaid counts the additions of matrices, but takes those of constants for free: biases, half an LSB to round, the bound
that a clip compares with. They are carry chains like the others, four or five in a row at each activation, and a stage
that holds them uncounted sets the clock of the whole design.
"""

from __future__ import annotations

from math import ceil
from typing import Any

CONSTANT_ADDITION, REDUCTION = 4, 9  # alkaid's operation codes
ADDER_BITS = 32  # a carry chain of this many bits takes as long as its lookup table, as alkaid counts it
REDUCTION_DELAY = 0.5  # a tree of lookup tables, as alkaid counts a multiplexer


def scheduled(graph: Any, latency_cutoff: float) -> tuple[Any, int]:
    """alkaid's graph, ready to be cut into as many stages as it gives, of equal delay.

    There are as many stages as alkaid's own delays ask for at `latency_cutoff`; where they end follows from all delays.
    """
    from alkaid.trace.passes import add_surrogate, dead_code_elimin, fuse_ternary_adders

    graph = add_surrogate(dead_code_elimin(fuse_ternary_adders(graph)), _skip_op8_cost=True)
    stages = max(ceil(max(op.latency for op in graph.ops) / latency_cutoff), 1)
    return with_all_delays(graph), stages


def with_all_delays(graph: Any) -> Any:
    """The same graph with the time at which each operation is done. Cost: one pass over the operations."""
    done: list[float] = []
    for op in graph.ops:
        counted = op.latency - max((graph.ops[taken].latency for taken in op.input_ids), default=0.0)
        start = max((done[taken] for taken in op.input_ids), default=0.0)
        done.append(start + max(counted, 0.0) + _uncounted(op))
    return graph._replace(ops=[op._replace(latency=time) for op, time in zip(graph.ops, done, strict=True)])


def _uncounted(op: Any) -> float:
    if op.opcode == REDUCTION:
        return REDUCTION_DELAY
    if op.opcode != CONSTANT_ADDITION:
        return 0.0
    largest = max(abs(op.qint.min), abs(op.qint.max)) / op.qint.step
    return 1 + (int(largest).bit_length() + 1) / ADDER_BITS
