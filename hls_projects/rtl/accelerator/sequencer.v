// Walks over the rows of one graph after another, without a gap where the next graph may start.
// A row is issued where `may_issue` holds and, for a graph's first row, `may_start` too. `last_row` ends the graph.
// Graphs take the memory slots in turn; `node_base` and `edge_base` are the slot's first rows.
// A stream longer than ROWS keeps the row number at ROWS, and `fits` low, until its last row.
module sequencer #(
    parameter ROWS = 8,
    parameter ROW_BITS = 4,
    parameter SLOTS = 2,
    parameter SLOT_BITS = 1,
    parameter NODE_ROWS = 8,
    parameter NODE_BITS = 4,
    parameter EDGE_ROWS = 8,
    parameter EDGE_BITS = 4
) (
    input wire clk,
    input wire rst,
    input wire may_start,
    input wire may_issue,
    input wire last_row,
    output wire open,
    output wire issue,
    output wire start,
    output wire last,
    output wire fits,
    output reg [ROW_BITS-1:0] row,
    output reg [SLOT_BITS-1:0] slot,
    output reg [NODE_BITS-1:0] node_base,
    output reg [EDGE_BITS-1:0] edge_base
);
    localparam [SLOT_BITS:0] LAST_SLOT = SLOTS - 1;
    reg busy;
    wire wrap = {1'b0, slot} == LAST_SLOT;
    assign open = busy || may_start;
    assign issue = open && may_issue;
    assign start = issue && !busy;
    assign last = issue && last_row;
    assign fits = row < ROWS[ROW_BITS-1:0];
    always @(posedge clk) begin
        if (rst) begin
            busy <= 1'b0;
            row <= 0;
            slot <= 0;
            node_base <= 0;
            edge_base <= 0;
        end else if (issue) begin
            busy <= !last_row;
            row <= last_row ? {ROW_BITS{1'b0}} : fits ? row + 1'b1 : row;
            if (last_row) begin
                slot <= wrap ? {SLOT_BITS{1'b0}} : slot + 1'b1;
                node_base <= wrap ? {NODE_BITS{1'b0}} : node_base + NODE_ROWS[NODE_BITS-1:0];
                edge_base <= wrap ? {EDGE_BITS{1'b0}} : edge_base + EDGE_ROWS[EDGE_BITS-1:0];
            end
        end
    end
endmodule
