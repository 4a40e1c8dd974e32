"""Verilog of the passes: sequencer, operands, one kernel a lane, and where the results go."""

from __future__ import annotations

from edgetrack.export.accelerator.cycles import OUTPUT_CYCLES, Timing, sum_cycles
from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.passes import Operand, Pass
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan
from edgetrack.export.accelerator.sum_verilog import scatter
from edgetrack.export.accelerator.widths import Widths


def edge_pass(plan: Plan, made: Pass, given: str, timing: Timing, widths: Widths) -> str:
    """A pass over the edges: from the edge stream, which it also stores, or from the edge memories."""
    name, config = made.name, plan.config
    lanes = config.edge_lanes
    beat = _streamed_beat(plan, made, timing, widths) if made.streamed else _stored_beat(plan, made, timing, widths)
    ends = {end: f"{name}_{end}" for end in ("source", "target")}
    above = f"{widths.node_count - widths.index}'b0, " * (widths.node_count > widths.index)
    inside = " && ".join(
        f"{{{above}{bus}[lane*{widths.index} +: {widths.index}]}} < {name}_nodes" for bus in ends.values()
    )
    parts = [
        f"\n    // Pass {name}, over edges",
        _flow(plan, made, given, timing, widths),
        beat,
        delay(f"node_count[{name}_slot]", f"{name}_nodes", widths.node_count, 1),
        delay(f"{name}_node_base", f"{name}_gather_base", widths.node_address, 1),
        f"    wire [{lanes - 1}:0] {name}_inside;",
        f"    wire [{lanes - 1}:0] {name}_kept = {name}_keep & {name}_inside;",
        f"    generate for (lane = 0; lane < {lanes}; lane = lane + 1) begin : {name}_lanes",
        f"        assign {name}_inside[lane] = {inside};",
        *(_gather(plan, made, operand, widths) for operand in made.reads if operand.kind == "gather"),
        _kernel(plan, made),
        "    end endgenerate",
    ]
    if made.streamed:
        parts += [
            f"    wire [{lanes - 1}:0] {name}_outside;",
            delay(f"{name}_keep & ~{name}_inside", f"{name}_outside", lanes, 1, declare=False, reset=True),
            f"    assign {name}_bad_index = |{name}_outside;",
        ]
    parts += [
        delay(f"{name}_{end}", f"{name}_out_{end}", lanes * widths.index, timing.out - 1)
        for end in dict.fromkeys(total.end for total in made.sums)
    ]
    if made.sums:
        parts.append(delay(f"{name}_kept", f"{name}_counted", lanes, timing.out - 1, reset=True))
    parts += [scatter(plan, made, total, widths) for total in made.sums]
    return "\n".join(parts)


def node_pass(plan: Plan, made: Pass, given: str, timing: Timing, widths: Widths) -> str:
    """A pass over the nodes: rows of node values and of sums in, rows of a new node value out."""
    name, lanes = made.name, plan.config.node_lanes
    parts = [
        f"\n    // Pass {name}, over nodes",
        _flow(plan, made, given, timing, widths),
        # Read when the sums are there: an address waits in fewer registers than a row.
        delay(f"{name}_issue_address", f"{name}_read_address", widths.node_address, timing.kernel - 1),
    ]
    for operand in made.reads:
        if operand.kind == "node":
            bits = lanes * plan.bits(operand.value)
            parts += [
                f"    wire [{bits - 1}:0] {name}_{operand.value};",
                _row_memory(
                    f"{name}_{operand.value}",
                    bits,
                    plan.config.graphs_in_flight * plan.config.node_rows,
                    widths.node_address,
                    operand.value,
                    f"{name}_read_address",
                ),
            ]
        else:
            parts.append(
                delay(
                    f"{operand.value}_sums",
                    f"{name}_{operand.value}",
                    lanes * plan.bits(operand.value),
                    timing.kernel - sum_cycles(plan, operand.value),
                )
            )
    parts += [
        f"    generate for (lane = 0; lane < {lanes}; lane = lane + 1) begin : {name}_lanes",
        _kernel(plan, made),
        "    end endgenerate",
    ]
    return "\n".join(parts)


