"""Reading codes back from floats: exact integers, or an error with its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import InexactForm


@given(st.lists(st.integers(-(2**24), 2**24)), st.integers(-20, 20))
def test_exact_multiples_become_their_codes(codes: list[int], exponent: int) -> None:
    values = (np.array(codes, np.float64) * 2.0**exponent).astype(np.float32)
    np.testing.assert_array_equal(exact_codes("phi", values, exponent), np.array(codes, np.int64))


@pytest.mark.parametrize("wrong", [0.0625, -0.1, float("nan"), float("inf")])
def test_any_other_number_is_an_error_with_its_place(wrong: float) -> None:
    values = np.zeros((3, 2), np.float32)
    values[2, 1] = wrong
    with pytest.raises(InexactForm, match=r"phi_o\[2, 1\] = .* is no multiple of 2\^-3 \(1 such values\)") as caught:
        exact_codes("phi_o", values, -3)
    assert (caught.value.layer, caught.value.index) == ("phi_o", (2, 1))
