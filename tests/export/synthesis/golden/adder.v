// A registered sum: the smallest design with a clock, for place and route.
module adder (
    input wire clk,
    input wire [7:0] a,
    input wire [7:0] b,
    output reg [8:0] sum
);
    reg [7:0] first, second;
    always @(posedge clk) begin
        first <= a;
        second <= b;
        sum <= first + second;
    end
endmodule
