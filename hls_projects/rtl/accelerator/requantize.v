// clip(round_half_even(in / 2^SHIFT)) to a format, two clocks later: rounded, then clipped. A negative SHIFT multiplies.
// The format has OUT_BITS, two's complement if SIGNED; a NARROW one has no most negative code.
module requantize #(
    parameter IN_BITS = 12,
    parameter SHIFT = 2,
    parameter OUT_BITS = 8,
    parameter SIGNED = 1,
    parameter NARROW = 0
) (
    input wire clk,
    input wire [IN_BITS-1:0] in,
    output reg [OUT_BITS-1:0] out
);
    localparam RIGHT = SHIFT > 0 ? SHIFT : 0;
    localparam LEFT = SHIFT < 0 ? -SHIFT : 0;
    localparam TAKEN = IN_BITS > RIGHT ? IN_BITS : RIGHT + 1;  // a bit is left above the point, the sign at least
    localparam ROUNDED = TAKEN - RIGHT + 1;
    localparam SHIFTED = ROUNDED + LEFT;
    localparam WIDE = SHIFTED > OUT_BITS + 2 ? SHIFTED : OUT_BITS + 2;  // there is always something above the format
    localparam [OUT_BITS-1:0] TOP_BIT = 1 << (OUT_BITS - 1);
    localparam [OUT_BITS-1:0] HIGHEST = SIGNED != 0 ? ~TOP_BIT : {OUT_BITS{1'b1}};
    localparam [OUT_BITS-1:0] LOWEST = SIGNED == 0 ? {OUT_BITS{1'b0}} : NARROW != 0 ? TOP_BIT + 1'b1 : TOP_BIT;

    wire [TAKEN-1:0] taken = {{(TAKEN-IN_BITS){in[IN_BITS-1]}}, in};
    wire [TAKEN:0] wider = {taken[TAKEN-1], taken};
    wire [ROUNDED-1:0] floor = wider[TAKEN:RIGHT];
    wire up;
    generate
        if (RIGHT == 0) begin : exact
            assign up = 1'b0;
        end else if (RIGHT == 1) begin : halves
            assign up = taken[0] && taken[1];
        end else begin : parts
            assign up = taken[RIGHT-1] && (taken[RIGHT] || taken[RIGHT-2:0] != 0);
        end
    endgenerate
    reg [ROUNDED-1:0] nearest;
    wire [WIDE-1:0] wide = {{(WIDE-SHIFTED){nearest[ROUNDED-1]}}, nearest, {LEFT{1'b0}}};

    // Above the format, all bits are the sign (signed) or zero (unsigned), or the number is outside.
    wire negative = wide[WIDE-1];
    wire high, low;
    generate
        if (SIGNED != 0) begin : twos_complement
            assign high = !negative && wide[WIDE-2:OUT_BITS-1] != 0;
            assign low = negative && (wide[WIDE-2:OUT_BITS-1] != {(WIDE-OUT_BITS){1'b1}}
                                      || (NARROW != 0 && wide[OUT_BITS-1:0] == TOP_BIT));
        end else begin : natural
            assign high = !negative && wide[WIDE-2:OUT_BITS] != 0;
            assign low = negative;
        end
    endgenerate
    always @(posedge clk) begin
        nearest <= floor + {{(ROUNDED-1){1'b0}}, up};
        out <= low ? LOWEST : high ? HIGHEST : wide[OUT_BITS-1:0];
    end
endmodule
