"""What stands in an accelerator: passes and who reads what, from its plan; sizes of memories, from its Verilog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from edgetrack.export.accelerator.cycles import CycleFormula
from edgetrack.export.accelerator.passes import Pass
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.verilog import top_module
from edgetrack.export.accelerator.widths import make_widths
from edgetrack.export.accelerator.written_memories import RowMemories, join_memories, written_memories

LOADER, OUTPUT = "node loader", "output FIFO"
Reading = Literal["gathered", "in rows", "summed"]
Written = Mapping[str, tuple[RowMemories, ...]]


@dataclass(frozen=True)
class Memory:
    """All memories of one value, the largest first; of sums, the marks too."""

    value: str
    kind: Literal["node", "edge", "sum"]
    writer: str
    readers: tuple[tuple[str, Reading], ...]
    parts: tuple[RowMemories, ...]

    @property
    def total_bits(self) -> int:
        return sum(part.total_bits for part in self.parts)

    @property
    def lines(self) -> tuple[str, str]:
        """Its size in words."""
        largest, *smaller = self.parts
        many = f"{largest.count} {'copy' if largest.count == 1 else 'copies'}"
        if self.kind == "sum":
            many = f"{largest.count} + {sum(part.count for part in smaller)} small"
        each = " each" * (not smaller)
        return many, f"{largest.rows:,} × {largest.bits} bit{each}, {self.total_bits / 1024:,.0f} Kibit"


@dataclass(frozen=True)
class Block:
    """One box of the diagram; `stream` is what comes into it from outside, or leaves it."""

    name: str
    lines: tuple[str, ...]
    stream: str = ""


def blocks(plan: Plan, formula: CycleFormula) -> list[Block]:
    """The loader, the passes and the output, in the order of a graph's way."""
    config, widths = plan.config, make_widths(plan)
    boxes = [
        Block(
            LOADER,
            (f"{counted(config.node_lanes, 'node')} a clock", f"{config.graphs_in_flight} slots"),
            f"nodes, {config.node_lanes} × {widths.node_stream} bit",
        )
    ]
    boxes += [_pass_block(plan, one, formula, widths.edge_stream) for one in plan.passes]
    boxes.append(
        Block(
            OUTPUT,
            (f"{counted(config.edge_lanes, 'edge')} a clock", "held until taken"),
            f"logits, {config.edge_lanes} × {widths.output} bit",
        )
    )
    return boxes


def _pass_block(plan: Plan, stage: Pass, formula: CycleFormula, edge_bits: int) -> Block:
    config, timing = plan.config, formula.timings[stage.name]
    lanes = config.edge_lanes if stage.domain == "edge" else config.node_lanes
    kernel = {"mlp": "MLP", "map": "map", "table": "table", "copy": "copy"}[stage.kernel]
    taken = sum(plan.bits(operand.value) for operand in stage.operands)
    stream = f"edges, {config.edge_lanes} × {edge_bits} bit" if stage.streamed else ""
    return Block(
        stage.name,
        (
            f"{kernel}, {counted(lanes, stage.domain)} a clock",
            f"{taken} → {plan.result_bits(stage)} bit each",
            f"kernel {timing.out - timing.kernel} of {timing.done} clocks",
        ),
        stream,
    )


def counted(number: int, what: str) -> str:
    """1 node, 2 nodes."""
    return f"{number} {what}{'s' * (number != 1)}"


def memories(plan: Plan, formula: CycleFormula) -> list[Memory]:
    """Node, edge and sum memories as the Verilog has them, ordered by the pass that writes them."""
    written = written_memories(top_module(plan, formula))
    stored = [stage for stage in plan.passes if stage.domain == "edge" and not stage.streamed]
    first = next((stage.name for stage in plan.passes if stage.streamed), LOADER)
    found = [_node_memory(plan, value.name, LOADER, written) for value in plan.node_inputs]
    if stored:
        readers: tuple[tuple[str, Reading], ...] = tuple((stage.name, "in rows") for stage in stored)
        found.append(
            Memory(
                "edge ends",
                "edge",
                first,
                readers,
                _joined(written, (f"{stage.name}_edges_memory" for stage in stored)),
            )
        )
    found += [_edge_memory(plan, value.name, first, written) for value in plan.edge_inputs]
    for stage in plan.passes:
        found.append(
            _node_memory(plan, stage.value, stage.name, written)
            if stage.domain == "node"
            else _edge_memory(plan, stage.value, stage.name, written)
        )
        found += [_sum_memory(plan, stage, total.name, written) for total in stage.sums]
    order = [LOADER, *(stage.name for stage in plan.passes)]
    return sorted((memory for memory in found if memory.parts), key=lambda memory: order.index(memory.writer))


def _node_memory(plan: Plan, value: str, writer: str, written: Written) -> Memory:
    """Each lane of an edge pass has a copy for each end of its edges, a node pass has one."""
    gathered, rows = plan.readers(value, "gather"), plan.readers(value, "node")
    readers: dict[tuple[str, Reading], None] = dict.fromkeys((stage.name, "gathered") for stage, _ in gathered)
    readers |= dict.fromkeys((stage.name, "in rows") for stage, _ in rows)
    names = [f"{value}_{operand.end}_memory" for _, operand in gathered]
    names += [f"{stage.name}_{value}_memory" for stage, _ in rows]
    return Memory(value, "node", writer, tuple(readers), _joined(written, names))


def _edge_memory(plan: Plan, value: str, writer: str, written: Written) -> Memory:
    """Each pass that does not take the value from the stream has a copy."""
    readers: tuple[tuple[str, Reading], ...] = tuple(
        (stage.name, "in rows") for stage, _ in plan.readers(value, "edge") if not stage.streamed
    )
    return Memory(
        value, "edge", writer, readers, _joined(written, (f"{reader}_{value}_memory" for reader, _ in readers))
    )


def _sum_memory(plan: Plan, stage: Pass, total: str, written: Written) -> Memory:
    """Each edge lane sums for itself, with marks of what this graph has touched; a mean counts its messages beside."""
    mean = any(step.name == total and step.reduce == "mean" for step in stage.sums)
    names = [f"{total}_unit", *[f"{total}_count_unit"] * mean]
    return Memory(total, "sum", stage.name, ((plan.sum_reader(total).name, "summed"),), _joined(written, names))


def _joined(written: Written, names: Iterable[str]) -> tuple[RowMemories, ...]:
    return join_memories(part for name in dict.fromkeys(names) for part in written[name])
