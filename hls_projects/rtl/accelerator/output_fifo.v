// Holds results until they are taken, the next one in a register. Whoever pushes counts free places beforehand: it is
// never full.
module output_fifo #(
    parameter BITS = 8,
    parameter DEPTH = 16,
    parameter ADDRESS_BITS = 4  // DEPTH is 2^ADDRESS_BITS
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [BITS-1:0] in,
    output reg valid,  // two clocks after the push at the soonest
    input wire ready,
    output reg [BITS-1:0] out
);
    reg [BITS-1:0] rows [0:DEPTH-1];
    reg [ADDRESS_BITS:0] pushed, popped;
    wire waiting = pushed != popped;
    wire pop = waiting && (!valid || ready);
    always @(posedge clk) begin
        if (push) rows[pushed[ADDRESS_BITS-1:0]] <= in;
        if (pop) out <= rows[popped[ADDRESS_BITS-1:0]];
        if (rst) begin
            pushed <= 0;
            popped <= 0;
            valid <= 1'b0;
        end else begin
            if (push) pushed <= pushed + 1'b1;
            if (pop) popped <= popped + 1'b1;
            valid <= waiting || (valid && !ready);
        end
    end
endmodule
