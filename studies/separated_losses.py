"""`edgetrack evaluate --separate-losses`: the hardware beside the float networks that it came from, cause by cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgetrack.events.progress import Bars
from edgetrack.export.form_classifier import AUTO, form_codes, quantized_source
from edgetrack.export.forms import FORMS, STAND_IN, FormSettings, make_form
from edgetrack.export.integer import INTEGER
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.studies.loss_separation import FloatReference, Separation, separate
from edgetrack.studies.sector_hardware import Hardware
from edgetrack.tracks.evaluation import EvaluationConfig

OF: dict[str, Literal["right", "matched"]] = {"edge_accuracy": "right", "double_majority": "matched"}


@dataclass(frozen=True)
class FloatNames:
    """Float checkpoints that a quantised one is compared with; default: those that its own config names."""

    full: str | None = None  # its teacher; none where it had none
    compact: str | None = None  # the network that it was retrained from


def separated(
    checkpoint: Checkpoint,
    form: str,
    graphs: Sequence[HitGraph],
    floats: FloatNames,
    settings: FormSettings,
    evaluation: EvaluationConfig,
    folder: Path,
    bars: Bars,
) -> tuple[Hardware, Separation]:
    """Run a quantised checkpoint in a form of fixed size, and all that it is compared with.

    The forms auto and integer run the integers in the sectors of the accelerator, without hardware.
    Raises ValueError for a float checkpoint, a form without a size, or float checkpoints that cannot be found.
    """
    if checkpoint.kind != "quantised":
        raise ValueError("--separate-losses tells the loss of bits from that of sectors; take a quantised checkpoint")
    networks = float_networks(checkpoint, floats)
    hardware = _hardware(checkpoint, form, settings, folder)
    with bars(f"{hardware.name} in sectors") as progress:
        return hardware, separate(graphs, networks, hardware, evaluation, progress)


def float_networks(checkpoint: Checkpoint, floats: FloatNames) -> dict[str, FloatReference]:
    """The float networks by name, the largest first."""
    full = floats.full or checkpoint.config.get("teacher")
    compact = floats.compact or checkpoint.config.get("checkpoint")
    if not compact:
        raise ValueError("the checkpoint does not name the float network that it was made from; give --compact-float")
    networks = {}
    for name, source in (("float", full), ("compact float", compact)):
        if source:
            networks[name] = _network(source, "--full-float" if name == "float" else "--compact-float")
    return networks


def _network(source: str, remedy: str) -> FloatReference:
    try:
        path = checkpoint_path(source)
    except ValueError as error:
        raise ValueError(f"{error}; give {remedy}") from error
    checkpoint = load_checkpoint(path)
    if checkpoint.kind != "float":
        raise ValueError(f"{source!r} is a {checkpoint.kind} checkpoint, wanted a float one; give {remedy}")
    network = float_network(checkpoint)
    return FloatReference(
        lambda graphs: edge_logits(network, graphs), checkpoint.threshold, checkpoint.logit_for_tracks
    )


def _hardware(checkpoint: Checkpoint, name: str, settings: FormSettings, folder: Path) -> Hardware:
    source = quantized_source(checkpoint)
    own = checkpoint.threshold, checkpoint.logit_for_tracks
    if name in (AUTO, INTEGER.name):
        capacity = settings.capacity(FORMS[STAND_IN])
        assert capacity is not None
        return Hardware(INTEGER.name, source.model, None, settings.sectors_for(capacity), *own)
    form = make_form(name, source, folder, settings)
    if form.capacity is None:
        raise ValueError(
            f"form {name!r} takes graphs of any size, so it loses nothing by sectors; take "
            f"{' or '.join(kind.name for kind in FORMS.values() if kind.capacity)}, or {INTEGER.name} for the sectors "
            f"of {STAND_IN} without its simulation"
        )
    return Hardware(
        name,
        source.model,
        lambda graphs: form_codes(source.model, form, graphs),
        settings.sectors_for(form.capacity),
        *own,
    )


def separation_json(separation: Separation) -> dict[str, Any]:
    """Plain values: rows with figures, changes by cause (added to the fraction; negative is a loss), equality."""
    equality = separation.equality
    return {
        "rows": [{"name": row.name, **row.figures} for row in (*separation.rows, *separation.aside)],
        "changes": {
            figure: {
                cause: {
                    "value": changed.value,
                    "error": changed.error,
                    "gained": changed.gained,
                    "lost": changed.lost,
                    "of": changed.trials,
                }
                for cause, changed in separation.changes(of).items()
            }
            for figure, of in OF.items()
        },
        "equality": None
        if equality is None
        else {
            "sectors": equality.runs,
            "integers": equality.values,
            "distinct": len(equality.outputs),
            "mismatches": equality.mismatches,
            "first": str(equality.first or ""),
        },
    }
