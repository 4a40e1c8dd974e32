// Holds results until they are taken. Whoever pushes counts free places beforehand: it is never full.
module output_fifo #(
    parameter BITS = 8,
    parameter DEPTH = 16,
    parameter ADDRESS_BITS = 4  // DEPTH is 2^ADDRESS_BITS
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [BITS-1:0] in,
    output wire valid,
    input wire ready,
    output wire [BITS-1:0] out
);
    reg [BITS-1:0] rows [0:DEPTH-1];
    reg [ADDRESS_BITS:0] pushed, popped;
    assign valid = pushed != popped;
    assign out = rows[popped[ADDRESS_BITS-1:0]];
    always @(posedge clk) begin
        if (push) rows[pushed[ADDRESS_BITS-1:0]] <= in;
        if (rst) begin
            pushed <= 0;
            popped <= 0;
        end else begin
            if (push) pushed <= pushed + 1'b1;
            if (valid && ready) popped <= popped + 1'b1;
        end
    end
endmodule
