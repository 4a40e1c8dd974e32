// Sums of one lane's messages by node: a read-modify-write each clock, in one of BUFFERS memories of BANKS banks.
// A sum is read in one clock and written in the next, so a message whose node the message just before it had takes
// that one's sum from `newest` instead of the memory. Reading a row out clears it.
module accumulator_lane #(
    parameter BANKS = 2,
    parameter ROWS = 8,
    parameter ROW_BITS = 3,
    parameter INDEX_BITS = 4,
    parameter BUFFERS = 2,
    parameter BUFFER_BITS = 1,
    parameter COLUMNS = 4,
    parameter VALUE_BITS = 8,
    parameter VALUE_SIGNED = 1,
    parameter SUM_BITS = 12,
    parameter BREAK_BYPASS = 0  // for the test that must notice a missing bypass
) (
    input wire clk,
    input wire rst,
    input wire clear,
    input wire [ROW_BITS-1:0] clear_row,
    input wire add,
    input wire [BUFFER_BITS-1:0] add_buffer,
    input wire [INDEX_BITS-1:0] add_node,
    input wire [COLUMNS*VALUE_BITS-1:0] add_value,
    input wire read,
    input wire [BUFFER_BITS-1:0] read_buffer,
    input wire [ROW_BITS-1:0] read_row,
    output wire [BANKS*COLUMNS*SUM_BITS-1:0] read_sums  // one clock after `read`
);
    localparam WORD = COLUMNS * SUM_BITS;
    wire [ROW_BITS-1:0] add_row = add_node / BANKS;

    // One clock later: the memories' answer stands beside what asked for it.
    reg adding, reading;
    reg [BUFFER_BITS-1:0] adding_buffer, reading_buffer;
    reg [INDEX_BITS-1:0] adding_node;
    reg [ROW_BITS-1:0] adding_row, reading_row;
    reg [COLUMNS*VALUE_BITS-1:0] adding_value;
    wire [INDEX_BITS-1:0] adding_bank = adding_node % BANKS;

    // Two clocks later: the sum that the memory has only now.
    reg newest_valid;
    reg [BUFFER_BITS-1:0] newest_buffer;
    reg [INDEX_BITS-1:0] newest_node;
    reg [WORD-1:0] newest;

    wire [BUFFERS*BANKS*WORD-1:0] rows;
    wire [BANKS*WORD-1:0] adding_sums = rows[adding_buffer*BANKS*WORD +: BANKS*WORD];
    assign read_sums = rows[reading_buffer*BANKS*WORD +: BANKS*WORD];
    wire bypass = BREAK_BYPASS == 0 && newest_valid && newest_buffer == adding_buffer && newest_node == adding_node;
    wire [WORD-1:0] old_sum = bypass ? newest : adding_sums[adding_bank*WORD +: WORD];
    wire [WORD-1:0] new_sum;

    genvar column, buffer, bank;
    generate
        for (column = 0; column < COLUMNS; column = column + 1) begin : columns
            wire [VALUE_BITS-1:0] value = adding_value[column*VALUE_BITS +: VALUE_BITS];
            wire sign = VALUE_SIGNED != 0 && value[VALUE_BITS-1];
            wire [SUM_BITS-1:0] wide = {{(SUM_BITS-VALUE_BITS){sign}}, value};
            assign new_sum[column*SUM_BITS +: SUM_BITS] = old_sum[column*SUM_BITS +: SUM_BITS] + wide;
        end
        for (buffer = 0; buffer < BUFFERS; buffer = buffer + 1) begin : buffers
            wire asked = read && read_buffer == buffer;
            wire emptied = reading && reading_buffer == buffer;
            wire [ROW_BITS-1:0] row = clear ? clear_row : emptied ? reading_row : adding_row;
            for (bank = 0; bank < BANKS; bank = bank + 1) begin : banks
                wire summed = adding && adding_buffer == buffer && adding_bank == bank;
                row_memory #(.BITS(WORD), .DEPTH(ROWS), .ADDRESS_BITS(ROW_BITS)) memory (
                    .clk(clk), .write(clear || emptied || summed), .write_address(row),
                    .write_data(clear || emptied ? {WORD{1'b0}} : new_sum),
                    .read_address(asked ? read_row : add_row),
                    .read_data(rows[(buffer*BANKS + bank)*WORD +: WORD]));
            end
        end
    endgenerate

    always @(posedge clk) begin
        adding <= add && !rst;
        adding_buffer <= add_buffer;
        adding_node <= add_node;
        adding_row <= add_row;
        adding_value <= add_value;
        reading <= read && !rst;
        reading_buffer <= read_buffer;
        reading_row <= read_row;
        newest_valid <= adding && !rst;
        newest_buffer <= adding_buffer;
        newest_node <= adding_node;
        newest <= new_sum;
    end
endmodule