def output(plan: Plan, made: Pass, timing: Timing, widths: Widths) -> str:
    """The last pass' results into the logit stream."""
    name, lanes = made.name, plan.config.edge_lanes
    depth_bits = (timing.out + OUTPUT_CYCLES + 2 - 1).bit_length()  # what is on its way when the first one leaves
    bits = lanes * widths.output + lanes + 1 + len(Flags) + widths.number
    return f"""
    // Logits, held until they are taken: a row is issued only where a place for its results is free
    assign finished = {name}_done;
    wire [{lanes - 1}:0] {name}_out_keep;
{delay(f"{name}_keep", f"{name}_out_keep", lanes, timing.out - 1, declare=False)}
    wire [{widths.slot - 1}:0] {name}_out_slot;
{delay(f"{name}_slot", f"{name}_out_slot", widths.slot, timing.out, declare=False)}
    assign flags_slot = {name}_out_slot;
    assign logits_last = {name}_out_last;
    semaphore #(.FIRST({1 << depth_bits}), .BITS({depth_bits + 1})) places (
        .clk(clk), .rst(rst), .give(logit_tvalid && logit_tready), .take({name}_issue && ({name}_fits || {name}_last)),
        .available(place_free));
    output_fifo #(.BITS({bits}), .DEPTH({1 << depth_bits}), .ADDRESS_BITS({depth_bits})) logits (
        .clk(clk), .rst(rst), .push({name}_out || {name}_out_last),
        .in({{flags, logit_number, {name}_out_last, {name}_out_keep, {name}_data}}),
        .valid(logit_tvalid), .ready(logit_tready),
        .out({{logit_tuser, logit_tlast, logit_tkeep, logit_tdata}}));
"""


def control_wires(name: str, edges: bool, widths: Widths) -> str:
    """Wires of a sequencer, declared before all passes: passes refer to each other both ways."""
    row, address = (widths.edge_row, widths.edge_address) if edges else (widths.node_row, widths.node_address)
    return f"""\
    wire {name}_open, {name}_issue, {name}_start, {name}_last, {name}_fits, {name}_done;
    wire [{widths.slot - 1}:0] {name}_slot, {name}_next_slot;
    wire [{row - 1}:0] {name}_row;
    wire [{address - 1}:0] {name}_issue_address;
    wire [{widths.node_address - 1}:0] {name}_node_base;"""


def sequencer(
    name: str,
    edges: bool,
    may_start: str,
    may_issue: str,
    stream_last: str | None,
    widths: Widths,
    config: AcceleratorConfig,
) -> str:
    """An instance of `sequencer` on the control wires of `name`; graphs end with `stream_last`, or as they came."""
    rows, row, address = (
        (config.edge_rows, widths.edge_row, widths.edge_address)
        if edges
        else (config.node_rows, widths.node_row, widths.node_address)
    )
    ends = [f"{'edge' if edges else 'node'}_end_row[{name}_{slot}]" for slot in ("slot", "next_slot")]
    if stream_last is not None:
        ends = [f"{row}'d0", f"{row}'d0"]
    return f"""\
    sequencer #(.STREAMED({int(stream_last is not None)}), .ROWS({rows}), .ROW_BITS({row}), .ADDRESS_BITS({address}),
                .SLOTS({config.graphs_in_flight}), .SLOT_BITS({widths.slot}), .NODE_ROWS({config.node_rows}),
                .NODE_BITS({widths.node_address})) {name}_sequencer (
        .clk(clk), .rst(rst), .may_start({may_start}), .may_issue({may_issue}), .stream_last({stream_last or "1'b0"}),
        .end_row({ends[0]}), .next_end_row({ends[1]}), .open({name}_open), .issue({name}_issue), .start({name}_start),
        .last({name}_last), .fits({name}_fits), .row({name}_row), .slot({name}_slot), .next_slot({name}_next_slot),
        .address({name}_issue_address), .node_base({name}_node_base));"""


