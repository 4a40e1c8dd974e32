"""What HyperTrack's set transformer is trained for: the hits of each micrograph that belong to its pivots' particle."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.losses import (
    intersect_loss,
    mask_target,
    node_mask_loss,
    overlap_loss,
    pivot_majority,
)
from edgetrack.models.hypertrack.mask_models import mask_logits
from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.micrographs import Micrographs
from edgetrack.models.objective import Objective
from edgetrack.models.rows import Rows, as_tensors
from edgetrack.models.sample import Sample
from edgetrack.models.steps import TOKEN, Domain, End

HIT = Domain("hit")  # all hits of the events, in a micrograph or not
MICROGRAPH = Domain("micrograph")
OWNED = Domain("owned", (End("owner", "micrograph"),))  # one a token, in the order of the tokens
PIVOT = Domain("pivot_place", (End("pivot_token", "token"), End("pivot_owner", "micrograph")))
NOISE = 0


@dataclass(frozen=True)
class MicrographSet:
    """The micrographs of one event, what is known of its hits, and whose they are.

    Raises ValueError where sizes do not fit.
    """

    tokens: NDArray[np.float32]  # (N, W) of all hits of the event: [latent, x, y, z in m]
    particle_id: NDArray[np.int64]  # (N,) 0 = noise
    micrographs: Micrographs
    name: str = "event"

    def __post_init__(self) -> None:
        largest = int(self.micrographs.nodes.max(initial=-1))
        if self.tokens.ndim != 2 or self.particle_id.shape != self.tokens.shape[:1] or largest >= len(self.tokens):
            raise ValueError(
                f"{self.name}: tokens {self.tokens.shape}, particle_id {self.particle_id.shape}, hits up to {largest} "
                "in micrographs; wanted one row and one particle for each hit of the event"
            )


@dataclass(frozen=True)
class HyperTrackMasks(Objective[MicrographSet]):
    """`mask` × equation 14 + `sets` × equation 15 (M. Mieskolainen, arXiv:2309.14113), as published.

    A token is to be chosen where its hit is of the particle that most of the micrograph's pivots are of. `set_loss` may
    also be Dice's or Jaccard's, a mean over micrographs with `smooth` in numerator and denominator. With a teacher,
    `distillation` in [0, 1] weighs cross-entropy against its scores against this loss. `pairs` says that samples hold
    who looks at whom, which networks in steps read; in a training it becomes what the networks want.

    Figures, masks being the tokens that score above one half: validation_loss, the mean over events; node_accuracy,
    tokens decided rightly / tokens; mask_efficiency, true tokens chosen / true tokens; mask_purity, true tokens
    chosen / tokens chosen (0 where there is none).
    """

    kind: Literal["hypertrack_masks"] = "hypertrack_masks"
    mask: float = 0.2
    sets: float = 0.2
    gamma: float = 1.0
    set_loss: Literal["intersect", "dice", "jaccard"] = "intersect"
    smooth: float = 1.0
    distillation: float = 0.5
    pairs: bool = field(default=False, repr=False)

    decides: ClassVar[str] = "validation_loss"

    def __post_init__(self) -> None:
        for name in ("mask", "sets", "gamma"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted a finite number of 0 or more")
        if self.mask == self.sets == 0.0:
            raise ValueError("mask and sets are both 0: nothing is left to train for; give one of them a weight")
        if self.set_loss not in ("intersect", "dice", "jaccard"):
            raise ValueError(f"set_loss is {self.set_loss!r}, wanted intersect, dice or jaccard")
        if not 0.0 < self.smooth < math.inf:
            raise ValueError(f"smooth is {self.smooth}, wanted a positive, finite number")
        if not 0.0 <= self.distillation <= 1.0:
            raise ValueError(f"distillation is {self.distillation}, wanted a weight in [0, 1]")

    def reading(self, *networks: nn.Module) -> Self:
        return replace(self, pairs=any(_in_steps(network) for network in networks))

    def sample(self, data: MicrographSet) -> Sample | None:
        """Tokens, their micrographs and pivots; y (T,). None where the event has no micrograph."""
        graphs = data.micrographs
        if not len(graphs):
            return None
        tokens = data.tokens[graphs.nodes]
        rows = token_rows(tokens, graphs, data.name) if self.pairs else _plain_rows(tokens, data.name)
        ends = {
            "owner": graphs.owner,
            "pivot_token": graphs.pivot_tokens.ravel(),
            "pivot_owner": np.repeat(np.arange(len(graphs)), graphs.pivots.shape[1]),
        }
        counts = {
            "hit": len(data.tokens),
            "micrograph": len(graphs),
            "owned": len(tokens),
            "pivot_place": graphs.pivots.size,
        }
        whole = replace(
            rows,
            domains=(*rows.domains, HIT, MICROGRAPH, OWNED, PIVOT),
            counts={**rows.counts, **counts},
            ends={**rows.ends, **ends},
        )
        particle = torch.from_numpy(np.ascontiguousarray(data.particle_id, np.int64))
        majority = pivot_majority(particle[torch.from_numpy(graphs.pivots)], NOISE)
        y = mask_target(particle[torch.from_numpy(graphs.nodes)], torch.from_numpy(graphs.owner), majority, NOISE)
        return Sample(as_tensors(whole), {"y": y.float()})

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        return self.of_logits(masks_of(network, sample.rows), sample)

    def of_logits(self, logits: Tensor, sample: Sample) -> Tensor:
        """The loss () of the masks' logits (T,)."""
        y, owner, count = sample.targets["y"], sample.rows.ends["owner"], sample.rows.counts["micrograph"]
        if self.set_loss == "intersect":
            of_sets = intersect_loss(logits, y, sample.rows.counts["hit"])
        else:
            of_sets = overlap_loss(logits, y, owner, count, self.set_loss == "jaccard", self.smooth)
        return self.mask * node_mask_loss(logits, y, owner, count, self.gamma) + self.sets * of_sets

    def distillation_loss(
        self, network: nn.Module, teacher: nn.Module, sample: Sample, generator: torch.Generator
    ) -> Tensor:
        logits = masks_of(network, sample.rows).float()
        with torch.no_grad():
            scores = torch.sigmoid(masks_of(teacher, sample.rows).float())
        soft = binary_cross_entropy_with_logits(logits, scores)
        return torch.lerp(self.of_logits(logits, sample), soft, self.distillation)

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        losses, tokens, right, true, chosen, both = [], 0, 0, 0, 0, 0
        for sample in samples:
            logits, y = masks_of(network, sample.rows).float(), sample.targets["y"] > 0.5
            losses.append(float(self.of_logits(logits, sample)))
            mask = logits > 0
            tokens, right = tokens + len(y), right + int((mask == y).sum())
            true, chosen, both = true + int(y.sum()), chosen + int(mask.sum()), both + int((mask & y).sum())
        return {
            "validation_loss": float(np.mean(losses)),
            "node_accuracy": right / tokens,
            "mask_efficiency": both / max(true, 1),
            "mask_purity": both / max(chosen, 1),
        }


