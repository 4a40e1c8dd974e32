"""`edgetrack tune`: a checkpoint with its track threshold chosen again; its weights stay as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.splits import SplitConfig
from edgetrack.export.form_classifier import AUTO, classify, edge_classifier
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.models.checkpoint import load_checkpoint, save_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import required
from edgetrack.scripts.train import FIGURES
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores
from edgetrack.tracks.track_threshold import best_track_threshold


@dataclass(frozen=True)
class TuneConfig:
    """A checkpoint, the graphs it was trained on, and the builder that its tracks are to be built with."""

    graphs: str = required("folder of hit graphs (*.npz) that the checkpoint was trained on")
    checkpoint: str = required("checkpoint file, or the name of one of the package's own")
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


def tune(config: TuneConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Choose a checkpoint's track threshold again, on the validation graphs of its own split.

    For another track builder, or other settings of one. The objective is that of training: double majority less fake
    rate. Writes NAME.safetensors into the run folder: the same weights and δ*, the new track threshold, and the figures
    on the split's test graphs, which play no part in the choice.
    """
    path = checkpoint_path(config.checkpoint)
    checkpoint = load_checkpoint(path)
    if "split" not in checkpoint.config:
        raise ValueError(
            f"{path}: the checkpoint does not say how its graphs were split, so validation graphs are not known; train "
            "it again, or give `edgetrack evaluate` a --track-threshold"
        )
    graphs = load_graph_sets(config.graphs, SplitConfig(**checkpoint.config["split"]))
    classifier = edge_classifier(checkpoint, AUTO, folder, FormSettings())
    with console.progress("validation") as progress:
        logits = classify(classifier, graphs.validation, progress)
    track_threshold = best_track_threshold(graphs.validation, logits, checkpoint.threshold, config.evaluation)
    if track_threshold is None:
        raise ValueError(
            f"{config.graphs}: graphs without particle_id; a track threshold needs the truth of their hits"
        )
    metrics: dict[str, Any] = {}
    if graphs.test:
        with console.progress("test") as progress:
            test_logits = classify(classifier, graphs.test, progress)
        figures = evaluate_scores(graphs.test, test_logits, checkpoint.threshold, track_threshold, config.evaluation)
        shown = figures.to_json()
        metrics = {name: shown[name] for name in FIGURES} | {"test_graphs": [graph.name for graph in graphs.test]}
    written = folder / f"{path.stem}.safetensors"
    save_checkpoint(dataclasses.replace(checkpoint, track_threshold=track_threshold, metrics=metrics), written)
    console.say(f"{written}: track threshold {checkpoint.logit_for_tracks:.4g} → {track_threshold:.4g}")
    return {"checkpoint": str(written), "track_threshold": track_threshold, **metrics}
