// Rows of a stream out of words, so that a wide stream comes in at few pins: the first word holds the row's lowest
// bits. A row of WORDS words takes WORDS + 1 clocks. `word_tready` is a register's output.
module words_to_row #(
    parameter WORD_BITS = 16,
    parameter ROW_BITS = 40,
    parameter WORDS = 3,  // ceil(ROW_BITS / WORD_BITS)
    parameter COUNT_BITS = 2
) (
    input wire clk,
    input wire rst,
    input wire word_tvalid,
    output wire word_tready,
    input wire [WORD_BITS-1:0] word_tdata,
    output wire row_tvalid,
    input wire row_tready,
    output wire [ROW_BITS-1:0] row
);
    localparam LAST_WORD = WORDS - 1;
    localparam [COUNT_BITS-1:0] LAST = LAST_WORD[COUNT_BITS-1:0];
    reg [WORDS*WORD_BITS-1:0] words;
    reg [COUNT_BITS-1:0] count;
    reg full;
    assign word_tready = !full;
    assign row_tvalid = full;
    assign row = words[ROW_BITS-1:0];
    wire take = word_tvalid && !full;
    wire [(WORDS+1)*WORD_BITS-1:0] moved = {word_tdata, words};
    always @(posedge clk) begin
        if (take) words <= moved[(WORDS+1)*WORD_BITS-1:WORD_BITS];
        if (rst) begin
            count <= 0;
            full <= 1'b0;
        end else begin
            if (take) count <= count == LAST ? {COUNT_BITS{1'b0}} : count + 1'b1;
            full <= take ? count == LAST : full && !row_tready;
        end
    end
endmodule