def masks_of(network: nn.Module, rows: Rows[Tensor]) -> Tensor:
    """(T,) logits of the masks, by a `SetTransformer` in dense batches or by a network in steps."""
    if not _in_steps(network):
        return mask_logits(network, rows.features["tokens"], _micrographs_of(rows))
    logits: Tensor = network(rows)
    if logits.shape != (rows.counts["token"],):
        raise ValueError(
            f"{rows.name}: the network's output is {tuple(logits.shape)}, wanted ({rows.counts['token']},), one logit "
            "a token: give the description an output of width 1 on tokens"
        )
    return logits


def _in_steps(network: nn.Module) -> bool:
    description = getattr(network, "description", None)
    return isinstance(description, NetworkDescription) and TOKEN in description.domains


def _plain_rows(tokens: NDArray[Any], name: str) -> Rows[NDArray[Any]]:
    return Rows((TOKEN,), {"token": len(tokens)}, {"tokens": np.ascontiguousarray(tokens, np.float32)}, {}, name)


def _micrographs_of(rows: Rows[Tensor]) -> Micrographs:
    """The micrographs of a sample, or of several side by side, over its tokens."""
    count = rows.counts["micrograph"]
    sizes = np.bincount(rows.ends["owner"].cpu().numpy(), minlength=count)
    pivots = rows.ends["pivot_token"].cpu().numpy().reshape(count, -1)
    return Micrographs(np.arange(rows.counts["token"]), np.concatenate([[0], np.cumsum(sizes)]), pivots)
