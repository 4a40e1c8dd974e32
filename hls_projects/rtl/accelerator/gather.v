// One copy of a node value, for one end of the edges of one lane: any node each clock, three clocks after its index.
// Node n lies in bank n mod BANKS of row n / BANKS; a row is written at once. BANKS is a power of two.
module gather #(
    parameter BITS = 24,
    parameter BANKS = 2,
    parameter DEPTH = 16,
    parameter ADDRESS_BITS = 4,
    parameter INDEX_BITS = 4
) (
    input wire clk,
    input wire write,
    input wire [ADDRESS_BITS-1:0] write_address,
    input wire [BANKS*BITS-1:0] write_data,
    input wire [ADDRESS_BITS-1:0] base,
    input wire [INDEX_BITS-1:0] node,
    output reg [BITS-1:0] value
);
    localparam BANK_BITS = $clog2(BANKS);
    localparam LAST_BANK = BANKS - 1;
    wire [ADDRESS_BITS+INDEX_BITS-1:0] node_row = {{ADDRESS_BITS{1'b0}}, node} >> BANK_BITS;
    reg [ADDRESS_BITS-1:0] address;
    reg [INDEX_BITS-1:0] asked_bank, bank;
    wire [BANKS*BITS-1:0] row;
    row_memory #(.BITS(BANKS*BITS), .DEPTH(DEPTH), .ADDRESS_BITS(ADDRESS_BITS)) memory (
        .clk(clk), .write(write), .write_address(write_address), .write_data(write_data),
        .read_address(address), .read_data(row));
    always @(posedge clk) begin
        address <= base + node_row[ADDRESS_BITS-1:0];
        asked_bank <= node & LAST_BANK[INDEX_BITS-1:0];
        bank <= asked_bank;
        value <= row[bank*BITS +: BITS];
    end
endmodule
