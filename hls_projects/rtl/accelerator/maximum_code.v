// The code of a maximum, two clocks later: the top bit of `in` says whether anything came, else it is 0. Below it stands
// the code as it was compared, unsigned: a signed one with its sign turned.
module maximum_code #(
    parameter BITS = 8,
    parameter SIGNED = 1
) (
    input wire clk,
    input wire [BITS:0] in,
    output reg [BITS-1:0] out
);
    localparam [BITS-1:0] TURN = SIGNED != 0 ? {1'b1, {(BITS-1){1'b0}}} : {BITS{1'b0}};
    reg [BITS:0] taken;
    always @(posedge clk) begin
        taken <= in;
        out <= taken[BITS] ? taken[BITS-1:0] ^ TURN : {BITS{1'b0}};
    end
endmodule
