// Words out of the rows of a stream, so that a wide stream leaves at few pins: the row's lowest bits come first. A row
// of WORDS words takes WORDS + 1 clocks.
module row_to_words #(
    parameter WORD_BITS = 16,
    parameter ROW_BITS = 40,
    parameter WORDS = 3,  // ceil(ROW_BITS / WORD_BITS)
    parameter COUNT_BITS = 2
) (
    input wire clk,
    input wire rst,
    input wire row_tvalid,
    output wire row_tready,
    input wire [ROW_BITS-1:0] row,
    output wire word_tvalid,
    input wire word_tready,
    output wire [WORD_BITS-1:0] word_tdata
);
    localparam LAST_WORD = WORDS - 1;
    localparam [COUNT_BITS-1:0] LAST = LAST_WORD[COUNT_BITS-1:0];
    reg [WORDS*WORD_BITS-1:0] words;
    reg [COUNT_BITS-1:0] count;
    reg busy;
    assign row_tready = !busy;
    assign word_tvalid = busy;
    assign word_tdata = words[WORD_BITS-1:0];
    wire give = busy && word_tready;
    wire [(WORDS+1)*WORD_BITS-1:0] shifted = {{WORD_BITS{1'b0}}, words};
    wire [ROW_BITS+WORD_BITS-1:0] padded = {{WORD_BITS{1'b0}}, row};
    always @(posedge clk) begin
        if (!busy) words <= padded[WORDS*WORD_BITS-1:0];
        else if (give) words <= shifted[(WORDS+1)*WORD_BITS-1:WORD_BITS];
        if (rst) begin
            count <= 0;
            busy <= 1'b0;
        end else begin
            if (give) count <= count == LAST ? {COUNT_BITS{1'b0}} : count + 1'b1;
            busy <= busy ? !(give && count == LAST) : row_tvalid;
        end
    end
endmodule
