"""Edge classification: binary cross-entropy of edge logits, and δ* on the validation graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.augmentation import Augmentation, augmented
from edgetrack.models.hit_inputs import HitInputs, inputs_of
from edgetrack.models.objective import Objective
from edgetrack.models.sample import Sample
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy


@dataclass(frozen=True)
class EdgeClassification(Objective[HitGraph]):
    """Is the edge true? Binary cross-entropy against labels y and, where there is a teacher, against its scores.

    `distillation` in [0, 1] weighs the teacher's scores against the labels. Figures: validation_loss, the mean over
    all edges; threshold, the logit δ* where TPR = TNR; validation_accuracy, the edge accuracy at δ*.
    `inputs` says what samples hold; in a training it becomes what the networks read.
    """

    kind: Literal["edge_classification"] = "edge_classification"
    distillation: float = 0.5
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    inputs: HitInputs = field(default=HitInputs(), repr=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.distillation <= 1.0:
            raise ValueError(f"distillation is {self.distillation}, wanted a weight in [0, 1]")

    def reading(self, *networks: nn.Module) -> Self:
        return replace(self, inputs=inputs_of(*networks))

    def sample(self, data: HitGraph) -> Sample | None:
        """Rows of the graph and y (E,); None without edges: a mean over no edge is no number.

        Raises ValueError for a graph without labels.
        """
        if data.y is None:
            raise ValueError(f"{data.name}: has no edge labels y; training needs graphs that were built with truth")
        return Sample(self.inputs.rows(data), {"y": torch.from_numpy(data.y).float()}) if data.num_edges else None

    def augmented(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if self.augmentation is None:
            return sample
        return Sample(augmented(sample.rows, self.augmentation, rng), sample.targets)

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        return binary_cross_entropy_with_logits(logits_of(network, sample), sample.targets["y"])

    def distillation_loss(
        self, network: nn.Module, teacher: nn.Module, sample: Sample, generator: torch.Generator
    ) -> Tensor:
        logits = logits_of(network, sample)
        with torch.no_grad():
            scores = torch.sigmoid(teacher(sample.rows))
        hard = binary_cross_entropy_with_logits(logits, sample.targets["y"])
        return torch.lerp(hard, binary_cross_entropy_with_logits(logits, scores), self.distillation)

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        found = [(logits_of(network, sample).float().cpu(), sample.targets["y"].cpu()) for sample in samples]
        logits, y = (torch.cat(parts) for parts in zip(*found, strict=True))
        if not bool(torch.isfinite(logits).all()):
            return dict.fromkeys(("validation_loss", "validation_accuracy", "threshold"), math.nan)
        truth = y.numpy() > 0.5
        threshold = balanced_threshold(logits.numpy(), truth)
        return {
            "validation_loss": float(binary_cross_entropy_with_logits(logits, y)),
            "validation_accuracy": edge_accuracy(logits.numpy(), truth, threshold),
            "threshold": threshold,
        }


def logits_of(network: nn.Module, sample: Sample) -> Tensor:
    """(E,) logits. Raises ValueError for a network with another output."""
    logits: Tensor = network(sample.rows)
    if logits.shape != sample.targets["y"].shape:
        raise ValueError(
            f"{sample.rows.name}: the network's output is {tuple(logits.shape)}, labels are "
            f"{tuple(sample.targets['y'].shape)}; edge classification wants one logit an edge: give the description an "
            "output of width 1 on edges"
        )
    return logits
