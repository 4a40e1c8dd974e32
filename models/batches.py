"""Hit graphs as tensors: batches are disjoint unions, their order and augmentation follow from (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import Rows, as_tensors, disjoint_union, hit_rows


@dataclass(frozen=True)
class Augmentation:
    """Symmetries of a cylindrical detector in a solenoid, each drawn anew for every graph in every epoch.

    Rotation about the beam, reflection z → −z, and reflection φ → −φ (which exchanges the charges).
    """

    rotate: bool = True
    reflect_z: bool = True
    reflect_phi: bool = True


@dataclass(frozen=True)
class Batch:
    """The disjoint union of some labelled graphs."""

    rows: Rows[Tensor]
    y: Tensor  # (E,) float32, 0 or 1

    def to(self, device: torch.device | str) -> Batch:
        return Batch(self.rows.to(device), self.y.to(device))


def as_batch(graph: HitGraph) -> Batch:
    """One labelled graph as tensors. Raises ValueError for a graph without labels."""
    if graph.y is None:
        raise ValueError(f"{graph.name}: has no edge labels y; training needs graphs that were built with truth")
    return Batch(as_tensors(hit_rows(graph)), torch.from_numpy(graph.y).float())


def union_of(batches: Sequence[Batch]) -> Batch:
    """Several graphs as one without edges between them. O(N + E)."""
    if len(batches) == 1:
        return batches[0]
    return Batch(disjoint_union([batch.rows for batch in batches]), torch.cat([batch.y for batch in batches]))


def augmented(batch: Batch, augmentation: Augmentation, rng: np.random.Generator) -> Batch:
    """`batch` under a random symmetry; Δr and ΔR stay, Δφ and Δz follow the reflections. O(N + E)."""
    turn = rng.uniform(-1.0, 1.0)  # half turns
    sign_z, sign_phi = (1 - 2 * rng.integers(0, 2, size=2)).tolist()
    turn = turn if augmentation.rotate else 0.0
    sign_z = sign_z if augmentation.reflect_z else 1
    sign_phi = sign_phi if augmentation.reflect_phi else 1
    radius, phi, z = batch.rows.features["x"].unbind(1)
    phi = torch.remainder(sign_phi * phi + (turn + 1.0), 2.0) - 1.0
    signs = torch.tensor([1.0, sign_phi, sign_z, 1.0])
    features = {"x": torch.stack([radius, phi, sign_z * z], 1), "edge_attr": batch.rows.features["edge_attr"] * signs}
    return Batch(replace(batch.rows, features=features), batch.y)


class EpochBatches:
    """The batches of one epoch for one of `world_size` devices.

    Order and augmentation are a function of (seed, epoch) alone, so a resumed training sees what an uninterrupted one
    would have seen. All devices get equally many batches: the last ones repeat the first of the epoch where needed.
    """

    def __init__(
        self,
        graphs: Sequence[Batch],
        batch_graphs: int,
        augmentation: Augmentation | None,
        seed: int,
        epoch: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.graphs = graphs
        self.augmentation = augmentation
        self.seed, self.epoch = seed, epoch
        order = np.random.default_rng((seed, epoch)).permutation(len(graphs))
        groups = [order[start : start + batch_graphs] for start in range(0, len(order), batch_graphs)]
        missing = -len(groups) % world_size
        self.groups = (groups + groups * (missing // len(groups) + 1))[: len(groups) + missing][rank::world_size]

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[Batch]:
        for group in self.groups:
            yield union_of([self._graph(int(index)) for index in group])

    def _graph(self, index: int) -> Batch:
        if self.augmentation is None:
            return self.graphs[index]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return augmented(self.graphs[index], self.augmentation, rng)