def delay(source: str, target: str, bits: int, cycles: int, declare: bool = True, reset: bool = False) -> str:
    """`target` is `source`, `cycles` clocks later."""
    wire = f"    wire [{bits - 1}:0] {target};\n" if declare else ""
    return (
        f"{wire}    delay_line #(.BITS({bits}), .CYCLES({cycles}), .RESET({int(reset)})) {target}_line (\n"
        f"        .clk(clk), .rst(rst), .in({source}), .out({target}));"
    )


def _flow(plan: Plan, made: Pass, given: str, timing: Timing, widths: Widths) -> str:
    """When a pass may go on, one graph more with each `given`; the flags and the address that go with each row."""
    name, config, edges = made.name, plan.config, made.domain == "edge"
    address_bits = widths.edge_address if edges else widths.node_address
    may_start = [f"{name}_waiting", *(f"{total.name}_free" for total in made.sums)]
    may_issue = [*["edge_row"] * made.streamed, *["place_free"] * made.final] or ["1'b1"]
    lines = [
        f"    wire {name}_waiting, {name}_out, {name}_out_last;",
        *["    wire place_free;"] * made.final,
        *(f"    wire {total.name}_free;" for total in made.sums),
        f"    semaphore #(.FIRST(0), .BITS({widths.slots_count})) {name}_graphs (",
        f"        .clk(clk), .rst(rst), .give({given}), .take({name}_start), .available({name}_waiting));",
        sequencer(
            name,
            edges,
            " && ".join(may_start),
            " && ".join(may_issue),
            "edge_last" if made.streamed else None,
            widths,
            config,
        ),
        *[
            f"    assign edge_loaded = {name}_waiting;",
            f"    assign edge_open = {name}_open{' && place_free' * made.final};",
        ]
        * made.streamed,
        delay(f"{{{name}_issue && {name}_fits, {name}_last}}", f"{name}_flags", 2, timing.out, reset=True),
        f"    assign {{{name}_out, {name}_out_last}} = {name}_flags;",
        delay(f"{name}_issue_address", f"{name}_address", address_bits, timing.out),
        delay(f"{name}_out_last", f"{name}_done", 1, timing.done - timing.out, declare=False, reset=True),
        f"    wire [{_lanes(plan, made) * plan.result_bits(made) - 1}:0] {name}_data;",
        f"    wire {name}_write = {name}_out;",
    ]
    for total in made.sums:
        reader = plan.sum_reader(total.name).name
        lines += [
            f"    semaphore #(.FIRST({config.accumulators}), .BITS({widths.buffers_count})) {total.name}_buffers (",
            f"        .clk(clk), .rst(rst), .give({reader}_last), .take({name}_start), .available({total.name}_free));",
        ]
    return "\n".join(lines)


def _streamed_beat(plan: Plan, made: Pass, timing: Timing, widths: Widths) -> str:
    """Indices and values of the edge stream, a register behind it, and as late as the memories would give them."""
    name, lanes, stride = made.name, plan.config.edge_lanes, widths.edge_stream
    fields = [(f"{name}_source", widths.index), (f"{name}_target", widths.index)]
    fields += [(f"{value.name}_data", plan.bits(value.name)) for value in plan.edge_inputs]
    lines, start = [], 0
    for field, bits in fields:
        joined = ", ".join(f"edge_tdata[{lane * stride + start} +: {bits}]" for lane in reversed(range(lanes)))
        start += bits
        lines.append(delay(f"{{{joined}}}", field, lanes * bits, 1))
    for value in plan.edge_inputs:
        lines += [
            delay(f"{value.name}_data", f"{name}_{value.name}", lanes * plan.bits(value.name), timing.kernel - 1),
            f"    wire {value.name}_write = edges_write;",
            f"    wire [{widths.edge_address - 1}:0] {value.name}_address = edges_address;",
        ]
    return "\n".join(
        [
            f"    wire stored = {name}_issue && {name}_fits;",
            delay("stored", "edges_write", 1, 1, reset=True),
            delay(f"{name}_issue_address", "edges_address", widths.edge_address, 1),
            delay(f"edge_kept & {{{lanes}{{stored}}}}", f"{name}_keep", lanes, 1, reset=True),
            *lines,
            f"    wire [{lanes * (2 * widths.index + 1) - 1}:0] edges_data = "
            f"{{{name}_keep, {name}_target, {name}_source}};",
        ]
    )


