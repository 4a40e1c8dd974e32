"""The kernels that stand in the lanes: one pipeline a pass, from alkaid or, for a copy, just wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgetrack.export.accelerator.passes import Pass
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.rtl.kernel import RtlKernel
from edgetrack.quantize.fixed_point import Format


@dataclass(frozen=True)
class Kernels:
    """Verilog of all passes' kernels (file name → text), and the clocks from a kernel's input to its result."""

    sources: Mapping[str, str]
    cycles: Mapping[str, int]  # by pass


def make_kernels(plan: Plan, kernels: Mapping[str, RtlKernel]) -> Kernels:
    """What stands in the lanes of each pass of `plan`: its kernel, or the wires of a copy."""
    sources: dict[str, str] = {}
    cycles: dict[str, int] = {}
    for made in plan.passes:
        if made.kernel == "copy":
            sources[f"{made.name}_pipeline.v"] = copy_module(made, plan.model.columns(made.value), plan.result(made))
            cycles[made.name] = 0
            continue
        kernel = kernels[made.name]
        sources |= kernel.sources
        # A kernel's latency counts clock edges after the one that takes the vector: one more to its result's clock.
        cycles[made.name] = kernel.latency_cycles + 1
    return Kernels(sources, cycles)


def copy_module(made: Pass, inputs: Sequence[Format], outputs: Sequence[Format]) -> str:
    """Verilog of a kernel that gives what it takes, each column on the grid of its output."""
    lines, start = [], 0
    for index, (taken, given) in enumerate(zip(inputs, outputs, strict=True)):
        below = taken.exponent - given.exponent
        above = given.bits - taken.bits - below
        top = f"model_inp[{start + taken.bits - 1}]" if taken.signed else "1'b0"
        parts = [f"{{{above}{{{top}}}}}"] * (above > 0) + [f"model_inp[{start} +: {taken.bits}]"]
        parts += [f"{below}'b0"] * (below > 0)
        lines.append(f"    assign model_out[{index * given.bits} +: {given.bits}] = {{{', '.join(parts)}}};")
        start += taken.bits
    body = "\n".join(lines)
    return f"""\
// {made.name}: {len(inputs)} columns as they are, each on the grid of its output; no clock.
module {made.name}_pipeline (
    input wire clk,
    input wire [{start - 1}:0] model_inp,
    output wire [{sum(fmt.bits for fmt in outputs) - 1}:0] model_out
);
{body}
endmodule
"""
