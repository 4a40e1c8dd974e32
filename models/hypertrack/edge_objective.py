"""What HyperTrack's graph network is trained for: focal and contrastive loss of its edges."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.area_under_curve import area_under_curve
from edgetrack.models.augmentation import Augmentation, augmented
from edgetrack.models.edge_classification import logits_of
from edgetrack.models.hit_inputs import HitInputs, inputs_of
from edgetrack.models.hypertrack.losses import contrastive_edge_loss, focal_loss, random_subset
from edgetrack.models.hypertrack.particles import particle_of, with_particles
from edgetrack.models.objective import Objective
from edgetrack.models.sample import Sample
from edgetrack.models.thresholds import balanced_threshold, edge_accuracy

FIGURES = ("validation_loss", "auc", "validation_accuracy", "threshold")


@dataclass(frozen=True)
class HyperTrackEdges(Objective[HitGraph]):
    """`focal` × equation 12 + `contrastive` × equation 13 (M. Mieskolainen, arXiv:2309.14113), as published.

    `gamma` and `balanced` are those of the focal loss; `temperature` τ, `floor` of scores and `sub_sample`, the largest
    number of particles drawn in a step, those of the contrastive one. With a teacher, `distillation` in [0, 1] weighs
    cross-entropy against its scores against this loss.

    Figures: validation_loss, the mean over graphs; auc of all validation edges together, which decides; threshold, the
    logit δ* where TPR = TNR; validation_accuracy, the edge accuracy at δ*. `inputs` says what samples hold; in a
    training it becomes what the networks read.
    """

    kind: Literal["hypertrack_edges"] = "hypertrack_edges"
    focal: float = 0.2
    contrastive: float = 1.0
    gamma: float = 1.0
    balanced: bool = True
    temperature: float = 0.3
    floor: float = 1e-3
    sub_sample: int = 300
    distillation: float = 0.5
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    inputs: HitInputs = field(default=HitInputs(), repr=False)

    decides: ClassVar[str] = "auc"
    better: ClassVar[Literal["lower", "higher"]] = "higher"

    def __post_init__(self) -> None:
        for name in ("focal", "contrastive", "gamma"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted a finite number of 0 or more")
        if self.focal == self.contrastive == 0.0:
            raise ValueError(
                "focal and contrastive are both 0: nothing is left to train for; give one of them a weight"
            )
        if not 0.025 <= self.temperature < math.inf:
            raise ValueError(
                f"temperature is {self.temperature}, wanted at least 0.025: float32 holds no exp(2 / τ) else"
            )
        for name, value in (("floor", self.floor), ("distillation", self.distillation)):
            if not 0.0 <= value <= 1.0 or (name == "floor" and value == 1.0):
                raise ValueError(
                    f"{name} is {value}, wanted a number from 0 to 1" + ", less than 1" * (name == "floor")
                )
        if self.sub_sample < 1:
            raise ValueError(f"sub_sample is {self.sub_sample}, wanted at least 1 particle")

    def reading(self, *networks: nn.Module) -> Self:
        return replace(self, inputs=inputs_of(*networks))

    def sample(self, data: HitGraph) -> Sample | None:
        """Rows with the particles of the hits; y (E,), weight (N,), 1 where graphs have none. None without edges.

        Raises ValueError for a graph without labels or particles.
        """
        if data.y is None or data.particle_id is None:
            raise ValueError(
                f"{data.name}: lacks edge labels y or particle_id; training needs graphs that were built with truth"
            )
        if not data.num_edges:
            return None
        weight = np.ones(data.num_nodes, np.float32) if data.weight is None else data.weight
        rows = with_particles(self.inputs.rows(data), data.particle_id)
        return Sample(rows, {"y": torch.from_numpy(data.y).float(), "weight": torch.from_numpy(weight)})

    def augmented(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if self.augmentation is None:
            return sample
        return Sample(augmented(sample.rows, self.augmentation, rng), sample.targets)

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        return self.of_logits(logits_of(network, sample), sample, generator)

    def of_logits(self, logits: Tensor, sample: Sample, generator: torch.Generator) -> Tensor:
        """The loss () of edge logits (E,)."""
        rows, targets = sample.rows, sample.targets
        loss = self.focal * focal_loss(logits, targets["y"], self.gamma, self.balanced)
        if not self.contrastive:
            return loss
        chosen = torch.zeros(rows.counts["particle"] + 1, dtype=torch.bool)  # the last one: noise
        chosen[:-1] = random_subset(rows.counts["particle"], self.sub_sample, generator)
        return loss + self.contrastive * contrastive_edge_loss(
            logits,
            torch.stack([rows.ends["source"], rows.ends["target"]]),
            particle_of(rows),
            targets["weight"],
            chosen.to(logits.device),
            self.temperature,
            self.floor,
        )

    def distillation_loss(
        self, network: nn.Module, teacher: nn.Module, sample: Sample, generator: torch.Generator
    ) -> Tensor:
        logits = logits_of(network, sample)
        with torch.no_grad():
            scores = torch.sigmoid(teacher(sample.rows).float())
        soft = binary_cross_entropy_with_logits(logits.float(), scores)
        return torch.lerp(self.of_logits(logits, sample, generator), soft, self.distillation)

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        losses, logits, truth = [], [], []
        for sample in samples:
            found = logits_of(network, sample).float()
            losses.append(self.of_logits(found, sample, generator))
            logits.append(found.cpu().numpy())
            truth.append(sample.targets["y"].cpu().numpy() > 0.5)
        every, y = np.concatenate(logits), np.concatenate(truth)
        if not np.isfinite(every).all():
            return dict.fromkeys(FIGURES, math.nan)
        threshold = balanced_threshold(every, y)
        area = area_under_curve(every, y)
        assert area is not None  # δ* would have refused a single class
        accuracy = edge_accuracy(every, y, threshold)
        return dict(zip(FIGURES, (float(torch.stack(losses).mean()), area.value, accuracy, threshold), strict=True))
