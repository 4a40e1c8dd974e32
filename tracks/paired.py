"""What changes between two sets of decisions on the same edges or particles."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.matching import match_candidates
from edgetrack.tracks.ratio import Ratio
from edgetrack.tracks.track_metrics import MatchingConfig


@dataclass(frozen=True)
class Change:
    """Trials (edges or particles) that are right after and were not before, and the other way round.

    Changes of one sample add: from a to b, and from b to c, is from a to c in `value`.
    """

    gained: int
    lost: int
    trials: int

    @property
    def value(self) -> float | None:
        """(gained − lost) / trials: the fraction after less that before. None without trials."""
        return (self.gained - self.lost) / self.trials if self.trials else None

    @property
    def error(self) -> float | None:
        """One standard deviation: the binomial ones (Clopper–Pearson) of gained and of lost, in quadrature.

        Trials that are decided alike before and after do not count, so that this is much less than the uncertainties
        of both fractions. Never 0: a loss that was not seen may still be there. None without trials.
        """
        gained, lost = (Ratio(count, self.trials).error for count in (self.gained, self.lost))
        return None if gained is None or lost is None else hypot(gained, lost)


def change(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Change:
    """From `before` (n,) to `after` (n,), the right ones of the same trials. Raises ValueError for two sizes."""
    if before.shape != after.shape:
        raise ValueError(f"{before.shape} trials before and {after.shape} after, wanted the same ones")
    return Change(int(np.count_nonzero(after & ~before)), int(np.count_nonzero(before & ~after)), before.size)


def right_edges(graph: HitGraph, logits: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """(E,) bool: a true edge above the threshold, or a false one not above it. Raises ValueError without labels."""
    if graph.y is None:
        raise ValueError(f"{graph.name} has no edge labels; accuracy needs them")
    right: NDArray[np.bool_] = kept_edges(logits, threshold) == graph.y
    return right


def matched_particles(
    graph: HitGraph, candidates: TrackCandidates, config: MatchingConfig | None = None
) -> NDArray[np.bool_]:
    """(particles,) bool: matched by double majority; always the same particles of a graph, in order of their id."""
    config = config or MatchingConfig()
    return match_candidates(graph, candidates, config.min_particle_hits, config.min_candidate_hits).double_majority


def matched_by_true_edges(
    graph: HitGraph, edges: NDArray[np.bool_], config: MatchingConfig | None = None
) -> NDArray[np.bool_]:
    """(particles,) bool: matched where perfect scores keep each true edge among `edges` (E,) and no other: the ceiling.

    Raises ValueError without labels or particle ids. O(E + N log N).
    """
    if graph.y is None:
        raise ValueError(f"{graph.name} has no edge labels; perfect scores need them")
    candidates = connected_components(graph.num_nodes, graph.edge_index, graph.y & edges)
    return matched_particles(graph, candidates, config)
