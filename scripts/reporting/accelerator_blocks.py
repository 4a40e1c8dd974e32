"""What stands in an accelerator, read from its plan: passes, memories, and who writes and reads which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetrack.export.accelerator.cycles import CycleFormula
from edgetrack.export.accelerator.passes import Pass
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.sum_verilog import sum_widths
from edgetrack.export.accelerator.widths import make_widths
from edgetrack.models.description import ScatterMean

LOADER, OUTPUT = "node loader", "output FIFO"
Reading = Literal["gathered", "in rows", "summed"]


@dataclass(frozen=True)
class Memory:
    """All memories of one value: `copies` × `banks` of `rows` rows of `bits` each."""

    value: str
    kind: Literal["node", "edge", "sum"]
    writer: str
    readers: tuple[tuple[str, Reading], ...]
    copies: int
    banks: int
    rows: int
    bits: int

    @property
    def total_bits(self) -> int:
        return self.copies * self.banks * self.rows * self.bits

    @property
    def lines(self) -> tuple[str, str]:
        """Its size in words."""
        unit = {"node": "bank", "edge": "lane", "sum": "bank"}[self.kind]
        many = f"{self.copies} × " * (self.copies > 1) + f"{self.banks} {unit}{'s' * (self.banks > 1)}"
        return many, f"{self.rows:,} × {self.bits} bit each, {self.total_bits / 1024:,.0f} Kibit"


@dataclass(frozen=True)
class Block:
    """One box of the diagram; `stream` is what comes into it from outside, or leaves it."""

    name: str
    lines: tuple[str, ...]
    stream: str = ""


def blocks(plan: Plan, formula: CycleFormula) -> list[Block]:
    """The loader, the passes and the output, in the order of a graph's way."""
    config, widths = plan.config, make_widths(plan)
    made = [Block(LOADER, (f"{counted(config.node_lanes, 'node')} a clock", f"{config.graphs_in_flight} slots"),
                  f"nodes, {config.node_lanes} × {widths.node_stream} bit")]
    made += [_pass_block(plan, one, formula, widths.edge_stream) for one in plan.passes]
    made.append(Block(OUTPUT, (f"{counted(config.edge_lanes, 'edge')} a clock", "held until taken"),
                      f"logits, {config.edge_lanes} × {widths.output} bit"))
    return made


def _pass_block(plan: Plan, made: Pass, formula: CycleFormula, edge_bits: int) -> Block:
    config, timing = plan.config, formula.timings[made.name]
    lanes = config.edge_lanes if made.domain == "edge" else config.node_lanes
    kernel = {"mlp": "MLP", "add": "residual", "copy": "copy"}[made.kernel]
    taken = sum(plan.bits(operand.value) for operand in made.operands)
    stream = f"edges, {config.edge_lanes} × {edge_bits} bit" if made.streamed else ""
    return Block(made.name, (
        f"{kernel}, {counted(lanes, made.domain)} a clock",
        f"{taken} → {plan.result_bits(made)} bit each",
        f"kernel {timing.out - timing.kernel} of {timing.done} clocks",
    ), stream)


def counted(number: int, what: str) -> str:
    """1 node, 2 nodes."""
    return f"{number} {what}{'s' * (number != 1)}"


def memories(plan: Plan) -> list[Memory]:
    """Node, edge and sum memories, ordered by the pass that writes them."""
    config, widths = plan.config, make_widths(plan)
    stored = [made for made in plan.passes if made.domain == "edge" and not made.streamed]
    first = next((made.name for made in plan.passes if made.streamed), LOADER)
    edge_rows = config.graphs_in_flight * config.edge_rows
    found: list[Memory] = [_node_memory(plan, value.name, LOADER) for value in plan.node_inputs]
    if stored:
        readers: tuple[tuple[str, Reading], ...] = tuple((made.name, "in rows") for made in stored)
        found.append(Memory("edge ends", "edge", first, readers, len(stored), config.edge_lanes, edge_rows,
                            2 * widths.index + 1))
    found += [_edge_memory(plan, value.name, first) for value in plan.edge_inputs]
    for made in plan.passes:
        found.append(_node_memory(plan, made.value, made.name) if made.domain == "node"
                     else _edge_memory(plan, made.value, made.name))
        found += [_sum_memory(plan, made, total.name) for total in made.sums]
    order = [LOADER, *(made.name for made in plan.passes)]
    return sorted((memory for memory in found if memory.copies), key=lambda memory: order.index(memory.writer))


def _node_memory(plan: Plan, value: str, writer: str) -> Memory:
    """Each lane of an edge pass has a copy for each end of its edges, a node pass has one."""
    config = plan.config
    gathered, rows = plan.readers(value, "gather"), plan.readers(value, "node")
    readers: dict[tuple[str, Reading], None] = dict.fromkeys((made.name, "gathered") for made, _ in gathered)
    readers |= dict.fromkeys((made.name, "in rows") for made, _ in rows)
    return Memory(value, "node", writer, tuple(readers), config.edge_lanes * len(gathered) + len(rows),
                  config.node_lanes, config.graphs_in_flight * config.node_rows, plan.bits(value))


def _edge_memory(plan: Plan, value: str, writer: str) -> Memory:
    """Each pass that does not take the value from the stream has a copy."""
    config = plan.config
    readers: tuple[tuple[str, Reading], ...] = tuple(
        (made.name, "in rows") for made, _ in plan.readers(value, "edge") if not made.streamed)
    return Memory(value, "edge", writer, readers, len(readers), config.edge_lanes,
                  config.graphs_in_flight * config.edge_rows, plan.bits(value))


def _sum_memory(plan: Plan, made: Pass, total: str) -> Memory:
    """Each edge lane sums for itself, in each buffer; a mean counts its messages beside."""
    config, step = plan.config, plan.model.description.step(total)
    fmt = plan.result(made)[0]
    bits = plan.model.description.shape(total).width * sum_widths(plan, fmt.magnitude, fmt.bits)[0]
    if isinstance(step, ScatterMean):
        bits += sum_widths(plan, 1, 1)[0]
    return Memory(total, "sum", made.name, ((plan.sum_reader(total).name, "summed"),),
                  config.edge_lanes * config.accumulators, config.node_lanes, config.node_rows, bits)
