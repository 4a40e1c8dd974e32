"""`edgetrack train`: hit graphs → a float checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from edgetrack.events.splits import SplitConfig
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, float_network, load_checkpoint, save_checkpoint
from edgetrack.models.devices import end_other_processes
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.first_network import continued_network, first_network, trained_network
from edgetrack.models.inference import edge_logits
from edgetrack.models.interaction_network import InteractionNetworkConfig
from edgetrack.models.kept_memory import keep_memory
from edgetrack.models.named_networks import NamedNetwork
from edgetrack.models.named_objectives import EdgeObjective
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import check_file_name, option, required
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores
from edgetrack.tracks.track_threshold import best_track_threshold

FIGURES = (
    "graphs",
    "edge_accuracy",
    "auc",
    "edge_efficiency",
    "edge_purity",
    "double_majority",
    "perfect",
    "lhc",
    "fake_rate",
)
CLUSTERING_FIGURES = ("dms", "clustering_efficiency", "clustering_purity")  # where hits have TrackML's weights
FLOAT_TRAINING = TrainConfig(
    epochs=80, schedule=ScheduleConfig(optimizer="muon", matrix_learning_rate=0.02, learning_rate=0.01)
)


@dataclass(frozen=True)
class TrainRunConfig:
    """A float training from a folder of graphs."""

    graphs: str = required("folder of hit graphs (*.npz)")
    validation_graphs: str = option("", "folder of graphs to validate on; default: a part of --graphs, by split")
    name: str = option("float", "name of the checkpoint file")
    start: str = option("", "float checkpoint to start from: a file, or the name of a pretrained one")
    network: NamedNetwork = field(default_factory=InteractionNetworkConfig)
    objective: EdgeObjective = field(default_factory=EdgeClassification)
    training: TrainConfig = FLOAT_TRAINING
    split: SplitConfig = field(default_factory=SplitConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        check_file_name(self.name)


def train(config: TrainRunConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Train a float network, choose its thresholds on validation graphs, measure it on test graphs.

    Writes NAME.safetensors into the run folder, beside a resume point: run again after an interruption to go on.
    With several devices, their other processes end when the network is trained.
    """
    keep_memory()
    graphs = load_graph_sets(config.graphs, config.split, config.validation_graphs)
    network = _network_to_train(config, graphs.train)
    result = fit(
        network,
        config.objective,
        graphs.train,
        graphs.validation,
        config.training,
        folder,
        progress=not console.quiet,
        label=config.name,
    )
    threshold = result.figures["threshold"]
    end_other_processes(config.training)
    threads = config.training.threads
    description, state = trained_network(config.network, network)
    checkpoint = Checkpoint("float", description, state, threshold, config=dataclasses.asdict(config))
    network = float_network(checkpoint)
    logits = edge_logits(network, graphs.validation, threads=threads)
    evaluation = config.evaluation.of(description)
    track_threshold = best_track_threshold(graphs.validation, logits, threshold, evaluation)
    metrics = test_metrics(network, graphs.test, threshold, track_threshold, threads, evaluation) | graphs.names()
    path = folder / f"{config.name}.safetensors"
    save_checkpoint(dataclasses.replace(checkpoint, track_threshold=track_threshold, metrics=metrics), path)
    console.say(
        f"{path}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if isinstance(value, float))
    )
    return {
        "checkpoint": str(path),
        "threshold": threshold,
        "track_threshold": track_threshold,
        "parameters": description.num_parameters(),
        **metrics,
    }


def _network_to_train(config: TrainRunConfig, graphs: Sequence[HitGraph]) -> nn.Module:
    """The network to be trained: with random weights by seed, or with those of the checkpoint `config.start`."""
    if not config.start:
        return first_network(config.network, config.training.seed)
    return continued_network(config.network, load_checkpoint(checkpoint_path(config.start)), graphs)


def test_metrics(
    network: nn.Module,
    graphs: Sequence[HitGraph],
    threshold: float,
    track_threshold: float | None,
    threads: int,
    evaluation: EvaluationConfig,
) -> dict[str, Any]:
    """Figures of `network` on test graphs; empty where the split keeps none."""
    if not graphs:
        return {}
    logits = edge_logits(network, graphs, threads=threads)
    return kept_figures(evaluate_scores(graphs, logits, threshold, track_threshold, evaluation).to_json())


def kept_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Those of an evaluation that a checkpoint keeps."""
    weighed = CLUSTERING_FIGURES if figures["dms"] is not None else ()
    return {name: figures[name] for name in (*FIGURES, *weighed)}
