// Sums, or maxima, of one lane's messages by node: a message each clock, whichever node it is for.
// A message asks the memory, then takes the old sum, adds, and writes: what the three messages before it wrote comes too
// late for its reading, so it takes their sums from registers instead (the bypass). Node n is in bank n mod BANKS of
// row n / BANKS; all buffers of a bank lie in one memory, with a copy for reading rows out. Sums are never cleared: a bit
// for each (its mark) tells whether this graph has touched it, and a row's marks are cleared as it is read out.
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
    parameter MAXIMUM = 0
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
    output reg [BANKS*COLUMNS*SUM_BITS-1:0] read_sums  // two clocks after `read`
);
    localparam WORD = COLUMNS * SUM_BITS;
    localparam KEY_BITS = BUFFER_BITS + INDEX_BITS;
    localparam ADDRESS_BITS = BUFFER_BITS + ROW_BITS;
    localparam DEPTH = BUFFERS << ROW_BITS;
    localparam BANK_BITS = $clog2(BANKS);
    localparam BANK_WIRES = BANKS > 1 ? BANK_BITS : 1;
    localparam LAST_BANK = BANKS - 1;
    wire [KEY_BITS-1:0] key = {add_buffer, add_node};
    wire [ROW_BITS-1:0] add_row = row_of(add_node);

    // Message by the clocks since it asked: 1 its old sum is there, 2 it is added, 3 it is written, 4 it can be read.
    reg valid_1, valid_2, valid_3;
    reg [KEY_BITS-1:0] key_1, key_2, key_3;
    reg [COLUMNS*VALUE_BITS-1:0] value_1, value_2;
    reg [WORD-1:0] old_2, sum_3, sum_4;
    reg near_1, near_2, near_3;  // the message this many before the one in clock 1 was for the same node
    reg follows;  // near_1, for the message in clock 2
    reg row_near_1, row_near_2, row_near_3;  // the same for its row
    reg [BANKS-1:0] mark_2, mark_3, marks_2, marks_3, marks_4;  // a message's own mark, and its row's with it
    wire [BANK_WIRES-1:0] bank_1 = key_1[BANK_WIRES-1:0] & LAST_BANK[BANK_WIRES-1:0];
    wire [BANKS-1:0] mark_1 = {{(BANKS-1){1'b0}}, 1'b1} << bank_1;
    wire [ROW_BITS-1:0] row_1 = row_of(key_1[INDEX_BITS-1:0]);
    wire [ROW_BITS-1:0] row_2 = row_of(key_2[INDEX_BITS-1:0]);
    wire [ROW_BITS-1:0] row_3 = row_of(key_3[INDEX_BITS-1:0]);
    wire [BUFFER_BITS-1:0] buffer_1 = key_1[KEY_BITS-1:INDEX_BITS];
    wire [BUFFER_BITS-1:0] buffer_2 = key_2[KEY_BITS-1:INDEX_BITS];
    wire [BUFFER_BITS-1:0] buffer_3 = key_3[KEY_BITS-1:INDEX_BITS];

    // Row by the clocks since it was asked for: 1 it is there and its marks are cleared.
    reg reading;
    reg [BUFFER_BITS-1:0] reading_buffer;
    reg [ROW_BITS-1:0] reading_row;

    wire [BANKS*WORD-1:0] old_sums, row_sums;
    wire [BUFFERS*BANKS-1:0] marks;
    wire [BANKS-1:0] old_marks = row_near_3 ? marks_4 : marks[buffer_1*BANKS +: BANKS];
    wire [BANKS-1:0] row_marks = marks[reading_buffer*BANKS +: BANKS];
    wire [WORD-1:0] stored = old_marks[bank_1] ? old_sums[bank_1*WORD +: WORD] : {WORD{1'b0}};
    wire [WORD-1:0] old_sum = follows ? sum_3 : old_2;
    wire [WORD-1:0] new_sum;

    function [ROW_BITS-1:0] row_of(input [INDEX_BITS-1:0] node);
        reg [ROW_BITS+INDEX_BITS-1:0] wide;
        begin
            wide = {{ROW_BITS{1'b0}}, node} >> BANK_BITS;
            row_of = wide[ROW_BITS-1:0];
        end
    endfunction

    genvar column, buffer, bank;
    generate
        for (column = 0; column < COLUMNS; column = column + 1) begin : columns
            wire [VALUE_BITS-1:0] value = value_2[column*VALUE_BITS +: VALUE_BITS];
            wire sign = VALUE_SIGNED != 0 && value[VALUE_BITS-1];
            wire [SUM_BITS-1:0] wide = {{(SUM_BITS-VALUE_BITS){sign}}, value};
            wire [SUM_BITS-1:0] so_far = old_sum[column*SUM_BITS +: SUM_BITS];
            assign new_sum[column*SUM_BITS +: SUM_BITS] =
                MAXIMUM == 0 ? so_far + wide : so_far > wide ? so_far : wide;
        end
        for (bank = 0; bank < BANKS; bank = bank + 1) begin : banks
            wire written = valid_3 && mark_3[bank];
            row_memory #(.BITS(WORD), .DEPTH(DEPTH), .ADDRESS_BITS(ADDRESS_BITS)) to_add (
                .clk(clk), .write(written), .write_address({buffer_3, row_3}), .write_data(sum_3),
                .read_address({add_buffer, add_row}), .read_data(old_sums[bank*WORD +: WORD]));
            row_memory #(.BITS(WORD), .DEPTH(DEPTH), .ADDRESS_BITS(ADDRESS_BITS)) to_read (
                .clk(clk), .write(written), .write_address({buffer_3, row_3}), .write_data(sum_3),
                .read_address({read_buffer, read_row}), .read_data(row_sums[bank*WORD +: WORD]));
            always @(posedge clk)
                read_sums[bank*WORD +: WORD] <= row_marks[bank] ? row_sums[bank*WORD +: WORD] : {WORD{1'b0}};
        end
        for (buffer = 0; buffer < BUFFERS; buffer = buffer + 1) begin : buffers
            wire adding = add && add_buffer == buffer;
            wire emptied = reading && reading_buffer == buffer;
            row_memory #(.BITS(BANKS), .DEPTH(ROWS), .ADDRESS_BITS(ROW_BITS)) marks_memory (
                .clk(clk), .write(clear || emptied || (valid_3 && buffer_3 == buffer)),
                .write_address(clear ? clear_row : emptied ? reading_row : row_3),
                .write_data(clear || emptied ? {BANKS{1'b0}} : marks_3),
                .read_address(adding ? add_row : read_row), .read_data(marks[buffer*BANKS +: BANKS]));
        end
    endgenerate

    always @(posedge clk) begin
        valid_1 <= add && !rst;
        valid_2 <= valid_1 && !rst;
        valid_3 <= valid_2 && !rst;
        key_1 <= key;
        key_2 <= key_1;
        key_3 <= key_2;
        value_1 <= add_value;
        value_2 <= value_1;
        near_1 <= valid_1 && key_1 == key;
        near_2 <= valid_2 && key_2 == key;
        near_3 <= valid_3 && key_3 == key;
        follows <= near_1;
        row_near_1 <= valid_1 && buffer_1 == add_buffer && row_1 == add_row;
        row_near_2 <= valid_2 && buffer_2 == add_buffer && row_2 == add_row;
        row_near_3 <= valid_3 && buffer_3 == add_buffer && row_3 == add_row;
        mark_2 <= mark_1;
        mark_3 <= mark_2;
        marks_2 <= old_marks | mark_1 | (row_near_1 ? mark_2 : {BANKS{1'b0}}) | (row_near_2 ? mark_3 : {BANKS{1'b0}});
        marks_3 <= marks_2;
        marks_4 <= marks_3;
        old_2 <= near_2 ? sum_3 : near_3 ? sum_4 : stored;
        sum_3 <= new_sum;
        sum_4 <= sum_3;
        reading <= read && !rst;
        reading_buffer <= read_buffer;
        reading_row <= read_row;
    end
endmodule
