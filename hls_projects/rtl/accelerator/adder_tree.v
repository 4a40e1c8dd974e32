// Sum of TERMS signed numbers, or largest of TERMS unsigned ones, of TERM_BITS in SUM_BITS, LEVELS = ceil(log2(TERMS)) clocks later: one level a clock.
module adder_tree #(
    parameter TERMS = 2,
    parameter LEVELS = 1,
    parameter TERM_BITS = 8,
    parameter SUM_BITS = 9,
    parameter MAXIMUM = 0
) (
    input wire clk,
    input wire [TERMS*TERM_BITS-1:0] terms,
    output wire [SUM_BITS-1:0] sum
);
    localparam WIDE = 1 << LEVELS;
    // Level l has WIDE >> l numbers, at the start of its part of `nodes`, each a bit wider than those that it adds.
    wire [(LEVELS+1)*WIDE*SUM_BITS-1:0] nodes;
    genvar i, level;
    generate
        for (i = 0; i < WIDE; i = i + 1) begin : leaves
            if (i < TERMS) begin : taken
                wire [TERM_BITS-1:0] term = terms[i*TERM_BITS +: TERM_BITS];
                assign nodes[i*SUM_BITS +: SUM_BITS] = {{(SUM_BITS-TERM_BITS){term[TERM_BITS-1]}}, term};
            end else begin : empty
                assign nodes[i*SUM_BITS +: SUM_BITS] = {SUM_BITS{1'b0}};
            end
        end
        for (level = 1; level <= LEVELS; level = level + 1) begin : levels
            localparam BITS = TERM_BITS + level < SUM_BITS ? TERM_BITS + level : SUM_BITS;
            for (i = 0; i < WIDE; i = i + 1) begin : adders
                if (i < (WIDE >> level)) begin : taken
                    reg [BITS-1:0] total;
                    wire [BITS-1:0] left = nodes[((level-1)*WIDE + 2*i)*SUM_BITS +: BITS];
                    wire [BITS-1:0] right = nodes[((level-1)*WIDE + 2*i + 1)*SUM_BITS +: BITS];
                    always @(posedge clk) total <= MAXIMUM == 0 ? left + right : left > right ? left : right;
                    assign nodes[(level*WIDE + i)*SUM_BITS +: SUM_BITS] = {{(SUM_BITS-BITS){total[BITS-1]}}, total};
                end else begin : empty
                    assign nodes[(level*WIDE + i)*SUM_BITS +: SUM_BITS] = {SUM_BITS{1'b0}};
                end
            end
        end
    endgenerate
    assign sum = nodes[LEVELS*WIDE*SUM_BITS +: SUM_BITS];
endmodule
