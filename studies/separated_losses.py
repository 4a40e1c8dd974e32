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
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, float_network, load_checkpoint
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
    """The float networks by name, the largest first.

    What is not given is opened by the name in the checkpoint's config, and must be what stood there when it was made.
    """
    named: dict[str, str | None] = {key: checkpoint.config.get(key) for key in ("teacher", "checkpoint")}
    if not (floats.compact or named["checkpoint"]):
        raise ValueError("the checkpoint does not name the float network that it was made from; give --compact-float")
    networks = {}
    for name, key, given, remedy in (
        ("float", "teacher", floats.full, "--full-float"),
        ("compact float", "checkpoint", floats.compact, "--compact-float"),
    ):
        source = given or named[key]
        if source:
            found = _float_checkpoint(source, remedy)
            if not given:
                _check_origin(found, source, checkpoint.config.get("sha256", {}).get(key), remedy)
            networks[name] = _reference(found)
    return networks


def _float_checkpoint(source: str, remedy: str) -> Checkpoint:
    try:
        path = checkpoint_path(source)
    except ValueError as error:
        raise ValueError(f"{error}; give {remedy}") from error
    checkpoint = load_checkpoint(path)
    if checkpoint.kind != "float":
        raise ValueError(f"{source!r} is a {checkpoint.kind} checkpoint, wanted a float one; give {remedy}")
    return checkpoint


def _check_origin(found: Checkpoint, source: str, wanted: str | None, remedy: str) -> None:
    """Raise ValueError where `source` no longer leads to the network that the quantised one was made from."""
    got = checkpoint_digest(found)
    if got != wanted:
        raise ValueError(
            f"{source!r}, named in the quantised checkpoint's config, has the SHA-256 {got}, wanted "
            f"{wanted or 'the one of its training, which the config does not tell'}: it may be another network; give "
            f"{remedy} FILE to compare with it all the same"
        )


def _reference(checkpoint: Checkpoint) -> FloatReference:
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