def _stored_beat(plan: Plan, made: Pass, timing: Timing, widths: Widths) -> str:
    """Reads of the edge memories: indices, and with the gathered values the edge values of passes before."""
    name, lanes = made.name, plan.config.edge_lanes
    depth = plan.config.graphs_in_flight * plan.config.edge_rows
    index_bits = lanes * (2 * widths.index + 1)
    lines = [
        f"    wire [{index_bits - 1}:0] {name}_edges;",
        _row_memory(f"{name}_edges", index_bits, depth, widths.edge_address, "edges", f"{name}_issue_address"),
        f"    wire [{lanes * widths.index - 1}:0] {name}_source = {name}_edges[0 +: {lanes * widths.index}];",
        f"    wire [{lanes * widths.index - 1}:0] {name}_target = "
        f"{name}_edges[{lanes * widths.index} +: {lanes * widths.index}];",
        f"    wire {name}_row_valid;",
        delay(f"{name}_issue", f"{name}_row_valid", 1, 1, declare=False, reset=True),
        delay(f"{name}_issue_address", f"{name}_read_address", widths.edge_address, timing.kernel - 1),
        f"    wire [{lanes - 1}:0] {name}_keep = "
        f"{name}_edges[{2 * lanes * widths.index} +: {lanes}] & {{{lanes}{{{name}_row_valid}}}};",
    ]
    for operand in made.reads:
        if operand.kind == "edge":
            bits = lanes * plan.bits(operand.value)
            lines += [
                f"    wire [{bits - 1}:0] {name}_{operand.value};",
                _row_memory(
                    f"{name}_{operand.value}", bits, depth, widths.edge_address, operand.value, f"{name}_read_address"
                ),
            ]
    return "\n".join(lines)


def _row_memory(target: str, bits: int, depth: int, address_bits: int, value: str, address: str) -> str:
    return (
        f"    row_memory #(.BITS({bits}), .DEPTH({depth}), .ADDRESS_BITS({address_bits})) {target}_memory (\n"
        f"        .clk(clk), .write({value}_write), .write_address({value}_address), .write_data({value}_data),\n"
        f"        .read_address({address}), .read_data({target}));"
    )


def _gather(plan: Plan, made: Pass, operand: Operand, widths: Widths) -> str:
    value, end, config = operand.value, operand.end, plan.config
    bits = plan.bits(value)
    return f"""\
        wire [{bits - 1}:0] {value}_{end};
        gather #(.BITS({bits}), .BANKS({config.node_lanes}), .DEPTH({config.graphs_in_flight * config.node_rows}),
                 .ADDRESS_BITS({widths.node_address}), .INDEX_BITS({widths.index})) {value}_{end}_memory (
            .clk(clk), .write({value}_write), .write_address({value}_address), .write_data({value}_data),
            .base({made.name}_gather_base), .node({made.name}_{end}[lane*{widths.index} +: {widths.index}]),
            .value({value}_{end}));"""


def _kernel(plan: Plan, made: Pass) -> str:
    """The kernel of one lane, its operands joined with the first in the lowest bits."""
    operands = []
    for operand in reversed(made.operands):
        bits = plan.bits(operand.value)
        match operand.kind:
            case "gather":
                operands.append(f"{operand.value}_{operand.end}")
            case _:
                operands.append(f"{made.name}_{operand.value}[lane*{bits} +: {bits}]")
    bits = plan.result_bits(made)
    return (
        f"        {made.name}_pipeline kernel (\n            .clk(clk), .model_inp({{{', '.join(operands)}}}),\n"
        f"            .model_out({made.name}_data[lane*{bits} +: {bits}]));"
    )


def _lanes(plan: Plan, made: Pass) -> int:
    return plan.config.edge_lanes if made.domain == "edge" else plan.config.node_lanes
