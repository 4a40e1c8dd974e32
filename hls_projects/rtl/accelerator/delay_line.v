// `in`, CYCLES clocks later. RESET empties it, for flags; data need none.
module delay_line #(
    parameter BITS = 1,
    parameter CYCLES = 1,
    parameter RESET = 0
) (
    input wire clk,
    input wire rst,
    input wire [BITS-1:0] in,
    output wire [BITS-1:0] out
);
    generate
        if (CYCLES == 0) begin : none
            assign out = in;
        end else begin : some
            reg [BITS-1:0] stages [0:CYCLES-1];
            integer i;
            always @(posedge clk) begin
                for (i = 1; i < CYCLES; i = i + 1)
                    stages[i] <= (RESET != 0 && rst) ? {BITS{1'b0}} : stages[i-1];
                stages[0] <= (RESET != 0 && rst) ? {BITS{1'b0}} : in;
            end
            assign out = stages[CYCLES-1];
        end
    endgenerate
endmodule
