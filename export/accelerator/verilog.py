"""The accelerator's top module, written from its passes; the parts that it joins are in hls_projects/rtl/accelerator.

Names in the Verilog are those of the steps: `phi_r1_issue` starts a row of pass `phi_r1`, `x_data` is written to every
memory that holds the node value `x`.
"""

from __future__ import annotations

from edgetrack.export.accelerator.cycles import CycleFormula, load_cycles
from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.pass_verilog import control_wires, delay, edge_pass, node_pass, output, sequencer
from edgetrack.export.accelerator.plan import Plan
from edgetrack.export.accelerator.stream_verilog import flags, guarded_streams
from edgetrack.export.accelerator.widths import Widths, make_widths

TOP = "accelerator"


def top_module(plan: Plan, formula: CycleFormula) -> str:
    """Verilog of the whole accelerator around its kernels."""
    widths = make_widths(plan)
    parts = [_header(plan, widths), _loader(plan, widths)]
    given = "load_done"
    for made, after in zip(plan.passes, (*plan.passes[1:], None), strict=True):
        write = edge_pass if made.domain == "edge" else node_pass
        timing = formula.timings[made.name]
        parts.append(write(plan, made, given, timing, widths))
        given = f"{made.name}_done"
        if after is not None and after.chained:
            given = f"{made.name}_begun"
            parts.append(delay(f"{made.name}_start", given, 1, timing.done, reset=True))
    parts.append(output(plan, plan.passes[-1], timing, widths))
    return "\n".join([*parts, "endmodule", ""])


def _header(plan: Plan, widths: Widths) -> str:
    config = plan.config
    wires = "\n".join(
        control_wires(name, edges, widths)
        for name, edges in [("load", False), *((made.name, made.domain == "edge") for made in plan.passes)]
    )
    shown = ", ".join(str(flag.name).lower() for flag in Flags) + ", from the lowest"
    ready = [f"{total.name}_ready" for made in plan.passes for total in made.sums]
    return f"""\
// {plan.model.description.name}: graphs of up to {config.capacity.nodes} nodes and {config.capacity.edges} edges, \
{config.edge_lanes} edges and {config.node_lanes} nodes a clock,
// {config.graphs_in_flight} graphs in flight. Generated; docs/accelerator.md has the block diagram and the protocol.
module {TOP} (
    input wire clk,
    input wire rst,
    // Nodes, {config.node_lanes} a row, lane 0 lowest; keep has one bit a lane. Each graph ends with last. In user: the
    // graph's number lowest, above it the number of its nodes, which counts with last.
    input wire node_tvalid,
    output wire node_tready,
    input wire [{config.node_lanes * widths.node_stream - 1}:0] node_tdata,
    input wire [{config.node_lanes - 1}:0] node_tkeep,
    input wire node_tlast,
    input wire [{widths.number + widths.node_count - 1}:0] node_tuser,
    // Edges, {config.edge_lanes} a row: in each lane the source's index lowest, the target's, then the features. In
    // user: the graph's number, above it the number of its edges.
    input wire edge_tvalid,
    output wire edge_tready,
    input wire [{config.edge_lanes * widths.edge_stream - 1}:0] edge_tdata,
    input wire [{config.edge_lanes - 1}:0] edge_tkeep,
    input wire edge_tlast,
    input wire [{widths.number + widths.edge_count - 1}:0] edge_tuser,
    // Logits in the order of the edges. In user: the graph's number; above it, with last, flags: any set, and the
    // graph's logits mean nothing ({shown}).
    output wire logit_tvalid,
    input wire logit_tready,
    output wire [{config.edge_lanes * widths.output - 1}:0] logit_tdata,
    output wire [{config.edge_lanes - 1}:0] logit_tkeep,
    output wire logit_tlast,
    output wire [{widths.number + len(Flags) - 1}:0] logit_tuser
);
    genvar lane;
    wire finished;  // a graph's last logit: its slot is free
    wire {", ".join([*ready, "cleared"])};
    assign cleared = {" && ".join(ready) or "1'b1"};  // after a reset, nothing is taken until all sums are zero
{wires}
"""


def _loader(plan: Plan, widths: Widths) -> str:
    config = plan.config
    lanes = config.node_lanes
    count = " + ".join(f"node_kept[{lane}]" for lane in range(lanes))
    first = next(made.name for made in plan.passes if made.streamed)
    rows = sequencer("load", False, "slot_free && cleared", "node_row", "node_last", widths, config)
    done = delay("load_last", "load_done", 1, load_cycles(plan), declare=False, reset=True)
    return f"""
{guarded_streams(config, first, widths)}

    // Nodes into the slots of their graphs
    wire slot_free;
    semaphore #(.FIRST({config.graphs_in_flight}), .BITS({widths.slots_count})) slots (
        .clk(clk), .rst(rst), .give(finished), .take(load_start), .available(slot_free));
{rows}
{done}
    wire load_write = load_issue && load_fits;
{_node_inputs(plan, widths)}
    reg [{widths.node_row - 1}:0] node_end_row [0:{config.graphs_in_flight - 1}];
    reg [{widths.node_count - 1}:0] node_count [0:{config.graphs_in_flight - 1}];
    reg [{widths.edge_row - 1}:0] edge_end_row [0:{config.graphs_in_flight - 1}];
{flags(config, first, widths)}
    always @(posedge clk) begin
        if (load_write) begin
            node_end_row[load_slot] <= load_row;
            node_count[load_slot] <= load_row * {lanes} + {count};
        end
        if ({first}_issue && {first}_fits) edge_end_row[{first}_slot] <= {first}_row;
    end
"""


def _node_inputs(plan: Plan, widths: Widths) -> str:
    """Wires of each node input, all lanes side by side, a register behind the stream: many memories hang on them."""
    lanes, start = plan.config.node_lanes, 0
    lines = []
    for value in plan.node_inputs:
        bits = plan.bits(value.name)
        places = [lane * widths.node_stream + start for lane in reversed(range(lanes))]
        fields = ", ".join(f"node_tdata[{place} +: {bits}]" for place in places)
        lines += [
            delay(f"{{{fields}}}", f"{value.name}_data", lanes * bits, 1),
            delay("load_write", f"{value.name}_write", 1, 1, reset=True),
            delay("load_issue_address", f"{value.name}_address", widths.node_address, 1),
        ]
        start += bits
    return "\n".join(lines)
