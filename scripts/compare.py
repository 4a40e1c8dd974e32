"""Float, Brevitas and every exported form side by side, on the same events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.storage import atomic_path, write_text
from edgetrack.export.form import Capacity, FormUnavailable
from edgetrack.export.forms import DEFAULT_FORMS, FormSettings
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import classify, cutting_loss, warn_of_lost_edges
from edgetrack.scripts.networks import EdgeClassifier, edge_classifier, in_sectors
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

SHOWN = ("edge_accuracy", "edge_efficiency", "edge_purity", "auc", "double_majority", "perfect", "fake_rate")


# The integers on the graphs that hardware of fixed size gets, so equal to it in every figure.
IN_SECTORS = {"hls4ml": "integer in sectors", "accelerator": "integer in the accelerator's sectors"}


@dataclass(frozen=True)
class CompareConfig:
    """Which forms are compared, and how tracks are built and matched."""

    forms: tuple[str, ...] = DEFAULT_FORMS
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    settings: FormSettings = field(default_factory=FormSettings)


def compare(
    config: CompareConfig,
    floats: dict[str, Checkpoint],
    quantised: Checkpoint,
    graphs: Sequence[HitGraph],
    folder: Path,
    artefacts: Path,
    console: Console,
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
            logits = classify(_classifier(checkpoint, form, artefacts, config.settings), graphs, console, name)
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
    console.table(
        f"{len(graphs)} graphs",
        ("form", *SHOWN),
        [(name, *(_shown(result, key) for key in SHOWN)) for name, result in results.items()],
    )
    for form, loss in losses.items():
        warn_of_lost_edges(form, loss, console)
    return summary


def _classifier(checkpoint: Checkpoint, form: str, artefacts: Path, settings: FormSettings) -> EdgeClassifier:
    for hardware, name in IN_SECTORS.items():
        if form == name:
            return in_sectors(checkpoint, _capacity(hardware, settings), artefacts, settings)
    return edge_classifier(checkpoint, form, artefacts, settings)


def _capacity(form: str, settings: FormSettings) -> Capacity:
    """The largest graph of a form of fixed size."""
    return settings.hls4ml.capacity if form == "hls4ml" else settings.accelerator.capacity


def _shown(result: dict[str, Any], key: str) -> str:
    value, error = result.get(key), result.get(f"{key}_error")
    return "–" if value is None else f"{value:.4f}" + (f" ± {error:.4f}" if error is not None else "")
