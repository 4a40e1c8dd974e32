"""`edgetrack quantize`: a float checkpoint → a quantised one, by calibration and quantization-aware retraining."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.graph_sets import GraphSets, load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import (
    Checkpoint,
    float_network,
    load_checkpoint,
    save_checkpoint,
)
from edgetrack.models.description import NetworkDescription
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.kept_memory import keep_memory
from edgetrack.models.named_objectives import EdgeObjective
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.thresholds import balanced_threshold
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.calibration import CalibrationConfig
from edgetrack.quantize.checkpoint import quantized_checkpoint
from edgetrack.quantize.input_scales import rescaled_state, with_input_scales
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.quantize.used_bits import zero_weights
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import check_file_name, option, required
from edgetrack.scripts.retraining import config_with_origins, retrained, teacher_of
from edgetrack.scripts.train import kept_figures
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores
from edgetrack.tracks.track_threshold import best_track_threshold

INPUT_SCALES = {"edge_attr": (4.0, 64.0, 2.0, 2.0)}  # 8 bits resolve what true edges have, and saturate beyond
DISTILLATION = EdgeClassification(distillation=1.0)
RETRAINING = TrainConfig(
    epochs=50,
    schedule=ScheduleConfig(optimizer="muon", matrix_learning_rate=0.003, learning_rate=0.0015),
)


@dataclass(frozen=True)
class QuantizeRunConfig:
    """A quantization-aware retraining. Split and graphs should be those of the float training.

    `input_scales` gives an input's columns other powers of two than the float network has: few bits resolve the range
    that matters, and saturate beyond. Where the network has no input of that name and width, the default is left out.
    """

    graphs: str = required("folder of hit graphs (*.npz)")
    checkpoint: str = required("float checkpoint to start from: a file, or the name of one of the package's own")
    teacher: str | None = option(None, "float checkpoint to distil from; default: labels only")
    validation_graphs: str = option("", "folder of graphs to validate on; default: a part of --graphs, by split")
    name: str = option("quantised", "name of the checkpoint file")
    input_scales: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(INPUT_SCALES))
    equalise: bool = option(True, "give hidden units like ranges first; the float function stays exactly the same")
    retrain: bool = option(True, "retrain after the calibration; false: calibration alone")
    recipe: PrecisionRecipe = field(default_factory=PrecisionRecipe)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    objective: EdgeObjective = DISTILLATION
    training: TrainConfig = RETRAINING
    split: SplitConfig = field(default_factory=SplitConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        check_file_name(self.name)


def quantize(config: QuantizeRunConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Calibrate and retrain a float network in few bits, choose its thresholds, measure its integers on test graphs.

    --set recipe.weight_bits=4 --set recipe.activation_bits=4 --set recipe.aggregation_bits=4 gives it 4 bits, --set
    training.pruning.sparsity=0.5 makes half of its weights exactly 0; `edgetrack search` chooses both layer by layer.

    Writes NAME.safetensors into the run folder, beside a resume point: run again after an interruption to go on.
    Thresholds and figures are those of the integer model.
    """
    keep_memory()
    graphs = load_graph_sets(config.graphs, config.split, config.validation_graphs)
    start = load_checkpoint(checkpoint_path(config.checkpoint))
    refuse_seen(start, graphs)
    found = quantised(config, graphs, start, teacher_of(config), folder, console)
    evaluation = config.evaluation.of(found.checkpoint.description)
    metrics = {
        **integer_metrics(found.model, graphs.test, found.threshold, found.checkpoint.track_threshold, evaluation),
        "zero_weights": zero_weights(found.model),
        **graphs.names(),
    }
    path = folder / f"{config.name}.safetensors"
    save_checkpoint(dataclasses.replace(found.checkpoint, metrics=metrics), path)
    console.say(
        f"{path}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if isinstance(value, float))
    )
    return {
        "checkpoint": str(path),
        "threshold": found.threshold,
        "track_threshold": found.checkpoint.track_threshold,
        "parameters": start.description.num_parameters(),
        **metrics,
    }


class Quantised(NamedTuple):
    """A retrained network: its integers, their threshold (logit), and a checkpoint without figures."""

    model: IntegerModel
    threshold: float
    checkpoint: Checkpoint


def quantised(
    config: QuantizeRunConfig,
    graphs: GraphSets,
    start: Checkpoint,
    teacher: Checkpoint | None,
    folder: Path,
    console: Console,
) -> Quantised:
    """Calibrate and retrain `start` in few bits, choose its thresholds on the validation graphs; no test graph is read.

    Run again after an interruption it goes on from the resume point in `folder`.
    """
    description = with_input_scales(start.description, fitting_scales(config, start.description))
    network = QuantizedNetwork(description, config.recipe)
    model = retrained(
        network,
        rescaled_state(float_network(start).state_dict(), start.description, description),
        config,
        teacher,
        folder,
        console,
        calibration=graphs.train,
        train=graphs.train,
        validation=graphs.validation,
    )
    logits = [model.logits(graph) for graph in graphs.validation]
    threshold = balanced_threshold(np.concatenate(logits), np.concatenate([_labels(g) for g in graphs.validation]))
    track_threshold = best_track_threshold(graphs.validation, logits, threshold, config.evaluation.of(description))
    own_config = config_with_origins(config, checkpoint=start, teacher=teacher)
    return Quantised(model, threshold, quantized_checkpoint(network, threshold, track_threshold, own_config))


def refuse_seen(start: Checkpoint, graphs: GraphSets) -> None:
    """Raise ValueError for test graphs that the float network, by its checkpoint, was trained on or chosen by."""
    seen = {name for part in ("train", "validation") for name in start.metrics.get(f"{part}_graphs", ())}
    known = [graph.name for graph in graphs.test if graph.name in seen]
    if known:
        raise ValueError(
            f"{len(known)} of {len(graphs.test)} test graphs ({known[0]}, …) were among the float network's training "
            "or validation graphs, so figures on them say nothing; give the graphs and the split of the float training"
        )


def fitting_scales(config: QuantizeRunConfig, description: NetworkDescription) -> dict[str, tuple[float, ...]]:
    """`config.input_scales` without default ones for inputs that the network lacks or has in another width."""
    widths = {value.name: value.width for value in description.inputs}
    return {
        name: scale
        for name, scale in config.input_scales.items()
        if scale != INPUT_SCALES.get(name) or widths.get(name) == len(scale)
    }


def integer_metrics(
    model: IntegerModel,
    graphs: Sequence[HitGraph],
    threshold: float,
    track_threshold: float | None,
    evaluation: EvaluationConfig,
) -> dict[str, Any]:
    """Figures of the integers on test graphs; empty where the split keeps none."""
    if not graphs:
        return {}
    logits = [model.logits(graph) for graph in graphs]
    return kept_figures(evaluate_scores(graphs, logits, threshold, track_threshold, evaluation).to_json())


def _labels(graph: HitGraph) -> NDArray[np.bool_]:
    if graph.y is None:
        raise ValueError(f"{graph.name}: has no edge labels y; retraining needs graphs that were built with truth")
    return graph.y
