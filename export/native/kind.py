"""The native runtime among the forms."""

from __future__ import annotations

from pathlib import Path

from edgetrack.export.kind import FloatKind, FormKind, NoSettings, Source
from edgetrack.export.native.float_form import NativeFloat
from edgetrack.export.native.form import NativeConfig, NativeForm
from edgetrack.export.native.package import write_package


def export_native(source: Source, folder: Path, config: NativeConfig) -> NativeForm:
    """The form, compiled, and its sources in `folder`. Raises FormUnavailable without a compiler."""
    form = NativeForm(source.model, config)
    write_package(next(iter(form.models.values())).source, folder)
    return form


NATIVE: FormKind[NativeForm, NativeConfig] = FormKind(
    "native",
    export_native,
    description="C++17 for CPUs, graphs of any size, on every path that this processor has (VNNI, AVX2, portable)",
    settings=NativeConfig,
)

NATIVE_FLOAT: FloatKind[NoSettings] = FloatKind(
    "native_float",
    lambda network, folder, settings: NativeFloat(network).logits,
    description="the float network as C++17 for CPUs, graphs of any size, on the fastest path that this processor has",
    writes=False,
)
