"""Float, Brevitas and every exported form side by side, on the same events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.atomic_write import atomic_path, write_text
from edgetrack.events.progress import Bars
from edgetrack.export.form import Capacity, FormUnavailable
from edgetrack.export.form_classifier import FormClassifier, classify, edge_classifier, in_sectors
from edgetrack.export.forms import DEFAULT_FORMS, FormSettings
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_loss import cutting_loss
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

# The integers on the graphs that hardware of fixed size gets, so equal to it in every figure.
IN_SECTORS = {"hls4ml": "integer in sectors", "accelerator": "integer in the accelerator's sectors"}


@dataclass(frozen=True)
class CompareConfig:
    """Which forms are compared, and how tracks are built and matched."""

    forms: tuple[str, ...] = DEFAULT_FORMS
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    settings: FormSettings = field(default_factory=FormSettings)


def compare_forms(
    config: CompareConfig,
    floats: Mapping[str, Checkpoint],
    quantised: Checkpoint,
    graphs: Sequence[HitGraph],
    folder: Path,
    artefacts: Path,
    bars: Bars,
) -> dict[str, Any]:
    """Figures of the float networks `floats` (by the name they are shown under; the first also as onnx) and of every
    form of `quantised`, each at the thresholds of its own checkpoint.

    Writes evaluation.json, the graphs (graphs/*.npz) and every form's logits (logits.npz, an array a form and graph).
    """
    entries = [(name, checkpoint, "float") for name, checkpoint in floats.items()]
    entries.append(("onnx", next(iter(floats.values())), "onnx"))
    entries += [(form, quantised, form) for form in config.forms]
    entries += [(name, quantised, name) for form, name in IN_SECTORS.items() if form in config.forms]
    results: dict[str, dict[str, Any]] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, checkpoint, form in entries:
        try:
            classifier = _classifier(checkpoint, form, artefacts, config.settings)
            with bars(name) as progress:
                logits = classify(classifier, graphs, progress)
        except FormUnavailable as error:
            results[name] = {"skipped": str(error)}
            continue
        except ValueError as error:
            results[name] = {"skipped": f"not possible: {error}"}
            continue
        results[name] = evaluate_scores(
            graphs, logits, checkpoint.threshold, checkpoint.logit_for_tracks, config.evaluation
        ).to_json()
        arrays |= {f"{name}/{index}": values for index, values in enumerate(logits)}
    for graph in graphs:
        save_graph(graph, folder / "graphs" / f"{graph.name}.npz")
    with atomic_path(folder / "logits.npz") as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    losses = {
        form: cutting_loss(graphs, config.settings.sectors_for(_capacity(form, config.settings)))
        for form in IN_SECTORS
        if form in config.forms
    }
    summary: dict[str, Any] = {
        "graphs": [graph.name for graph in graphs],
        "forms": results,
        "sectors": next(iter(losses.values()), {}),
        "sectors_by_form": losses,
    }
    write_text(folder / "evaluation.json", json.dumps(summary, indent=1))
    return summary


def _classifier(checkpoint: Checkpoint, form: str, artefacts: Path, settings: FormSettings) -> FormClassifier:
    for hardware, name in IN_SECTORS.items():
        if form == name:
            return in_sectors(checkpoint, _capacity(hardware, settings), artefacts, settings)
    return edge_classifier(checkpoint, form, artefacts, settings)


def _capacity(form: str, settings: FormSettings) -> Capacity:
    """The largest graph of a form of fixed size."""
    return settings.hls4ml.capacity if form == "hls4ml" else settings.accelerator.capacity
