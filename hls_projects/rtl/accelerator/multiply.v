// COLUMNS signed numbers times one unsigned factor, exactly: a tree of shifted additions, or with DSP multipliers.
// The factor comes one clock after the numbers; a product LEVELS = ceil(log2(FACTOR_BITS)) clocks after the factor.
module multiply #(
    parameter COLUMNS = 4,
    parameter BITS = 12,
    parameter FACTOR_BITS = 13,
    parameter LEVELS = 4,
    parameter OUT_BITS = 24,
    parameter DSP = 0
) (
    input wire clk,
    input wire [COLUMNS*BITS-1:0] values,
    input wire [FACTOR_BITS-1:0] factor,
    output wire [COLUMNS*OUT_BITS-1:0] products
);
    wire [COLUMNS*BITS-1:0] late;
    delay_line #(.BITS(COLUMNS*BITS), .CYCLES(1)) wait_line (.clk(clk), .rst(1'b0), .in(values), .out(late));
    genvar column, i;
    generate
        if (DSP == 0) begin : of_logic
            for (column = 0; column < COLUMNS; column = column + 1) begin : columns
                wire [BITS-1:0] value = late[column*BITS +: BITS];
                wire [OUT_BITS-1:0] wide = {{(OUT_BITS-BITS){value[BITS-1]}}, value};
                wire [FACTOR_BITS*OUT_BITS-1:0] terms;
                for (i = 0; i < FACTOR_BITS; i = i + 1) begin : bits
                    assign terms[i*OUT_BITS +: OUT_BITS] = factor[i] ? wide << i : {OUT_BITS{1'b0}};
                end
                adder_tree #(.TERMS(FACTOR_BITS), .LEVELS(LEVELS), .TERM_BITS(OUT_BITS), .SUM_BITS(OUT_BITS)) tree (
                    .clk(clk), .terms(terms), .sum(products[column*OUT_BITS +: OUT_BITS]));
            end
        end else begin : of_multipliers
            for (column = 0; column < COLUMNS; column = column + 1) begin : columns
                wide_multiplier #(.BITS(BITS), .FACTOR_BITS(FACTOR_BITS), .CYCLES(LEVELS), .OUT_BITS(OUT_BITS)) multiplier (
                    .clk(clk), .value(late[column*BITS +: BITS]), .factor(factor),
                    .product(products[column*OUT_BITS +: OUT_BITS]));
            end
        end
    endgenerate
endmodule
