"""`edgetrack export`: a checkpoint → artefacts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.export.form import FormUnavailable
from edgetrack.export.forms import FORMS, FormSettings, make_form
from edgetrack.export.rtl import RtlForm
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.quantize.integer_model import IntegerModel
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
    estimate: bool = option(True, "rtl: count LUT, FF and carry of each MLP with Yosys (an estimate, tens of seconds)")
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
    resources: dict[str, dict[str, Any]] = {}
    quantised = [name for name in config.to if name != "onnx"]
    if "onnx" in config.to:
        float_onnx(load_checkpoint(checkpoint_path(config.float_checkpoint)), folder)
        exported["onnx"] = str(folder / "onnx")
    if quantised:
        source = quantised_source(load_checkpoint(checkpoint_path(config.checkpoint)))
        for name in quantised:
            console.say(f"exporting {name} …")
            try:
                form = make_form(name, source, folder, config.settings)
                exported[name] = str(folder / name)
                if config.estimate and isinstance(form, RtlForm):
                    resources = _estimates(form, source.model, console)
            except FormUnavailable as error:
                skipped[name] = str(error)
    console.table("exported", ("form", "where"),
                  [*exported.items(), *((name, f"skipped: {why}") for name, why in skipped.items())])
    return {"exported": exported, "skipped": skipped, "resources": resources}


def _estimates(form: RtlForm, model: IntegerModel, console: Console) -> dict[str, dict[str, Any]]:
    """Yosys' counts for each MLP: technology mapping only, no place and route behind them."""
    names = [mlp.name for mlp in model.description.mlps]
    made: dict[str, dict[str, Any]] = {}
    with console.progress("yosys") as report:
        for done, name in enumerate(names, 1):
            made[name] = asdict(form.estimate(name))
            report(done, len(names))
    columns = list(next(iter(made.values())))
    console.table("estimates by Yosys for UltraScale+, not placed and routed", ("MLP", *columns),
                  [(name, *(counts[column] for column in columns)) for name, counts in made.items()])
    return made
