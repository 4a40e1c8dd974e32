"""How many true pairs of hits Voxel-Dynamics links, and how many others: ε+, ε−, ⟨d⟩, and their curve."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.fit import TrueHits


@dataclass(frozen=True)
class LinkMetrics:
    """Counts of pairs of hits; sums of several graphs add up with `+`. Ratios with an empty denominator are NaN.

    A pair is one of two different hits, in no order; it is true where both are of one particle, noise being of none.
    """

    hits: int
    pairs: int
    true_pairs: int
    linked: int
    linked_true: int

    @property
    def efficiency(self) -> float:
        """ε+ = linked true pairs / true pairs."""
        return _ratio(self.linked_true, self.true_pairs)

    @property
    def false_positive_rate(self) -> float:
        """ε− = linked pairs that are not true / pairs that are not true."""
        return _ratio(self.linked - self.linked_true, self.pairs - self.true_pairs)

    @property
    def mean_degree(self) -> float:
        """⟨d⟩ = 2 · linked pairs / hits: a hit's neighbours, without itself."""
        return _ratio(2 * self.linked, self.hits)

    def __add__(self, other: LinkMetrics) -> LinkMetrics:
        return LinkMetrics(
            self.hits + other.hits,
            self.pairs + other.pairs,
            self.true_pairs + other.true_pairs,
            self.linked + other.linked,
            self.linked_true + other.linked_true,
        )


def link_metrics(graph: HitGraph) -> LinkMetrics:
    """Counts of one graph whose edges are pairs, each once. Raises ValueError without particle_id. O(N log N + E)."""
    if graph.particle_id is None:
        raise ValueError(f"{graph.name}: hits have no particle_id, so pairs cannot be told true or false")
    source, target = graph.particle_id[graph.edge_index]
    linked_true = int(np.count_nonzero((source == target) & (source != 0)))
    hits = graph.num_nodes
    return LinkMetrics(hits, hits * (hits - 1) // 2, true_pairs(graph.particle_id), graph.num_edges, linked_true)


def true_pairs(particle_id: NDArray[np.int64]) -> int:
    """Number of pairs of hits of one particle."""
    _, sizes = np.unique(particle_id[particle_id != 0], return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum())


@dataclass(frozen=True)
class LinkCurve:
    """ε+, ε− and ⟨d⟩ against the threshold, which falls from row to row: one row each where it changes anything."""

    threshold: NDArray[np.float64]  # (n,) least share of true pairs that links
    efficiency: NDArray[np.float64]  # (n,) ε+
    false_positive_rate: NDArray[np.float64]  # (n,) ε−
    mean_degree: NDArray[np.float64]  # (n,) ⟨d⟩

    def at_efficiency(self, wanted: float) -> int:
        """The row of the highest threshold whose ε+ is `wanted` or more. Raises ValueError where none is."""
        row = int(np.searchsorted(self.efficiency, wanted))
        if row == len(self.efficiency):
            best = self.efficiency[-1] if row else 0.0
            raise ValueError(
                f"ε+ reaches {best:.4f} with all that the fit counted, wanted {wanted}; fit with more events or views, "
                "or with fewer voxels"
            )
        return row


def link_curve(dynamics: VoxelDynamics, events: Iterable[TrueHits]) -> LinkCurve:
    """The curve over all pairs of hits of `events`, from the threshold of `dynamics` upwards. O(linked pairs · log)."""
    shares, labels = [np.zeros(0)], [np.zeros(0, bool)]
    total = LinkMetrics(0, 0, 0, 0, 0)
    for event in events:
        edges = dynamics.edges(event.points)
        first, second = event.particle_id[edges]
        shares.append(dynamics.shares_of(event.points, edges))
        labels.append((first == second) & (first != 0))
        hits = len(event.points)
        total += LinkMetrics(hits, hits * (hits - 1) // 2, true_pairs(event.particle_id), 0, 0)
    share, label = np.concatenate(shares), np.concatenate(labels)
    order = np.argsort(-share, kind="stable")
    share, label = share[order], label[order]
    last = np.flatnonzero(np.append(np.diff(share) != 0, True)[: len(share)])
    linked, linked_true = last + 1, np.cumsum(label)[last]
    return LinkCurve(
        share[last],
        linked_true / max(total.true_pairs, 1),
        (linked - linked_true) / max(total.pairs - total.true_pairs, 1),
        2 * linked / max(total.hits, 1),
    )


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
