"""Verilog of what watches over the input streams: graph numbers, counts of nodes and edges, flags."""

from __future__ import annotations

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.pass_verilog import delay
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.widths import Widths


def guarded_streams(config: AcceleratorConfig, first: str, widths: Widths) -> str:
    """Wires `node_row`, `node_last` and `node_kept`, and those of the edges, for the loader and the pass `first`.

    Rows of the graph that is due alone get through; a graph that is cut off ends with a row without lanes.
    """
    return f"""\
    // Graph numbers: the first row after a reset gives the first
    reg numbered;
    always @(posedge clk) numbered <= (numbered || load_start) && !rst;
    wire first_number = load_start && !numbered;
{_number("node", "load_last", widths)}
{_number("edge", f"{first}_last", widths)}
    wire logits_last;
{_number("logit", "logits_last", widths)}
    // Nodes are due while a graph has begun, or while its edges wait with none of its nodes loaded
    wire edge_open, edge_loaded;
    wire node_due = load_row != 0 || (numbered && edge_tvalid && !{first}_open && !edge_loaded);
{_guard(config, "node", "load_open", "node_due", widths)}
{_guard(config, "edge", "edge_open", "edge_open", widths)}
{_count("node", config.node_lanes, widths.node_count, "load_issue", 1, widths)}
{_count("edge", config.edge_lanes, widths.edge_count, f"{first}_issue", 0, widths)}"""


def flags(config: AcceleratorConfig, first: str, widths: Widths) -> str:
    """Wires `flags`, those of the graph in `flags_slot`."""
    raised: dict[Flags, tuple[tuple[str, str], ...]] = {
        Flags.CAPACITY: (
            ("load_issue && !load_fits && node_kept != 0", "load_slot"),
            (f"{first}_issue && !{first}_fits && edge_kept != 0", f"{first}_slot"),
        ),
        Flags.INDEX: ((f"{first}_bad_index", f"{first}_checked_slot"),),
        Flags.NODES: (("load_issue && node_cut", "load_slot"), ("node_wrong", "load_checked_slot")),
        Flags.EDGES: (
            (f"{first}_issue && edge_cut", f"{first}_slot"),
            ("edge_wrong", f"{first}_checked_slot"),
        ),
        Flags.LATE: (("load_issue && node_late", "load_slot"), (f"{first}_issue && edge_late", f"{first}_slot")),
    }
    lines = [
        f"    wire {first}_bad_index;",
        delay("load_slot", "load_checked_slot", widths.slot, 2),
        delay(f"{first}_slot", f"{first}_checked_slot", widths.slot, 2),
        f"    wire [{widths.slot - 1}:0] flags_slot;",
        f"    wire [{len(Flags) - 1}:0] flags;",
    ]
    for place, (flag, raisers) in enumerate(raised.items()):
        assert flag == 1 << place
        lines.append(
            f"    slot_flag #(.SLOTS({config.graphs_in_flight}), .SLOT_BITS({widths.slot}), .RAISERS({len(raisers)})) "
            f"{str(flag.name).lower()}_flag (\n"
            "        .clk(clk), .begins(load_start), .begins_slot(load_slot),\n"
            f"        .raise({{{', '.join(what for what, _ in raisers)}}}),\n"
            f"        .raise_slot({{{', '.join(slot for _, slot in raisers)}}}), .slot(flags_slot), "
            f".flag(flags[{place}]));"
        )
    return "\n".join(lines)


def _number(stream: str, ends: str, widths: Widths) -> str:
    return f"""\
    wire [{widths.number - 1}:0] {stream}_number;
    graph_number #(.BITS({widths.number})) {stream}_numbers (
        .clk(clk), .set(first_number), .first(node_tuser[{widths.number - 1}:0]), .next({ends}),
        .number({stream}_number));"""


def _guard(config: AcceleratorConfig, stream: str, opened: str, waits: str, widths: Widths) -> str:
    lanes = config.node_lanes if stream == "node" else config.edge_lanes
    timer = max(1, config.timeout_cycles.bit_length())
    return f"""\
    wire {stream}_taken, {stream}_row, {stream}_last, {stream}_cut, {stream}_late;
    wire [{lanes - 1}:0] {stream}_kept = {stream}_tkeep & {{{lanes}{{{stream}_taken}}}};
    stream_guard #(.NUMBER_BITS({widths.number}), .TIMEOUT({config.timeout_cycles}), .TIMER_BITS({timer})) \
{stream}_guard (
        .clk(clk), .rst(rst), .known(numbered), .due({stream}_number), .tvalid({stream}_tvalid),
        .tready({stream}_tready), .tlast({stream}_tlast), .number({stream}_tuser[{widths.number - 1}:0]),
        .open({opened}), .waits({waits}), .taken({stream}_taken), .issue({stream}_row), .last({stream}_last),
        .cut({stream}_cut), .late({stream}_late));"""


def _count(stream: str, lanes: int, bits: int, issue: str, ordered: int, widths: Widths) -> str:
    return f"""\
    wire {stream}_wrong;
    lane_count #(.LANES({lanes}), .COUNT_BITS({bits}), .ORDERED({ordered})) {stream}_lane_count (
        .clk(clk), .rst(rst), .row({issue}), .last({stream}_last), .keep({stream}_kept),
        .stated({stream}_tuser[{widths.number} +: {bits}]), .wrong({stream}_wrong));"""
