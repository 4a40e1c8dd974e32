// Three lanes, each with a memory and an adder without a clock: the small design of the synthesis tests.
module plus (
    input wire [7:0] a,
    input wire [7:0] b,
    output wire [7:0] sum
);
    assign sum = a + b;
endmodule

module lane #(
    parameter DEPTH_BITS = 5
) (
    input wire clk,
    input wire write,
    input wire [DEPTH_BITS-1:0] address,
    input wire [DEPTH_BITS-1:0] read_address,
    input wire [7:0] value,
    output wire [7:0] out
);
    reg [7:0] rows [0:(1<<DEPTH_BITS)-1];
    reg [7:0] row;
    always @(posedge clk) begin
        if (write) rows[address] <= value;
        row <= rows[read_address];
    end
    plus adder (.a(row), .b(value), .sum(out));
endmodule

module lanes (
    input wire clk,
    input wire write,
    input wire [9:0] address,
    input wire [9:0] read_address,
    input wire [23:0] values,
    output wire [23:0] outs,
    output reg any
);
    lane #(.DEPTH_BITS(5)) first (
        .clk(clk), .write(write), .address(address[4:0]), .read_address(read_address[4:0]), .value(values[7:0]),
        .out(outs[7:0]));
    lane #(.DEPTH_BITS(5)) second (
        .clk(clk), .write(write), .address(address[4:0]), .read_address(read_address[4:0]), .value(values[15:8]),
        .out(outs[15:8]));
    lane #(.DEPTH_BITS(10)) deep (
        .clk(clk), .write(write), .address(address), .read_address(read_address), .value(values[23:16]),
        .out(outs[23:16]));
    always @(posedge clk) any <= |outs;
endmodule
