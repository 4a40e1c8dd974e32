"""Resources of an accelerator by closed formulas, without synthesis: milliseconds instead of minutes.

The parts and their parameters are read from the generated top module, so that the sum follows the generator; each part
has its formula in `part_resources`, memories the rule of `memory_mapping`. The MLP pipelines are alkaid's own cost and
register figures times measured factors. What it leaves is measured by `edgetrack bench resources`, on designs that the
constants were not taken from. An estimate of an estimate: Yosys' count, before place and route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetrack.export.accelerator.cycles import CycleFormula
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.verilog import TOP, top_module
from edgetrack.export.accelerator.widths import make_widths
from edgetrack.export.resources.kernel_figures import KernelFigures
from edgetrack.export.resources.memory_mapping import LUTRAM_COST, LUTRAM_WIDTH, map_memory
from edgetrack.export.resources.part_instances import read_instances
from edgetrack.export.resources.part_resources import PARTS, Amount, Inner
from edgetrack.export.synthesis.yosys import Resources

BASIS = "closed-form model of Yosys' count, estimate without place and route"

# The largest relative errors on designs that no constant was taken from, of all resources of a design.
STATED_ERRORS = {"lut": 0.06, "ff": 0.05, "carry4": 0.12, "lutram": 0.02, "bram36": 0.0, "uram": 0.0}
MODELLED = tuple(STATED_ERRORS)  # what is measured on them: none of these designs has a DSP


@dataclass(frozen=True)
class KernelFactors:
    """Yosys' LUTs and carries for each bit of a pipeline's adders of two and of three (choosers and masks share their
    LUTs); its flip-flops for each register bit (ranges that it proves narrower, and equal registers, go away). As
    `edgetrack bench resources` measures them."""

    adder_lut: float = 0.757
    ternary_lut: float = 2.01
    adder_carry: float = 0.268
    ternary_carry: float = 0.303
    ff: float = 0.927
    table_lut: float = 0.87  # of a table's contents: equal parts of it are shared


FACTORS = KernelFactors()
SHORTEST_ROM = 512  # rows from which Yosys makes a block RAM of a table


def model_resources(plan: Plan, formula: CycleFormula, kernels: Mapping[str, KernelFigures]) -> dict[str, Amount]:
    """Resources of each kind of part that the top module uses, with all that is inside it; the top's own as `TOP`.

    Raises ValueError, naming it, for a part that has no formula.
    """
    blocks = {TOP: top_logic(plan)}
    for instance in read_instances(top_module(plan, formula)):
        name = instance.module
        if name.endswith("_pipeline"):
            own = kernel_resources(kernels[name.removesuffix("_pipeline")])
        elif name == "reciprocal":
            own = reciprocal_table(plan.config.capacity.edges, plan.model.reciprocal_bits)
        else:
            own = part_resources(Inner(name, instance.parameters))
        blocks[name] = blocks.get(name, Amount()) + own * instance.count
    return blocks


def total_resources(blocks: Mapping[str, Amount]) -> Resources:
    """The sum of all blocks, in whole primitives."""
    total = sum(blocks.values(), Amount())
    return Resources(
        round(total.lut),
        round(total.ff),
        round(total.carry4),
        round(total.dsp),
        total.bram36,
        round(total.lutram),
        round(total.uram),
        BASIS,
    )


def part_resources(part: Inner) -> Amount:
    """One instance of a part with everything inside it."""
    if part.module not in PARTS:
        raise ValueError(
            f"resource model: part {part.module!r} has no formula; known: {', '.join(PARTS)}; add one to "
            "export/resources/part_resources.py"
        )
    try:
        own, inner = PARTS[part.module](part.parameters)
    except KeyError as missing:
        raise ValueError(
            f"resource model: the formula of part {part.module!r} wants the parameter {missing}, which "
            "its Verilog lacks; bring export/resources/part_resources.py in line"
        ) from missing
    return sum((part_resources(one) * one.count for one in inner), own)


def kernel_resources(kernel: KernelFigures) -> Amount:
    """One pipeline."""
    lut = FACTORS.adder_lut * kernel.adder_bits + FACTORS.ternary_lut * kernel.ternary_bits + kernel.shift_registers
    return Amount(
        lut + FACTORS.table_lut * kernel.table_luts,
        FACTORS.ff * kernel.flip_flops,
        FACTORS.adder_carry * kernel.adder_bits + FACTORS.ternary_carry * kernel.ternary_bits,
        dsp=kernel.multipliers,
    )


def reciprocal_table(edges: int, bits: int) -> Amount:
    """The generated module `reciprocal`: a table by the number of messages, in LUTs while it is short."""
    rows = 1 << edges.bit_length()
    if rows < SHORTEST_ROM:
        return Amount(9 + edges / 5, bits + 1)
    return part_resources(Inner("row_memory", {"BITS": bits + 1, "DEPTH": rows}))


def top_logic(plan: Plan) -> Amount:
    """Logic of the top module itself: index checks of every edge lane, tables of rows by slot."""
    widths, config = make_widths(plan), plan.config
    slots = config.graphs_in_flight
    checks = 2 * config.edge_lanes * sum(stage.domain == "edge" for stage in plan.passes)
    own = Amount((3.5 + 0.2 * widths.index) * checks + 5, 1, checks / 2 + 3)
    # The ends of graphs are read for the slot of a pass and the one after it, the number of nodes once.
    tables = (_table(widths.node_row, slots, 2), _table(widths.edge_row, slots, 2), _table(widths.node_count, slots, 1))
    return sum(tables, own)


def _table(bits: int, rows: int, reads: int) -> Amount:
    """A memory that is read at several places in the same clock: as many copies, or registers where they cost less."""
    copies = map_memory(bits, rows, registered=False).amount * reads
    if bits * rows < reads * (LUTRAM_COST * bits / LUTRAM_WIDTH + 2):
        return Amount(bits * rows, bits * rows)
    return Amount(copies, lutram=copies)
