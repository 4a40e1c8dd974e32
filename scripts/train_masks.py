"""`edgetrack train-masks`: hit graphs and a graph network → a float set transformer that makes masks of micrographs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgetrack.export.form_masks import check_tokens_fit
from edgetrack.models.batches import generator_at
from edgetrack.models.checkpoint import (
    Checkpoint,
    checkpoint_digest,
    float_network,
    load_checkpoint,
    save_checkpoint,
)
from edgetrack.models.devices import end_other_processes
from edgetrack.models.first_network import continued_network, first_network, trained_network
from edgetrack.models.hypertrack.mask_objective import HyperTrackMasks
from edgetrack.models.hypertrack.micrograph_files import MicrographFiles
from edgetrack.models.hypertrack.set_transformer import SetTransformerConfig
from edgetrack.models.named_networks import NamedMaskNetwork, describe
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.models.sample import Samples
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.threads import torch_threads
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.scripts.console import Console
from edgetrack.scripts.mask_sets import MicrographsConfig, mask_sets
from edgetrack.scripts.option import check_file_name, option

MASK_TRAINING = TrainConfig(
    epochs=10, schedule=ScheduleConfig(optimizer="muon", matrix_learning_rate=0.01, learning_rate=0.003)
)
SCORE_OF_ONE_HALF = 0.0  # logit; which tokens a mask chooses is a setting of clustering


@dataclass(frozen=True)
class TrainMasksConfig(MicrographsConfig):
    """A float training of a set transformer on the micrographs of a folder of graphs."""

    name: str = option("masks", "name of the checkpoint file")
    start: str = option("", "float transformer to start from: a file, or the name of a pretrained one")
    transformer: NamedMaskNetwork = field(default_factory=SetTransformerConfig)
    objective: HyperTrackMasks = field(default_factory=HyperTrackMasks)
    training: TrainConfig = MASK_TRAINING

    def __post_init__(self) -> None:
        check_file_name(self.name)


def train_masks(config: TrainMasksConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Make micrographs of graphs with a trained graph network, and train a transformer to say which hits belong.

    Micrographs are those that the clustering loop meets with right masks, kept in the run folder's micrographs/. Writes
    NAME.safetensors beside a resume point: run again after an interruption to go on. Figures are of tokens on the
    split's test graphs; `edgetrack evaluate --masks` measures tracks.
    """
    of_edges = load_checkpoint(checkpoint_path(config.checkpoint))
    check_tokens_fit(of_edges.description, describe(config.transformer))
    sets = mask_sets(config, folder / "micrographs", console)
    network = _network_to_train(config)
    result = fit(
        network,
        config.objective,
        sets.train,
        sets.validation,
        config.training,
        folder,
        progress=not console.quiet,
        label=config.name,
    )
    end_other_processes(config.training)
    description, state = trained_network(config.transformer, network)
    metrics = dict(result.figures) | mask_figures(network, config, sets.test) | sets.names()
    own_config = {**dataclasses.asdict(config), "sha256": {"checkpoint": checkpoint_digest(of_edges)}}
    checkpoint = Checkpoint("float", description, state, SCORE_OF_ONE_HALF, config=own_config, metrics=metrics)
    float_network(checkpoint)
    path = folder / f"{config.name}.safetensors"
    save_checkpoint(checkpoint, path)
    figures = {name: value for name, value in metrics.items() if isinstance(value, float)}
    console.say(f"{path}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    return {"checkpoint": str(path), "parameters": description.num_parameters(), **metrics}


def mask_figures(network: nn.Module, config: TrainMasksConfig, test: MicrographFiles) -> dict[str, float]:
    """What the objective measures on test graphs, as test_…; empty where the split keeps none with micrographs."""
    objective = config.objective.reading(network)
    samples = Samples(objective.sample, test)
    if not samples:
        return {}
    with torch_threads(config.training.threads), torch.no_grad():
        figures = objective.validate(network.eval(), samples, generator_at(config.training.seed))
    return {f"test_{name}": float(value) for name, value in figures.items()}


def _network_to_train(config: TrainMasksConfig) -> nn.Module:
    """The transformer to be trained: with random weights by seed, or with those of the checkpoint `config.start`."""
    if not config.start:
        return first_network(config.transformer, config.training.seed)
    return continued_network(config.transformer, load_checkpoint(checkpoint_path(config.start)), ())
