// Counts what one stage gives and another takes: graphs ready for a pass, free buffers, free places.
module semaphore #(
    parameter FIRST = 0,
    parameter BITS = 4
) (
    input wire clk,
    input wire rst,
    input wire give,
    input wire take,
    output reg available  // count is not zero
);
    reg [BITS-1:0] count;
    always @(posedge clk) begin
        if (rst) begin
            count <= FIRST[BITS-1:0];
            available <= FIRST != 0;
        end else if (give && !take) begin
            count <= count + 1'b1;
            available <= 1'b1;
        end else if (take && !give) begin
            count <= count - 1'b1;
            available <= count != 1;
        end
    end
endmodule
