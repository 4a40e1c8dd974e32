// Counts what one stage gives and another takes: graphs ready for a pass, free buffers, free places.
module semaphore #(
    parameter FIRST = 0,
    parameter BITS = 4
) (
    input wire clk,
    input wire rst,
    input wire give,
    input wire take,
    output wire available
);
    reg [BITS-1:0] count;
    assign available = count != 0;
    always @(posedge clk) begin
        if (rst) count <= FIRST[BITS-1:0];
        else if (give && !take) count <= count + 1'b1;
        else if (take && !give) count <= count - 1'b1;
    end
endmodule
