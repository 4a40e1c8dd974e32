"""`edgetrack export`: a checkpoint → artefacts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.export.form import FormUnavailable
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.forms import (
    FLOAT_FORMS,
    FORMS,
    FormSettings,
    check_forms,
    descriptions,
    exportable,
    make_float_form,
    make_form,
)
from edgetrack.export.synthesis.place_and_route import PlaceConfig
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.scripts.console import Console
from edgetrack.scripts.hardware_tables import FigureConfig, Figures, add_figures
from edgetrack.scripts.option import option


@dataclass(frozen=True)
class ExportConfig:
    """Checkpoints and the forms to export them to."""

    to: tuple[str, ...] = option(exportable(), "forms, comma-separated", descriptions(exportable()))
    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint, for all forms but the float ones")
    float_checkpoint: str = option(DEFAULT_FLOAT, "float checkpoint, for the float forms")
    estimate: bool = option(True, "hardware: count LUT, FF, carry, memories with Yosys (an estimate)")
    slow_estimate: bool = option(True, "with --estimate: also designs that take minutes (accelerator)")
    place: bool = option(False, "accelerator: place and route on ECP5-85k for its clock and a bitstream (minutes)")
    placing: PlaceConfig = field(default_factory=PlaceConfig)
    settings: FormSettings = field(default_factory=FormSettings)


@dataclass
class Exported:
    """What became of each form."""

    exported: dict[str, str] = field(default_factory=dict)  # form → folder
    figures: Figures = field(default_factory=Figures)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `failed` where a form or a figure is not possible."""
        return {"exported": self.exported, **asdict(self.figures), "failed": bool(self.figures.impossible)}


def export(config: ExportConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Write a checkpoint in one or more forms, each into a folder of its own.

    With --place, the accelerator with few lanes (--set settings.accelerator.edge_lanes=2 --set
    settings.accelerator.node_lanes=1) is placed on a real device. A form whose tool is missing is listed as skipped;
    one that cannot hold the network, or whose tool fails, as not possible, and the exit status is 1.
    """
    check_forms(config.to, exportable(), "export to")
    if config.place and not any(name in FORMS and FORMS[name].place for name in config.to):
        able = ", ".join(kind.name for kind in FORMS.values() if kind.place)
        raise ValueError(f"--place is not for {', '.join(config.to)}; give --to {able}")
    floats = load_kind(config.float_checkpoint, "float") if set(config.to) & set(FLOAT_FORMS) else None
    source = quantized_source(load_kind(config.checkpoint, "quantised")) if set(config.to) - set(FLOAT_FORMS) else None
    wanted = FigureConfig(config.estimate, config.slow_estimate, config.place, config.settings.device, config.placing)
    found = Exported()
    for name in config.to:
        console.say(f"exporting {name} …")
        try:
            if name in FLOAT_FORMS:
                assert floats is not None
                make_float_form(name, floats, folder, config.settings)
            else:
                assert source is not None
                form = make_form(name, source, folder, config.settings)
        except FormUnavailable as error:
            found.figures.skipped[name] = str(error)
            continue
        except (ValueError, RuntimeError) as error:
            found.figures.impossible[name] = str(error)
            continue
        except Exception as error:  # tools raise what they will: it ends one form, never the verb
            found.figures.impossible[name] = f"{type(error).__name__}: {error}"
            continue
        found.exported[name] = str(folder / name)
        if name in FORMS:
            add_figures(found.figures, FORMS[name], form, wanted, console)
    console.table(
        "exported",
        ("form", "where"),
        [
            *found.exported.items(),
            *((name, f"skipped: {why}") for name, why in found.figures.skipped.items()),
            *((name, f"NOT POSSIBLE: {why}") for name, why in found.figures.impossible.items()),
        ],
    )
    return found.to_json()
