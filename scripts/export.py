"""`edgetrack export`: a checkpoint → artefacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.export.form import Form, FormUnavailable
from edgetrack.export.form_classifier import float_onnx, quantized_source
from edgetrack.export.forms import DEFAULT_FORMS, FORMS, FormSettings, make_form
from edgetrack.export.synthesis.place_and_route import PlaceConfig
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.scripts.console import Console
from edgetrack.scripts.explore import ExploreConfig, explore_designs
from edgetrack.scripts.hardware_figures import FigureConfig, hardware_figures
from edgetrack.scripts.option import option

EXPORTABLE = ("onnx", *(name for name in FORMS if name != "brevitas"))
DEFAULT = tuple(name for name in EXPORTABLE if name == "onnx" or name in DEFAULT_FORMS)


@dataclass(frozen=True)
class ExportConfig:
    """Checkpoints and the forms to export them to."""

    to: tuple[str, ...] = option(DEFAULT, "forms, comma-separated")
    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint: integer, qonnx, qcdq, hls4ml, rtl, accelerator")
    float_checkpoint: str = option(DEFAULT_FLOAT, "float checkpoint: onnx")
    estimate: bool = option(True, "rtl, accelerator: count LUT, FF, carry, memories with Yosys (an estimate, minutes)")
    place: bool = option(False, "accelerator: place and route on ECP5-85k for its clock and a bitstream (minutes)")
    placing: PlaceConfig = field(default_factory=PlaceConfig)
    settings: FormSettings = field(default_factory=FormSettings)
    explore: bool = option(False, "rtl, accelerator: explore lanes, widths and hidden units, choose; export nothing")
    check: int = option(0, "explore: build so many of the best designs, and compare the formulas with them (minutes)")
    exploration: ExploreConfig = field(default_factory=ExploreConfig)


def export(config: ExportConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Write a checkpoint in one or more forms, each into a folder of its own.

    onnx: the float network, dynamic sizes, as TensorRT takes it. integer: the golden model. qonnx, qcdq: the complete
    quantised network. hls4ml: one project of the complete edge classifier. rtl: each MLP as a Verilog pipeline.
    accelerator: the whole network as one streaming Verilog design; with --place, few lanes of it
    (--set settings.accelerator.edge_lanes=2 --set settings.accelerator.node_lanes=1) on a real device.
    A form whose tool is missing is listed as skipped; so is one that cannot hold the network, and the exit status is 1.

    --to rtl --explore: latency, interval, LUTs, flip-flops and memories of every accelerator of a grid (edge and node
    lanes, hidden units, widths, pipelining), by formulas, in seconds once the pipelines are known; the best that fits
    a share of a device under a latency, with the settings to export it; tables, a picture. By default: 660 nodes and
    1,320 edges, 40 % of a VU9P, under 2 µs. For instance --set exploration.limits.latency_us=1
    --set exploration.device=xcvu13p --set exploration.grid.hidden=[8,16] --set exploration.weights=checkpoint;
    --print-config shows all of it.
    """
    unknown = set(config.to) - set(EXPORTABLE)
    if unknown or not config.to:
        raise ValueError(f"cannot export to {sorted(unknown)}; known forms: {', '.join(EXPORTABLE)}")
    if config.place and "accelerator" not in config.to:
        raise ValueError(f"--place is about the accelerator, not {', '.join(config.to)}; give --to accelerator")
    if config.explore:
        if not set(config.to) & {"rtl", "accelerator"}:
            raise ValueError(f"--explore is about hardware, not {', '.join(config.to)}; give --to rtl")
        found = explore_designs(config.exploration, config.checkpoint, config.check, folder, console)
        return {
            "exported": {},
            "skipped": {},
            "resources": {},
            "explore": found,
            "failed": not all(one["exact"] for one in found.get("checks", ())),
        }
    floats = load_kind(config.float_checkpoint, "float") if "onnx" in config.to else None
    source = quantized_source(load_kind(config.checkpoint, "quantised")) if set(config.to) - {"onnx"} else None
    exported: dict[str, str] = {}
    skipped: dict[str, str] = {}
    figures: dict[str, Any] = {}
    failed = False
    for name in config.to:
        console.say(f"exporting {name} …")
        form: Form | None = None
        try:
            if name == "onnx" and floats is not None:
                float_onnx(floats, folder)
            elif source is not None:
                form = make_form(name, source, folder, config.settings)
        except FormUnavailable as error:
            skipped[name] = str(error)
            continue
        except ValueError as error:
            skipped[name] = f"not possible: {error}"
            failed = True
            continue
        exported[name] = str(folder / name)
        made, left_out = hardware_figures(
            form, FigureConfig(config.estimate, config.place, config.settings.hls4ml.part, config.placing), console
        )
        figures |= made
        skipped |= left_out
        failed = failed or any(why.startswith("not possible") for why in left_out.values())
    console.table(
        "exported",
        ("form", "where"),
        [*exported.items(), *((name, f"skipped: {why}") for name, why in skipped.items())],
    )
    return {"exported": exported, "skipped": skipped, "resources": {}, **figures, "failed": failed}
