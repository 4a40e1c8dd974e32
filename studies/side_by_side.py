"""Float, Brevitas and every exported form side by side, on the same events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import atomic_path, write_text
from edgetrack.events.progress import Bars
from edgetrack.export.form import Capacity, FormUnavailable
from edgetrack.export.form_classifier import AUTO, FormClassifier, classify, edge_classifier, in_sectors
from edgetrack.export.forms import DEFAULT_FORMS, FLOAT_FORMS, FORMS, FormSettings
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sector_loss import cutting_loss
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores, perfect_scores


@dataclass(frozen=True)
class CompareConfig:
    """Which forms are compared, and how tracks are built and matched."""

    forms: tuple[str, ...] = DEFAULT_FORMS
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    settings: FormSettings = field(default_factory=FormSettings)


@dataclass(frozen=True)
class Entry:
    """A row of the table: its name, the checkpoint with its thresholds, and how its classifier is made."""

    name: str
    checkpoint: Checkpoint
    make: Callable[[], FormClassifier]


def compare_forms(
    config: CompareConfig,
    floats: Mapping[str, Checkpoint],
    quantized: Checkpoint,
    graphs: Sequence[HitGraph],
    folder: Path,
    artefacts: Path,
    bars: Bars,
) -> dict[str, Any]:
    """Figures of the float networks `floats` (by the name they are shown under; the first also in every float form) and
    of every form of `quantized`, each at the thresholds of its own checkpoint.

    For a form of fixed size, the integers in its sectors stand beside it: it must equal them in every figure.
    Writes evaluation.json, the graphs (graphs/*.npz) and every form's logits (logits.npz, an array a form and graph).
    """
    results: dict[str, dict[str, Any]] = {}
    arrays: dict[str, NDArray[np.floating]] = {}
    for entry in _entries(config, floats, quantized, artefacts):
        try:
            classifier = entry.make()
            with bars(entry.name) as progress:
                logits = classify(classifier, graphs, progress)
        except FormUnavailable as error:
            results[entry.name] = {"skipped": str(error)}
            continue
        except (ValueError, RuntimeError) as error:
            results[entry.name] = {"error": f"not possible: {error}"}
            continue
        own = entry.checkpoint
        results[entry.name] = evaluate_scores(
            graphs, logits, own.threshold, own.logit_for_tracks, config.evaluation
        ).to_json()
        arrays |= {f"{entry.name}/{index}": values for index, values in enumerate(logits)}
    for graph in graphs:
        save_graph(graph, folder / "graphs" / f"{graph.name}.npz")
    with atomic_path(folder / "logits.npz") as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    settings = config.settings
    losses = {
        form: asdict(cutting_loss(graphs, settings.sectors_for(size))) for form, size in _fixed_sizes(config).items()
    }
    ceiling = perfect_scores(graphs, config.evaluation)
    summary: dict[str, Any] = {
        "graphs": [graph.name for graph in graphs],
        "floats": list(floats),
        "float_forms": _float_forms(),
        "forms": results,
        "perfect_scores": None if ceiling is None else ceiling.to_json(),
        "sectors": next(iter(losses.values()), {}),
        "sectors_by_form": losses,
        "failed": any("error" in result for result in results.values()),
    }
    write_text(folder / "evaluation.json", json.dumps(summary, indent=1))
    return summary


def sectors_name(form: str) -> str:
    """Under which the integers stand in the table, in the sectors of a form of fixed size."""
    return f"integer in {form}'s sectors"


def _entries(
    config: CompareConfig, floats: Mapping[str, Checkpoint], quantized: Checkpoint, artefacts: Path
) -> list[Entry]:
    """Float networks, float forms of the first, forms of the quantised one, the integers in sectors."""

    def entry(name: str, checkpoint: Checkpoint, form: str) -> Entry:
        return Entry(name, checkpoint, partial(edge_classifier, checkpoint, form, artefacts, config.settings))

    first = next(iter(floats.values()))
    return [
        *(entry(name, checkpoint, AUTO) for name, checkpoint in floats.items()),
        *(entry(name, first, name) for name in _float_forms()),
        *(entry(form, quantized, form) for form in config.forms),
        *(
            Entry(sectors_name(form), quantized, partial(in_sectors, quantized, size, artefacts, config.settings))
            for form, size in _fixed_sizes(config).items()
        ),
    ]


def _float_forms() -> list[str]:
    return [name for name, kind in FLOAT_FORMS.items() if kind.writes]


def _fixed_sizes(config: CompareConfig) -> dict[str, Capacity]:
    """Form of fixed size → the largest graph that it takes."""
    sizes = {form: config.settings.capacity(FORMS[form]) for form in config.forms}
    return {form: size for form, size in sizes.items() if size is not None}
