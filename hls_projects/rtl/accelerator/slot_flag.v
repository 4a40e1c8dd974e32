// One flag of every slot: down as its graph begins, up where one of RAISERS, each with a slot, says so.
module slot_flag #(
    parameter SLOTS = 2,
    parameter SLOT_BITS = 1,
    parameter RAISERS = 2
) (
    input wire clk,
    input wire begins,
    input wire [SLOT_BITS-1:0] begins_slot,
    input wire [RAISERS-1:0] raise,
    input wire [RAISERS*SLOT_BITS-1:0] raise_slot,
    input wire [SLOT_BITS-1:0] slot,
    output wire flag
);
    reg [SLOTS-1:0] flags;
    genvar one, raiser;
    generate
        for (one = 0; one < SLOTS; one = one + 1) begin : slots
            localparam PLACE = one;
            localparam [SLOT_BITS-1:0] OWN = PLACE[SLOT_BITS-1:0];
            wire [RAISERS-1:0] raised;
            for (raiser = 0; raiser < RAISERS; raiser = raiser + 1) begin : raisers
                assign raised[raiser] = raise[raiser] && raise_slot[raiser*SLOT_BITS +: SLOT_BITS] == OWN;
            end
            always @(posedge clk) flags[one] <= raised != 0 || (flags[one] && !(begins && begins_slot == OWN));
        end
    endgenerate
    assign flag = flags[slot];
endmodule
