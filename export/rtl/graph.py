"""alkaid's graph of a kernel: the list of operations that becomes Verilog, from traced codes."""

from __future__ import annotations

from typing import Any

from edgetrack.export.rtl.traced import Traced

CONSTANT_ADDITION, CONSTANT = 4, 5  # alkaid's operation codes


def traced_graph(inputs: Any, codes: Traced) -> Any:
    """The graph from a kernel's input columns to `codes`, row by row. Raises ValueError where it would not be exact."""
    from alkaid.trace import trace

    graph = trace(inputs, codes.wires, optimize=False)
    check_constants(graph)
    return _optimized(graph)


def constant_codes(graph: Any) -> list[int] | None:
    """The results of a graph that gives the same for every input; None where it does not."""
    given = [graph.ops[index].qint for index in graph.out_idxs]
    return [int(ends.min) for ends in given] if all(ends.min == ends.max for ends in given) else None


def check_constants(graph: Any) -> None:
    """Raises ValueError where alkaid has not kept a constant whole."""
    for op in graph.ops:
        if op.opcode == CONSTANT:
            wanted, kept = op.qint.min, op.data[0] * op.qint.step
        elif op.opcode == CONSTANT_ADDITION:
            wanted, kept = op.qint.min - graph.ops[op.addr[0]].qint.min, op.data[0] * 2.0 ** -op.data[1]
        else:
            continue
        if wanted != kept:
            raise ValueError(f"a constant of {wanted:.0f} is kept as {kept:.0f} by alkaid; use fewer bits for it")


def _optimized(graph: Any) -> Any:
    """alkaid's own passes, without two of its `optimize` that change the result (alkaid 0.8.2).

    `canonicalize_msb_wraps` takes a bit that is cut out of a value with a moved point for the value's top bit, where
    the weights of the two are the same number. `_retrace` finds narrower ranges: a difference that is seen to be
    positive loses its sign bit, and the choice made by it takes the next bit.
    """
    from alkaid.trace import passes
    from alkaid.trace.passes.canon import canonicalize_outputs, const_propagation
    from alkaid.trace.passes.order import canonical_sort, topo_bandwidth_sort

    for apply in (
        const_propagation,
        canonicalize_outputs,
        passes.dead_code_elimin,
        passes.common_subexpr_elimin,
        passes.dead_code_elimin,
        passes.null_quant_elimin,
        passes.dead_code_elimin,
        passes.add_surrogate,
        canonical_sort,
        topo_bandwidth_sort,
    ):
        graph = apply(graph)
    return graph
