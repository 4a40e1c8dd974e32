"""The trials of `edgetrack search`: each a short retraining in a folder of its own, judged on validation graphs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.events.atomic_write import write_text
from edgetrack.export.exploration.grid import Candidate, explore, trained_network
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.graphs.graph_sets import GraphSets, load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, load_checkpoint, save_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.used_bits import mean_activation_bits, mean_weight_bits, zero_weights
from edgetrack.scripts.config import dump_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.quantize import QuantizeRunConfig, quantised, refuse_seen
from edgetrack.scripts.retraining import teacher_of
from edgetrack.scripts.search_config import SearchConfig
from edgetrack.studies.search_space import Point
from edgetrack.studies.search_study import Measured, Search
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

FIGURES = ("edge_accuracy", "auc", "double_majority", "fake_rate")


class Trials:
    """What trials share: graphs, the float network and its teacher, the study, the figures of pipelines."""

    def __init__(self, config: SearchConfig, folder: Path) -> None:
        self.config = config
        self.folder = folder
        graphs = load_graph_sets(config.graphs, config.split, config.validation_graphs)
        self.start = load_checkpoint(checkpoint_path(config.checkpoint))
        refuse_seen(self.start, graphs)
        self.graphs = GraphSets(graphs.train, graphs.validation, [])
        self.teacher = teacher_of(config.quantize_config(config.recipe, None))
        self.library = KernelLibrary(folder / "kernels")
        self.description = self.start.description
        self.choices = config.space.choices(self.description)
        self.search = Search(
            folder, self.choices, config.space.beginning(self.description), self._settings(), config.sampler
        )

    def of_point(self, point: Point, epochs: int = 0, name: str = "trial") -> QuantizeRunConfig:
        """The retraining of a point of the space."""
        space, config = self.config.space, self.config
        recipe = space.recipe(point, self.description, config.recipe)
        return config.quantize_config(recipe, space.pruning(point, self.description, config.pruning), epochs, name)

    def measure(self, number: int, point: Point) -> Measured:
        """Retrain, judge and size one point; what was measured before, in this or another process, is read again."""
        config = self.of_point(point)
        folder = self.folder / "trials" / name_of(config)
        folder.mkdir(parents=True, exist_ok=True)
        answer = folder / "trial.json"
        with filelock.FileLock(folder / ".lock"):
            if not answer.is_file():
                write_text(folder / "quantize.yaml", dump_config(config))
                found = self._retrained(config, folder)
                write_text(answer, json.dumps(found, indent=1) + "\n")
            figures = json.loads(answer.read_text())
        by_loss, limit = self.config.physics == "loss", self.config.design.latency_us
        return Measured(
            figures["validation_loss"] if by_loss else 1.0 - figures["double_majority"],
            figures["lut"],
            figures | {"folder": folder.name},
            {} if limit is None else {"latency_us": figures["latency_us"] - limit},
        )

    def _retrained(self, config: QuantizeRunConfig, folder: Path) -> dict[str, Any]:
        found = quantised(config, self.graphs, self.start, self.teacher, folder, Console(quiet=True))
        physics = validation_figures(found.model, self.graphs.validation, found.checkpoint, config.evaluation)
        metrics = {"validation": physics, **self.graphs.names()}
        save_checkpoint(dataclasses.replace(found.checkpoint, metrics=metrics), folder / "trial.safetensors")
        for resume in ("last.ckpt", "previous.ckpt"):  # the weights are safe
            (folder / resume).unlink(missing_ok=True)
        sized = self.sized(found.model)
        return {
            **physics,
            "zero_weights": zero_weights(found.model),
            "mean_weight_bits": mean_weight_bits(found.model),
            "mean_activation_bits": mean_activation_bits(found.model),
            "lut": sized.resources.lut,
            "ff": sized.resources.ff,
            "bram36": sized.resources.bram36,
            "latency_cycles": sized.latency_cycles,
            "interval_cycles": sized.interval_cycles,
            "latency_us": sized.latency_us,
        }

    def sized(self, model: IntegerModel) -> Candidate:
        """The accelerator of a network, by formula."""
        (candidate,) = explore([trained_network(model)], self.config.design.grid, self.library, lambda *_: None)
        return candidate

    def _settings(self) -> dict[str, Any]:
        """All that decides what a trial measures; JSON as it comes back from the study."""
        config = dataclasses.asdict(self.config)
        for name in ("study", "trials", "device", "sampler", "finish", "graphs", "validation_graphs"):
            del config[name]
        config["checkpoint"] = checkpoint_digest(self.start)
        config["teacher"] = None if self.teacher is None else checkpoint_digest(self.teacher)
        names = json.dumps(self.graphs.names())
        config["graphs"] = hashlib.sha256(names.encode()).hexdigest()
        settings: dict[str, Any] = json.loads(json.dumps(config))
        return settings


def name_of(config: QuantizeRunConfig) -> str:
    """A folder for a retraining: the hash of its recipe and training, the same in every process."""
    told = json.dumps([dataclasses.asdict(config.recipe), dataclasses.asdict(config.training)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def validation_figures(
    model: IntegerModel, graphs: Sequence[HitGraph], checkpoint: Checkpoint, evaluation: EvaluationConfig
) -> dict[str, float]:
    """Loss (mean binary cross-entropy of all edges), and figures at the checkpoint's thresholds, of the integers."""
    logits = [model.logits(graph) for graph in graphs]
    evaluation = evaluation.of(model.description)
    found = evaluate_scores(graphs, logits, checkpoint.threshold, checkpoint.track_threshold, evaluation).to_json()
    labels = np.concatenate([graph.y for graph in graphs if graph.y is not None])
    loss = binary_cross_entropy_with_logits(
        torch.from_numpy(np.concatenate(logits)).double(), torch.from_numpy(labels).double()
    )
    return {"validation_loss": float(loss), **{name: found[name] for name in FIGURES}}
