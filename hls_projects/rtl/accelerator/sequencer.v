// Walks over the rows of one graph after another, without a gap where the next graph may start.
// A row is issued where `may_issue` holds and, for a graph's first row, `may_start` too. A graph ends with `stream_last`
// (STREAMED), or with the row `end_row` of its slot, which is known since two clocks before `may_start`.
// Graphs take the memory slots in turn; `address` is the row's place in all slots' rows, `node_base` the slot's first
// row of nodes. A stream longer than ROWS keeps its row at ROWS, and `fits` low, until its last row.
module sequencer #(
    parameter STREAMED = 0,
    parameter ROWS = 8,
    parameter ROW_BITS = 4,
    parameter ADDRESS_BITS = 4,
    parameter SLOTS = 2,
    parameter SLOT_BITS = 1,
    parameter NODE_ROWS = 8,
    parameter NODE_BITS = 4
) (
    input wire clk,
    input wire rst,
    input wire may_start,
    input wire may_issue,
    input wire stream_last,
    input wire [ROW_BITS-1:0] end_row,  // of the graph in `slot`
    input wire [ROW_BITS-1:0] next_end_row,  // of the graph in `next_slot`
    output wire open,
    output wire issue,
    output wire start,
    output wire last,
    output reg fits,
    output reg [ROW_BITS-1:0] row,
    output reg [SLOT_BITS-1:0] slot,
    output reg [SLOT_BITS-1:0] next_slot,
    output reg [ADDRESS_BITS-1:0] address,
    output reg [NODE_BITS-1:0] node_base
);
    localparam LAST = SLOTS - 1;
    localparam SECOND = SLOTS > 1 ? 1 : 0;
    localparam NEXT_ROWS = SLOTS > 1 ? ROWS : 0;
    localparam [SLOT_BITS-1:0] LAST_SLOT = LAST[SLOT_BITS-1:0];
    localparam [SLOT_BITS-1:0] SECOND_SLOT = SECOND[SLOT_BITS-1:0];
    localparam [ADDRESS_BITS-1:0] SLOT_ROWS = NEXT_ROWS[ADDRESS_BITS-1:0];
    reg busy;
    reg [ADDRESS_BITS-1:0] next_address;  // first of the next slot
    wire slots_end = slot == LAST_SLOT;
    wire next_slots_end = next_slot == LAST_SLOT;
    wire last_row;
    assign open = busy || may_start;
    assign issue = open && may_issue;
    assign start = issue && !busy;
    assign last = issue && last_row;

    generate
        if (STREAMED != 0) begin : streamed
            assign last_row = stream_last;
        end else begin : stored
            // Rows behind this one; looked up anew until the graph starts.
            reg [ROW_BITS-1:0] left;
            reg at_end;
            assign last_row = at_end;
            always @(posedge clk)
                if (issue && !last_row) begin
                    left <= left - 1'b1;
                    at_end <= left == 1;
                end else if (!busy || last) begin
                    left <= last ? next_end_row : end_row;
                    at_end <= (last ? next_end_row : end_row) == 0;
                end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            busy <= 1'b0;
            fits <= 1'b1;
            row <= 0;
            slot <= 0;
            next_slot <= SECOND_SLOT;
            address <= 0;
            next_address <= SLOT_ROWS;
            node_base <= 0;
        end else if (last) begin
            busy <= 1'b0;
            fits <= 1'b1;
            row <= 0;
            slot <= next_slot;
            next_slot <= next_slots_end ? {SLOT_BITS{1'b0}} : next_slot + 1'b1;
            address <= next_address;
            next_address <= next_slots_end ? {ADDRESS_BITS{1'b0}} : next_address + SLOT_ROWS;
            node_base <= slots_end ? {NODE_BITS{1'b0}} : node_base + NODE_ROWS[NODE_BITS-1:0];
        end else if (issue) begin
            busy <= 1'b1;
            if (fits) begin
                fits <= row != ROWS[ROW_BITS-1:0] - 1'b1;
                row <= row + 1'b1;
                address <= address + 1'b1;
            end
        end
    end
endmodule
