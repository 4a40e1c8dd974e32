// A signed number times an unsigned factor, CYCLES clocks later, in DSP slices: one for each 17 bits of the number, whose
// sums go from slice to slice. FACTOR_BITS up to 26 (a slice multiplies 27 × 18 signed bits), CYCLES above the slices.
module wide_multiplier #(
    parameter BITS = 20,
    parameter FACTOR_BITS = 23,
    parameter CYCLES = 5,
    parameter OUT_BITS = 43
) (
    input wire clk,
    input wire [BITS-1:0] value,
    input wire [FACTOR_BITS-1:0] factor,
    output wire [OUT_BITS-1:0] product
);
    localparam PIECE = 17;
    localparam SLICES = (BITS - 2) / PIECE + 1;
    localparam WIDE = SLICES * PIECE + 1;
    localparam SUM = FACTOR_BITS + PIECE + 1;
    // Slice s is asked s clocks after the first; what is over of CYCLES is waited before all of them.
    wire [WIDE-1:0] number = {{(WIDE-BITS){value[BITS-1]}}, value};
    wire [SLICES*SUM-1:0] sums;
    wire [SLICES*PIECE-1:0] low;
    genvar s;
    generate
        for (s = 0; s < SLICES; s = s + 1) begin : slices
            wire [PIECE:0] piece, asked;
            wire [FACTOR_BITS-1:0] with_factor;
            assign piece = {s == SLICES - 1 ? number[WIDE-1] : 1'b0, number[s*PIECE +: PIECE]};
            delay_line #(.BITS(PIECE+1), .CYCLES(CYCLES-SLICES-1+s)) piece_line (
                .clk(clk), .rst(1'b0), .in(piece), .out(asked));
            delay_line #(.BITS(FACTOR_BITS), .CYCLES(CYCLES-SLICES-1+s)) factor_line (
                .clk(clk), .rst(1'b0), .in(factor), .out(with_factor));
            wire signed [PIECE:0] left = asked;
            wire signed [FACTOR_BITS:0] right = {1'b0, with_factor};
            (* use_dsp = "yes" *) reg signed [SUM-1:0] term, total;
            if (s == 0) begin : first
                always @(posedge clk) begin
                    term <= left * right;
                    total <= term;
                end
            end else begin : next
                wire signed [SUM-1:0] carried = sums[(s-1)*SUM +: SUM];
                always @(posedge clk) begin
                    term <= left * right;
                    total <= term + (carried >>> PIECE);
                end
            end
            assign sums[s*SUM +: SUM] = total;
            delay_line #(.BITS(PIECE), .CYCLES(SLICES-1-s)) low_line (
                .clk(clk), .rst(1'b0), .in(total[PIECE-1:0]), .out(low[s*PIECE +: PIECE]));
        end
    endgenerate
    wire [SLICES*PIECE+SUM-PIECE-1:0] joined = {sums[SLICES*SUM-1:(SLICES-1)*SUM+PIECE], low};
    assign product = joined[OUT_BITS-1:0];
endmodule
