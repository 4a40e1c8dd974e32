// clip(round_half_even(in / 2^SHIFT), LOWEST, HIGHEST), one clock later; a negative SHIFT multiplies.
module requantize #(
    parameter IN_BITS = 12,
    parameter SHIFT = 2,
    parameter OUT_BITS = 8,
    parameter signed [33:0] LOWEST = -128,
    parameter signed [33:0] HIGHEST = 127
) (
    input wire clk,
    input wire [IN_BITS-1:0] in,
    output reg [OUT_BITS-1:0] out
);
    localparam RIGHT = SHIFT > 0 ? SHIFT : 0;
    localparam LEFT = SHIFT < 0 ? -SHIFT : 0;
    localparam WIDE = IN_BITS + LEFT + RIGHT + 35;  // room for the clip's bounds
    wire signed [WIDE-1:0] wide = {{(WIDE-IN_BITS){in[IN_BITS-1]}}, in};
    wire signed [WIDE-1:0] floor = (wide <<< LEFT) >>> RIGHT;
    wire up;
    generate
        if (RIGHT == 0) begin : exact
            assign up = 1'b0;
        end else if (RIGHT == 1) begin : halves
            assign up = wide[0] && floor[0];
        end else begin : rounded
            assign up = wide[RIGHT-1] && (floor[0] || wide[RIGHT-2:0] != 0);
        end
    endgenerate
    wire signed [WIDE-1:0] nearest = floor + $signed({1'b0, up});
    wire signed [WIDE-1:0] lowest = LOWEST;
    wire signed [WIDE-1:0] highest = HIGHEST;
    always @(posedge clk)
        out <= nearest < lowest ? lowest[OUT_BITS-1:0] : nearest > highest ? highest[OUT_BITS-1:0]
             : nearest[OUT_BITS-1:0];
endmodule
