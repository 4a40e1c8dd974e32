"""`edgetrack evaluate`: how good a checkpoint is on a folder of graphs, in any of its forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.splits import SplitConfig
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint
from edgetrack.scripts.console import Console
from edgetrack.scripts.graph_sets import load_graph_sets
from edgetrack.scripts.networks import EdgeClassifier, FormName, edge_classifier
from edgetrack.scripts.option import option, required
from edgetrack.scripts.pretrained import checkpoint_path
from edgetrack.tracks.evaluation import Evaluation, EvaluationConfig, evaluate_scores

SHOWN = ("edge_accuracy", "edge_efficiency", "edge_purity", "auc", "double_majority", "perfect", "lhc", "fake_rate",
         "duplicate_rate")


@dataclass(frozen=True)
class EvaluateConfig:
    """Graphs, a checkpoint and the form of it to evaluate."""

    graphs: str = required("folder of hit graphs (*.npz), edgetrack's own or the published TrackML form")
    checkpoint: str = required("checkpoint file, or the name of one of the package's own")
    part: Literal["all", "train", "validation", "test"] = option(
        "all", "which graphs, by the checkpoint's own split: test are those that its training never saw")
    form: FormName = option("auto", "form to evaluate; auto: float, or the integers of a quantised checkpoint")
    threshold: float | None = option(None, "logit above which an edge is kept; default: the checkpoint's δ*")
    track_threshold: float | None = option(None, "logit above which an edge joins a track; default: the checkpoint's")
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    settings: FormSettings = field(default_factory=FormSettings)


def evaluate(config: EvaluateConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Edge and tracking figures on a folder of graphs, with binomial uncertainties.

    Hits are shuffled before tracks are built. Edges are kept above δ* (TPR = TNR on the checkpoint's validation
    graphs), tracks are the connected components of edges above the track threshold; both come from the checkpoint.
    """
    checkpoint = load_checkpoint(checkpoint_path(config.checkpoint))
    graphs = chosen_graphs(config.graphs, config.part, checkpoint)
    classifier = edge_classifier(checkpoint, config.form, folder, config.settings)
    logits = classify(classifier, graphs, console, config.form)
    figures = evaluate_logits(checkpoint, graphs, logits, config).to_json()
    console.table(
        f"{Path(config.checkpoint).name}, form {config.form}, {len(graphs)} graphs", ("figure", "value", "±"),
        [(name, _shown(figures[name]), _shown(figures.get(f"{name}_error"))) for name in SHOWN],
    )
    return {"checkpoint": config.checkpoint, "form": config.form, **figures}


def chosen_graphs(folder: str, part: str, checkpoint: Checkpoint) -> list[HitGraph]:
    """Graphs of a folder, all of them or one part of the split that the checkpoint was trained with."""
    if part == "all":
        return load_graphs(folder)
    if "split" not in checkpoint.config:
        raise ValueError(f"part is {part!r}, but the checkpoint does not say how its graphs were split; take part all")
    chosen: list[HitGraph] = getattr(load_graph_sets(folder, SplitConfig(**checkpoint.config["split"])), part)
    if not chosen:
        raise ValueError(f"the checkpoint's split has no {part} graphs; take another part")
    return chosen


def classify(
    classifier: EdgeClassifier, graphs: Sequence[HitGraph], console: Console, title: str
) -> list[NDArray[np.floating]]:
    """Logits of every graph, with progress."""
    logits = []
    with console.progress(title) as report:
        for done, graph in enumerate(graphs, 1):
            logits.append(classifier(graph))
            report(done, len(graphs))
    return logits


def evaluate_logits(
    checkpoint: Checkpoint, graphs: Sequence[HitGraph], logits: Sequence[NDArray[np.floating]], config: EvaluateConfig
) -> Evaluation:
    """Figures at the config's thresholds, else at the checkpoint's."""
    threshold = checkpoint.threshold if config.threshold is None else config.threshold
    tracks = checkpoint.logit_for_tracks if config.track_threshold is None else config.track_threshold
    return evaluate_scores(graphs, logits, threshold, tracks, config.evaluation)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
