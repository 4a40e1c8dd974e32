// Keeps an input stream to its graph numbers, so that a row that is lost, or too many, harms no other graph.
// A row with the number that is due is taken. A row of an earlier graph (the half of all numbers behind the one that is
// due) is discarded: it was sent twice, or came behind its graph's end. A row of a later graph waits, and cuts off the
// graph that is due: its end, or all of it, was lost. Before the first number is `known`, any is due.
// With a TIMEOUT, a graph is also cut off where that many clocks pass in which it `waits` and no row is offered.
module stream_guard #(
    parameter NUMBER_BITS = 8,
    parameter TIMEOUT = 0,
    parameter TIMER_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire known,
    input wire [NUMBER_BITS-1:0] due,
    input wire tvalid,
    output wire tready,
    input wire tlast,
    input wire [NUMBER_BITS-1:0] number,
    input wire open,  // the pass behind takes a row, or the end, in this clock
    input wire waits,  // something of the graph that is due is there, on this stream or on the other
    output wire taken,  // the row offered is one of the graph that is due
    output wire issue,  // so it is, or that graph is cut off
    output wire last,
    output wire cut,
    output wire late  // cut off by the time-out
);
    wire [NUMBER_BITS-1:0] ahead = number - due;
    wire earlier = known && ahead[NUMBER_BITS-1];
    wire later = known && !ahead[NUMBER_BITS-1] && ahead != 0;
    assign tready = earlier || (open && !later);
    assign taken = tvalid && !earlier && !later;
    assign cut = (tvalid && later) || late;
    assign issue = taken || cut;
    assign last = cut || tlast;
    generate
        if (TIMEOUT == 0) begin : patient
            assign late = 1'b0;
        end else begin : timed
            reg [TIMER_BITS-1:0] clocks;
            assign late = waits && !tvalid && clocks == TIMEOUT[TIMER_BITS-1:0];
            always @(posedge clk)
                if (rst || tvalid || !waits || (late && open)) clocks <= 0;
                else if (!late) clocks <= clocks + 1'b1;
        end
    endgenerate
endmodule
