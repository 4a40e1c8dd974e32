// Exact sums, or maxima, of edge messages by node. Each lane sums its own messages; an adder tree joins the lanes at
// read-out, so that lanes never meet. Maxima are of unsigned numbers, with 0 where no message came. Buffers take
// turns: one graph is summed while another is read and cleared.
module scatter_sum #(
    parameter LANES = 2,
    parameter BANKS = 2,
    parameter ROWS = 8,
    parameter ROW_BITS = 3,
    parameter INDEX_BITS = 4,
    parameter BUFFERS = 2,
    parameter BUFFER_BITS = 1,
    parameter COLUMNS = 4,
    parameter VALUE_BITS = 8,
    parameter VALUE_SIGNED = 1,
    parameter LANE_BITS = 12,
    parameter SUM_BITS = 13,
    parameter TREE_LEVELS = 1,
    parameter MAXIMUM = 0
) (
    input wire clk,
    input wire rst,
    output reg ready,  // the memories are clear after a reset
    input wire graph_added,  // with the last message of a graph
    input wire [LANES-1:0] add,
    input wire [LANES*INDEX_BITS-1:0] add_node,
    input wire [LANES*COLUMNS*VALUE_BITS-1:0] add_value,
    input wire graph_read,  // with the last row of a graph
    input wire read,
    input wire [ROW_BITS-1:0] read_row,
    output wire [BANKS*COLUMNS*SUM_BITS-1:0] totals  // TREE_LEVELS + 2 clocks after `read`
);
    localparam LAST_OF_BUFFERS = BUFFERS - 1;
    localparam LAST_OF_ROWS = ROWS - 1;
    localparam [BUFFER_BITS:0] LAST_BUFFER = LAST_OF_BUFFERS[BUFFER_BITS:0];
    localparam [ROW_BITS-1:0] LAST_ROW = LAST_OF_ROWS[ROW_BITS-1:0];
    reg [BUFFER_BITS-1:0] add_buffer, read_buffer;
    reg [ROW_BITS-1:0] clear_row;
    always @(posedge clk) begin
        if (rst) begin
            ready <= 1'b0;
            clear_row <= 0;
            add_buffer <= 0;
            read_buffer <= 0;
        end else begin
            clear_row <= clear_row + 1'b1;
            if (clear_row == LAST_ROW) ready <= 1'b1;
            if (graph_added) add_buffer <= {1'b0, add_buffer} == LAST_BUFFER ? {BUFFER_BITS{1'b0}} : add_buffer + 1'b1;
            if (graph_read) read_buffer <= {1'b0, read_buffer} == LAST_BUFFER ? {BUFFER_BITS{1'b0}} : read_buffer + 1'b1;
        end
    end

    wire [LANES*BANKS*COLUMNS*LANE_BITS-1:0] lane_sums;
    genvar lane, item;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : lanes
            accumulator_lane #(
                .BANKS(BANKS), .ROWS(ROWS), .ROW_BITS(ROW_BITS), .INDEX_BITS(INDEX_BITS), .BUFFERS(BUFFERS),
                .BUFFER_BITS(BUFFER_BITS), .COLUMNS(COLUMNS), .VALUE_BITS(VALUE_BITS), .VALUE_SIGNED(VALUE_SIGNED),
                .SUM_BITS(LANE_BITS), .MAXIMUM(MAXIMUM)
            ) accumulator (
                .clk(clk), .rst(rst), .clear(!ready), .clear_row(clear_row),
                .add(add[lane]), .add_buffer(add_buffer), .add_node(add_node[lane*INDEX_BITS +: INDEX_BITS]),
                .add_value(add_value[lane*COLUMNS*VALUE_BITS +: COLUMNS*VALUE_BITS]),
                .read(read), .read_buffer(read_buffer), .read_row(read_row),
                .read_sums(lane_sums[lane*BANKS*COLUMNS*LANE_BITS +: BANKS*COLUMNS*LANE_BITS]));
        end
        for (item = 0; item < BANKS*COLUMNS; item = item + 1) begin : items
            wire [LANES*LANE_BITS-1:0] terms;
            for (lane = 0; lane < LANES; lane = lane + 1) begin : of_lane
                assign terms[lane*LANE_BITS +: LANE_BITS] = lane_sums[(lane*BANKS*COLUMNS + item)*LANE_BITS +: LANE_BITS];
            end
            adder_tree #(
                .TERMS(LANES), .LEVELS(TREE_LEVELS), .TERM_BITS(LANE_BITS), .SUM_BITS(SUM_BITS), .MAXIMUM(MAXIMUM)
            ) tree (
                .clk(clk), .terms(terms), .sum(totals[item*SUM_BITS +: SUM_BITS]));
        end
    endgenerate
endmodule
