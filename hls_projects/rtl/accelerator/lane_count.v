// Counts the lanes that are filled in a graph's rows and compares them with the number that its last row states.
// `wrong`, two clocks behind the last row: they differ, or (ORDERED) lanes were not filled from the lowest without a
// gap, in all rows but the last one to the highest.
module lane_count #(
    parameter LANES = 2,
    parameter COUNT_BITS = 4,
    parameter ORDERED = 0
) (
    input wire clk,
    input wire rst,
    input wire row,
    input wire last,
    input wire [LANES-1:0] keep,
    input wire [COUNT_BITS-1:0] stated,
    output wire wrong
);
    reg [COUNT_BITS-1:0] filled, filled_1, total, stated_1, stated_2;
    reg row_1, last_1, last_2, gap_1, gap;
    wire [LANES-1:0] above = keep + 1'b1;  // no bit of keep where lanes are filled from the lowest; 0 where all are
    integer lane;
    always @* begin
        filled = 0;
        for (lane = 0; lane < LANES; lane = lane + 1) filled = filled + {{(COUNT_BITS-1){1'b0}}, keep[lane]};
    end
    assign wrong = last_2 && ((ORDERED != 0 && gap) || total != stated_2);
    always @(posedge clk) begin
        row_1 <= row && !rst;
        last_1 <= row && last && !rst;
        last_2 <= last_1 && !rst;
        filled_1 <= filled;
        stated_1 <= stated;
        stated_2 <= stated_1;
        gap_1 <= ORDERED != 0 && ((keep & above) != 0 || (!last && above != 0));
        if (rst || (last_2 && !row_1)) begin
            total <= 0;
            gap <= 1'b0;
        end else if (row_1) begin
            total <= (last_2 ? {COUNT_BITS{1'b0}} : total) + filled_1;
            gap <= (gap && !last_2) || gap_1;
        end
    end
endmodule
