"""`edgetrack tune`: a checkpoint with its track threshold chosen again; its weights stay as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.progress import Progress
from edgetrack.events.splits import SplitConfig
from edgetrack.export.form_classifier import AUTO, classify, edge_classifier
from edgetrack.export.form_masks import hit_scorer_and_masks, masked
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import GraphSets, load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option, required
from edgetrack.scripts.train import kept_figures
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores
from edgetrack.tracks.hypertrack.masking import Masking
from edgetrack.tracks.track_threshold import best_track_threshold


@dataclass(frozen=True)
class TuneConfig:
    """A checkpoint, the graphs it was trained on, and the builder that its tracks are to be built with."""

    graphs: str = required("folder of hit graphs (*.npz) that the checkpoint was trained on")
    checkpoint: str = required("checkpoint file, or the name of one of the package's own")
    masks: str = option("", "checkpoint of a set transformer, where tracks are built by its masks")
    validation_graphs: str = option("", "folder of graphs to choose on; default: those of the checkpoint's own split")
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


def tune(config: TuneConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Choose a checkpoint's track threshold again, on the validation graphs of its own split.

    For another track builder, or other settings of one. The objective is that of training: double majority less fake
    rate, or HyperTrack's double majority score for pairs of hits with TrackML's weights. Writes NAME.safetensors into
    the run folder: the same weights and δ*, the new track threshold, and the figures on the split's test graphs, which
    play no part in the choice.
    """
    path = checkpoint_path(config.checkpoint)
    checkpoint = load_checkpoint(path)
    evaluation = config.evaluation.of(checkpoint.description, bool(config.masks))
    graphs = _graphs(config, checkpoint, path)
    scores = _scorer(config, checkpoint, folder)
    with console.progress("validation") as progress:
        logits, masking = scores(graphs.validation, progress)
    track_threshold = best_track_threshold(graphs.validation, logits, checkpoint.threshold, evaluation, masking)
    if track_threshold is None:
        raise ValueError(
            f"{config.graphs}: graphs without particle_id; a track threshold needs the truth of their hits"
        )
    metrics: dict[str, Any] = {}
    if graphs.test:
        with console.progress("test") as progress:
            logits, masking = scores(graphs.test, progress)
        figures = evaluate_scores(graphs.test, logits, checkpoint.threshold, track_threshold, evaluation, masking)
        metrics = kept_figures(figures.to_json()) | {"test_graphs": [graph.name for graph in graphs.test]}
    written = folder / f"{path.stem}.safetensors"
    save_checkpoint(dataclasses.replace(checkpoint, track_threshold=track_threshold, metrics=metrics), written)
    console.say(f"{written}: track threshold {checkpoint.logit_for_tracks:.4g} → {track_threshold:.4g}")
    return {"checkpoint": str(written), "track_threshold": track_threshold, **metrics}


Scores = tuple[list[NDArray[np.floating]], list[Masking] | None]


def _graphs(config: TuneConfig, checkpoint: Checkpoint, path: Path) -> GraphSets:
    """The graphs to choose on, and those to measure on where the checkpoint's own split keeps some."""
    if config.validation_graphs:
        return GraphSets([], load_graphs(config.validation_graphs), [])
    if "split" not in checkpoint.config:
        raise ValueError(
            f"{path}: the checkpoint does not say how its graphs were split, so validation graphs are not known; give "
            "--validation-graphs, or `edgetrack evaluate` a --track-threshold"
        )
    return load_graph_sets(config.graphs, SplitConfig(**checkpoint.config["split"]))


def _scorer(
    config: TuneConfig, checkpoint: Checkpoint, folder: Path
) -> Callable[[Sequence[HitGraph], Progress], Scores]:
    """Logits of graphs, and masks of them where there is a transformer."""
    if not config.masks:
        classifier = edge_classifier(checkpoint, AUTO, folder, FormSettings())
        return lambda graphs, progress: (classify(classifier, graphs, progress), None)
    masks = load_checkpoint(checkpoint_path(config.masks))
    scorer, model = hit_scorer_and_masks(checkpoint, masks, (AUTO, AUTO), folder, FormSettings())
    return lambda graphs, progress: masked(scorer, model, graphs, progress)
