"""`edgetrack export`: a checkpoint → artefacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.export.form import FormUnavailable
from edgetrack.export.forms import FORMS, FormSettings, make_form
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.scripts.console import Console
from edgetrack.scripts.networks import float_onnx, quantised_source
from edgetrack.scripts.option import option
from edgetrack.scripts.pretrained import DEFAULT_FLOAT, DEFAULT_QUANTISED, checkpoint_path

EXPORTABLE = ("onnx", *(name for name in FORMS if name != "brevitas"))


@dataclass(frozen=True)
class ExportConfig:
    """Checkpoints and the forms to export them to."""

    to: tuple[str, ...] = option(EXPORTABLE, "forms, comma-separated")
    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint: integer, qonnx, qcdq, hls4ml, rtl")
    float_checkpoint: str = option(DEFAULT_FLOAT, "float checkpoint: onnx")
    settings: FormSettings = field(default_factory=FormSettings)


def export(config: ExportConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Write a checkpoint in one or more forms, each into a folder of its own.

    onnx: the float network, dynamic sizes, as TensorRT takes it. integer: the golden model. qonnx, qcdq: the complete
    quantised network. hls4ml: one project of the complete edge classifier. rtl: each MLP as a Verilog pipeline.
    A form whose tool is missing is listed as skipped.
    """
    unknown = set(config.to) - set(EXPORTABLE)
    if unknown or not config.to:
        raise ValueError(f"cannot export to {sorted(unknown)}; known forms: {', '.join(EXPORTABLE)}")
    exported: dict[str, str] = {}
    skipped: dict[str, str] = {}
    quantised = [name for name in config.to if name != "onnx"]
    if "onnx" in config.to:
        float_onnx(load_checkpoint(checkpoint_path(config.float_checkpoint)), folder)
        exported["onnx"] = str(folder / "onnx")
    if quantised:
        source = quantised_source(load_checkpoint(checkpoint_path(config.checkpoint)))
        for name in quantised:
            console.say(f"exporting {name} …")
            try:
                make_form(name, source, folder, config.settings)
                exported[name] = str(folder / name)
            except FormUnavailable as error:
                skipped[name] = str(error)
    console.table("exported", ("form", "where"),
                  [*exported.items(), *((name, f"skipped: {why}") for name, why in skipped.items())])
    return {"exported": exported, "skipped": skipped}
