"""Verilog of sums, means and maxima: accumulators for a pass' messages, and their rows for the pass that reads them."""

from __future__ import annotations

import numpy as np

from edgetrack.export.accelerator.cycles import mean_levels
from edgetrack.export.accelerator.passes import Pass
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.widths import Widths
from edgetrack.models.steps import Scatter
from edgetrack.quantize.exact import reciprocals


def scatter(plan: Plan, made: Pass, total: Scatter, widths: Widths) -> str:
    """Wires `NAME_sums`, a row of one reduction in its format, `sum_cycles` after its reader issues the row."""
    if total.reduce == "max":
        return _maximum(plan, made, total, widths)
    config, out = plan.config, plan.model.formats[total.name]
    value, exponent = plan.result(made)[0], plan.result(made)[0].exponent
    columns = plan.model.description.shape(total.name).width
    lane_bits, bits = sum_widths(plan, value.magnitude, value.bits)
    items = config.node_lanes * columns
    parts = [
        f"    wire [{items * out.bits - 1}:0] {total.name}_sums;",
        f"    wire [{items * bits - 1}:0] {total.name}_totals;",
        _accumulators(
            plan,
            made,
            total,
            widths,
            total.name,
            f"{made.name}_data",
            columns,
            (value.bits, int(value.signed), lane_bits, bits),
        ),
    ]
    if total.reduce == "mean":
        lane_count, count = sum_widths(plan, 1, 1)
        parts += [
            f"    wire {total.name}_counts_ready;",
            f"    wire [{config.node_lanes * count - 1}:0] {total.name}_counts;",
            _accumulators(
                plan,
                made,
                total,
                widths,
                f"{total.name}_count",
                f"{{{config.edge_lanes}{{1'b1}}}}",
                1,
                (1, 0, lane_count, count),
                totals=f"{total.name}_counts",
                ready=f"{total.name}_counts_ready",
            ),
            _mean(plan, total.name, columns, bits, count),
        ]
        bits, exponent = bits + plan.model.reciprocal_bits, exponent - plan.model.reciprocal_bits
    source = f"{total.name}_means" if total.reduce == "mean" else f"{total.name}_totals"
    parts.append(f"""\
    generate for (lane = 0; lane < {items}; lane = lane + 1) begin : {total.name}_formats
        requantize #(.IN_BITS({bits}), .SHIFT({out.exponent - exponent}), .OUT_BITS({out.bits}),
                     .SIGNED({int(out.signed)}), .NARROW({int(out.narrow)})) format (
            .clk(clk), .in({source}[lane*{bits} +: {bits}]), .out({total.name}_sums[lane*{out.bits} +: {out.bits}]));
    end endgenerate""")
    return "\n".join(parts)


def _maximum(plan: Plan, made: Pass, total: Scatter, widths: Widths) -> str:
    """Values with their sign turned compare as unsigned numbers; a bit above them says that there is one.

    The accumulators' widths leave room for signs that maxima do not need.
    """
    value = plan.result(made)[0]
    name, columns, bits = total.name, plan.model.description.shape(total.name).width, value.bits
    lanes, nodes = plan.config.edge_lanes, plan.config.node_lanes
    turn = f"{bits}'d{1 << (bits - 1) if value.signed else 0}"
    accumulators = _accumulators(
        plan, made, total, widths, name, f"{name}_ranked", columns, (bits + 1, 0, bits + 2, bits + 3), maximum=True
    )
    return f"""\
    wire [{nodes * columns * bits - 1}:0] {name}_sums;
    wire [{nodes * columns * (bits + 3) - 1}:0] {name}_totals;
    wire [{lanes * columns * (bits + 1) - 1}:0] {name}_ranked;
    generate for (lane = 0; lane < {lanes * columns}; lane = lane + 1) begin : {name}_ranks
        assign {name}_ranked[lane*{bits + 1} +: {bits + 1}] =
            {{1'b1, {made.name}_data[lane*{bits} +: {bits}] ^ {turn}}};
    end endgenerate
{accumulators}
    generate for (lane = 0; lane < {nodes * columns}; lane = lane + 1) begin : {name}_formats
        maximum_code #(.BITS({bits}), .SIGNED({int(value.signed)})) format (
            .clk(clk), .in({name}_totals[lane*{bits + 3} +: {bits + 1}]), .out({name}_sums[lane*{bits} +: {bits}]));
    end endgenerate"""


