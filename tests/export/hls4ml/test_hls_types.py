"""Types written for hls4ml hold exactly what the formats hold."""

from edgetrack.export.hls4ml.types import accumulator, common, exact, requantized, unsigned
from edgetrack.quantize.fixed_point import Format


def test_requantised_types_name_width_integer_bits_and_modes() -> None:
    assert requantized(Format(8, -7)) == "fixed<8,1,RND_CONV,SAT>"
    assert requantized(Format(8, -5, narrow=True)) == "fixed<8,3,RND_CONV,SAT_SYM>"
    assert requantized(Format(8, -6, signed=False)) == "ufixed<8,2,RND_CONV,SAT>"
    assert requantized(Format(6, -9)) == "fixed<6,-3,RND_CONV,SAT>"


def test_exact_and_unsigned_types_are_wide_enough() -> None:
    assert exact(19, -12) == "fixed<19,7>"
    assert [unsigned(largest) for largest in (0, 1, 2, 255, 256)] == [
        "uint<1>",
        "uint<1>",
        "uint<2>",
        "uint<8>",
        "uint<9>",
    ]


def test_common_type_holds_every_part() -> None:
    assert common([Format(8, -7)]) == "fixed<8,1>"
    assert common([Format(8, -7), Format(6, -2)]) == "fixed<11,4>"  # −8 … 7.99 in steps of 2⁻⁷
    assert common([Format(8, -4, signed=False), Format(4, -2)]) == "fixed<9,5>"  # 0 … 15.9 needs a sign bit now
    assert common([Format(8, -4, signed=False), Format(9, -4, signed=False)]) == "ufixed<9,5>"


def test_accumulators_reach_the_bit_that_decides_the_rounding() -> None:
    assert accumulator(19, -12, Format(8, -7)) == exact(19, -12)
    assert accumulator(1, -12, Format(8, -5)) == "fixed<7,-5>"  # all zeros
    assert accumulator(1, -5, Format(8, -5)) == "fixed<1,-4>"
