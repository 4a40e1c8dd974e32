// A memory with one write and one read port; what is read stands one clock later.
// What is read from a row in the clock in which it is written is undefined, and nobody relies on it: no tool need build
// logic for that case.
module row_memory #(
    parameter BITS = 8,
    parameter DEPTH = 16,
    parameter ADDRESS_BITS = 4
) (
    input wire clk,
    input wire write,
    input wire [ADDRESS_BITS-1:0] write_address,
    input wire [BITS-1:0] write_data,
    input wire [ADDRESS_BITS-1:0] read_address,
    output reg [BITS-1:0] read_data
);
    localparam USED = DEPTH > 1 ? $clog2(DEPTH) : 1;  // an address has more bits where one buffer has a bit of its own
    reg [BITS-1:0] rows [0:DEPTH-1];
    always @(posedge clk) begin
        if (write) rows[write_address[USED-1:0]] <= write_data;
        read_data <= write && write_address == read_address ? {BITS{1'bx}} : rows[read_address[USED-1:0]];
    end
endmodule