def sum_widths(plan: Plan, magnitude: int, value_bits: int) -> tuple[int, int]:
    """Signed widths of one lane's sum and of all lanes' together, for values up to `magnitude` at every edge.

    One more than the value's width, and than the lane's, so that there is always a sign to extend.
    """
    lane = max((magnitude * plan.config.edge_rows).bit_length() + 1, value_bits + 1)
    return lane, max((magnitude * plan.config.capacity.edges).bit_length() + 1, lane + 1)


def reciprocal_module(plan: Plan) -> str:
    """Verilog of the table round(2^bits / count), for every count that fits, as the golden model has it."""
    fraction = plan.model.reciprocal_bits
    edges = plan.config.capacity.edges
    _, bits = sum_widths(plan, 1, 1)
    values = reciprocals(np.arange(edges + 1, dtype=np.int64), fraction)
    rows = "\n".join(
        f"            {bits}'d{count}: value <= {fraction + 1}'d{value};" for count, value in enumerate(values) if value
    )
    return f"""\
// round(2^{fraction} / count), ties to even, one clock later; 0 for no message. Counts up to {edges}.
module reciprocal (
    input wire clk,
    input wire [{bits - 1}:0] count,
    output reg [{fraction}:0] value
);
    always @(posedge clk)
        case (count)
{rows}
            default: value <= {fraction + 1}'d0;
        endcase
endmodule
"""


def _accumulators(
    plan: Plan,
    made: Pass,
    total: Scatter,
    widths: Widths,
    unit: str,
    value: str,
    columns: int,
    bits: tuple[int, int, int, int],
    totals: str = "",
    ready: str = "",
    maximum: bool = False,
) -> str:
    """An instance of `scatter_sum`; `bits` of a value, whether it is signed, bits of a lane's sum and of the total."""
    config, reader = plan.config, plan.sum_reader(total.name).name
    value_bits, signed, lane_bits, sum_bits = bits
    return f"""\
    scatter_sum #(
        .LANES({config.edge_lanes}), .BANKS({config.node_lanes}), .ROWS({config.node_rows}),
        .ROW_BITS({widths.accumulator_row}), .INDEX_BITS({widths.index}), .BUFFERS({config.accumulators}),
        .BUFFER_BITS({widths.buffer}), .COLUMNS({columns}), .VALUE_BITS({value_bits}), .VALUE_SIGNED({signed}),
        .LANE_BITS({lane_bits}), .SUM_BITS({sum_bits}), .TREE_LEVELS({config.tree_levels}), .MAXIMUM({int(maximum)})
    ) {unit}_unit (
        .clk(clk), .rst(rst), .ready({ready or f"{total.name}_ready"}),
        .graph_added({made.name}_out_last), .add({made.name}_counted), .add_node({made.name}_out_{total.end}),
        .add_value({value}),
        .graph_read({reader}_last), .read({reader}_issue), .read_row({reader}_row[{widths.accumulator_row - 1}:0]),
        .totals({totals or f"{total.name}_totals"}));"""


def _mean(plan: Plan, name: str, columns: int, bits: int, count: int) -> str:
    """Totals times the reciprocal of their node's count."""
    fraction = plan.model.reciprocal_bits
    out = bits + fraction
    return f"""\
    wire [{plan.config.node_lanes * columns * out - 1}:0] {name}_means;
    generate for (lane = 0; lane < {plan.config.node_lanes}; lane = lane + 1) begin : {name}_lanes_of_means
        wire [{fraction}:0] factor;
        reciprocal inverse (.clk(clk), .count({name}_counts[lane*{count} +: {count}]), .value(factor));
        multiply #(.COLUMNS({columns}), .BITS({bits}), .FACTOR_BITS({fraction + 1}), .LEVELS({mean_levels(plan.model)}),
                   .OUT_BITS({out}), .DSP({int(plan.config.mean_multipliers == "dsp")})) product (
            .clk(clk), .values({name}_totals[lane*{columns * bits} +: {columns * bits}]), .factor(factor),
            .products({name}_means[lane*{columns * out} +: {columns * out}]));
    end endgenerate"""
