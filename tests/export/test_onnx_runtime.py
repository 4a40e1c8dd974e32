"""Reading codes back from float tensors: exact integers or an error; a missing runtime is named."""

import builtins
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.export.form import FormUnavailable
from edgetrack.export.onnx_runtime import InexactTensor, OnnxSession, to_codes


@given(st.lists(st.integers(-(2**24), 2**24)), st.integers(-20, 20))
def test_exact_multiples_become_their_codes(codes: list[int], exponent: int) -> None:
    values = (np.array(codes, np.float64) * 2.0**exponent).astype(np.float32)
    np.testing.assert_array_equal(to_codes(values, exponent, "phi"), np.array(codes, np.int64))


@pytest.mark.parametrize("wrong", [0.0625, -0.1, float("nan"), float("inf")])
def test_any_other_number_is_an_error_with_its_place(wrong: float) -> None:
    values = np.zeros((3, 2), np.float32)
    values[2, 1] = wrong
    with pytest.raises(InexactTensor, match=r"phi_o\[2, 1\] = .* is no multiple of 2\^-3 \(1 such values\)"):
        to_codes(values, -3, "phi_o")


def test_missing_runtime_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_runtime(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_runtime)
    with pytest.raises(FormUnavailable, match=r"edgetrack\[cpu\]"):
        OnnxSession(b"")
