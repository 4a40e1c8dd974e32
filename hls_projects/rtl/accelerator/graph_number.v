// Number of the graph that is due at one place. The first graph's comes from its stream, with `set`; then they count.
module graph_number #(
    parameter BITS = 8
) (
    input wire clk,
    input wire set,
    input wire [BITS-1:0] first,
    input wire next,
    output reg [BITS-1:0] number
);
    wire [BITS-1:0] now = set ? first : number;
    always @(posedge clk) if (set || next) number <= next ? now + 1'b1 : now;
endmodule
