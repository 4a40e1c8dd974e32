"""Formulas of the parts against counts by hand, and instances read from Verilog."""

import pytest

from edgetrack.export.accelerator.resource_model import part_resources
from edgetrack.export.resources.part_instances import Instance, read_instances
from edgetrack.export.resources.part_resources import PARTS, Amount, Inner


def test_a_gather_is_a_row_of_banks_and_a_chooser() -> None:
    # 4 banks of 24 bits: a row of 96 bits × 64 rows in 14 RAM64M8; LUTs choose the bank, and add an index of 6 bits.
    own, inner = PARTS["gather"]({"BITS": 24, "BANKS": 4, "DEPTH": 64, "ADDRESS_BITS": 6, "INDEX_BITS": 8})
    assert own == Amount(lut=24 + 6, ff=24 + 6 + 2 * 2, carry4=2)
    assert inner == (Inner("row_memory", {"BITS": 96, "DEPTH": 64}),)
    assert part_resources(inner[0]) == Amount(lut=14 * 8, ff=96, lutram=14 * 8)


def test_an_adder_tree_grows_a_bit_a_level() -> None:
    # 8 + 8 + 8 bits: one adder of 8 bits to 9, one number waits; then one of 9 bits to 10.
    own, inner = PARTS["adder_tree"]({"TERMS": 3, "LEVELS": 2, "TERM_BITS": 8, "SUM_BITS": 12, "MAXIMUM": 0})
    assert own == Amount(lut=8 + 9, ff=9 + 8 + 10, carry4=3 + 3)
    assert inner == ()


@pytest.mark.parametrize(
    ("cycles", "reset", "wanted"),
    [
        (0, 0, Amount()),
        (2, 0, Amount(ff=20)),
        (3, 0, Amount(lut=10)),
        (33, 0, Amount(lut=20)),
        (3, 1, Amount(ff=30)),
    ],
)
def test_long_delays_are_shift_registers_unless_they_are_emptied(cycles: int, reset: int, wanted: Amount) -> None:
    assert PARTS["delay_line"]({"BITS": 10, "CYCLES": cycles, "RESET": reset})[0] == wanted


def test_accumulators_are_counted_by_lane_buffer_and_bank() -> None:
    sums = Inner(
        "scatter_sum",
        {
            "LANES": 4,
            "BANKS": 2,
            "ROWS": 512,
            "ROW_BITS": 9,
            "INDEX_BITS": 10,
            "BUFFERS": 3,
            "BUFFER_BITS": 2,
            "COLUMNS": 2,
            "VALUE_BITS": 8,
            "VALUE_SIGNED": 1,
            "LANE_BITS": 18,
            "SUM_BITS": 20,
            "TREE_LEVELS": 2,
            "MAXIMUM": 0,
        },
    )
    # In each of 4 lanes 2 banks of 36 bits × 3 · 512 rows, three halves of a block, twice: to add and to read.
    assert part_resources(sums).bram36 == 4 * 2 * 2 * 1.5


def test_a_part_without_formula_stops() -> None:
    with pytest.raises(ValueError, match="part 'divider' has no formula"):
        part_resources(Inner("divider", {"BITS": 3}))


def test_instances_in_loops_count_as_often_as_they_go_round() -> None:
    verilog = """
module top (input wire clk);
    semaphore #(.FIRST(4), .BITS(3)) slots (
        .clk(clk));
    generate for (lane = 0; lane < 3; lane = lane + 1) begin : lanes
        gather #(.BITS(24), .BANKS(2),
                 .DEPTH(8)) memory (
            .clk(clk), .out(x[lane*24 +: 24]));
        phi_pipeline kernel (
            .clk(clk), .model_inp(x));
    end endgenerate
    requantize #(.LOWEST(-128), .SHIFT(-1), .BREAK(BREAK)) format (.clk(clk));
endmodule
"""
    assert read_instances(verilog) == [
        Instance("semaphore", "slots", {"FIRST": 4, "BITS": 3}, 1),
        Instance("gather", "memory", {"BITS": 24, "BANKS": 2, "DEPTH": 8}, 3),
        Instance("phi_pipeline", "kernel", {}, 3),
        Instance("requantize", "format", {"LOWEST": -128, "SHIFT": -1}, 1),
    ]
