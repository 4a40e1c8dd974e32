"""The rounding rule, exhaustively on small codes and by properties beyond."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.quantize.fixed_point import Format, shift_round_half_even, signed_bits


@pytest.mark.parametrize("shift", range(-4, 12))
def test_shift_equals_python_rounding_of_exact_fractions(shift: int) -> None:
    codes = np.arange(-4096, 4097, dtype=np.int64)
    expected = [round(Fraction(int(code)) / Fraction(2) ** shift) for code in codes]  # Python rounds half to even
    np.testing.assert_array_equal(shift_round_half_even(codes, shift), expected)


@given(st.integers(-(2**50), 2**50), st.integers(0, 40))
def test_shift_is_nearest_and_ties_are_even(code: int, shift: int) -> None:
    got = int(shift_round_half_even(np.array([code], np.int64), shift)[0])
    assert got == round(Fraction(code, 2**shift))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize(("signed", "narrow"), [(True, False), (True, True), (False, False)])
def test_every_code_survives_dequantize_and_quantize(bits: int, signed: bool, narrow: bool) -> None:
    for exponent in (-9, -3, 0, 2):
        fmt = Format(bits, exponent, signed, narrow)
        codes = fmt.codes()
        assert len(codes) == 2**bits - int(narrow)
        np.testing.assert_array_equal(fmt.quantize(fmt.dequantize(codes)), codes)


def test_quantize_saturates_and_rounds_half_to_even() -> None:
    fmt = Format(4, -1)
    np.testing.assert_array_equal(fmt.quantize([-9, 9, 0.25, 0.75, -0.25]), [-8, 7, 0, 2, 0])
    np.testing.assert_array_equal(Format(4, -1, narrow=True).quantize([-9.0]), [-7])
    np.testing.assert_array_equal(Format(4, 0, signed=False).quantize([-3, 20]), [0, 15])
    np.testing.assert_array_equal(fmt.quantize([np.inf, -np.inf]), [7, -8])


def test_quantize_refuses_nan() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Format(8, -7).quantize([0.0, np.nan])


def test_requantize_equals_quantize_of_the_real_value() -> None:
    codes = np.arange(-3000, 3001, dtype=np.int64)
    for fmt in (Format(8, -4), Format(6, -9, narrow=True), Format(8, -3, signed=False)):
        np.testing.assert_array_equal(fmt.requantize(codes, -9), fmt.quantize(codes * 2.0**-9))


@given(st.integers(0, 2**40))
def test_signed_bits_hold_both_signs(magnitude: int) -> None:
    bits = signed_bits(magnitude)
    assert -(2 ** (bits - 1)) <= -magnitude <= magnitude < 2 ** (bits - 1)


@pytest.mark.parametrize("arguments", [(0, 0), (40, 0), (1, 0, True), (8, 0, False, True)])
def test_impossible_formats_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"bits|narrow"):
        Format(*arguments)
