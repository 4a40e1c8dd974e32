"""ONNX Runtime: where it is missing, it is named."""

import builtins
from typing import Any

import pytest

from edgetrack.export.form import FormUnavailable
from edgetrack.export.onnx.runtime import OnnxSession


def test_missing_runtime_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_runtime(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_runtime)
    with pytest.raises(FormUnavailable, match=r"edgetrack\[cpu\]"):
        OnnxSession(b"")
