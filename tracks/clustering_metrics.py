"""HyperTrack's figures of merit: double majority score, clustering efficiency and purity of events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.matching import NOISE, Overlaps, find_overlaps
from edgetrack.tracks.ratio import Ratio


@dataclass(frozen=True)
class ClusteringMetricsConfig:
    """`min_hits`: particles with fewer hits in the graph, and candidates with fewer, do not count.

    `prompt_r`, mm: particles produced nearer to the beam are prompt, the others displaced. `pt_edges` in GeV are lower
    edges of bins and the last upper one; values outside are in no bin.
    """

    min_hits: int = 4
    prompt_r: float = 10.0
    pt_edges: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)

    def __post_init__(self) -> None:
        if self.min_hits < 1 or not self.prompt_r > 0:
            raise ValueError(f"min_hits {self.min_hits}, prompt_r {self.prompt_r}; wanted at least 1, and above 0 mm")
        if len(self.pt_edges) < 2 or not all(low < high for low, high in pairwise(self.pt_edges)):
            raise ValueError(f"pt_edges = {self.pt_edges}, wanted two or more rising numbers")


@dataclass(frozen=True)
class EfficiencyBin:
    """Matched particles / particles with low <= pT < high, in GeV, of two kinds."""

    low: float
    high: float
    prompt: Ratio
    displaced: Ratio


@dataclass(frozen=True)
class EventClustering:
    """Counts of one event.

    A candidate and a particle are *matched* when they share more than half of the hits of both (double majority), so
    that each has one partner at most; both have at least `min_hits` hits. Only hits in the graph count.
    """

    particles: int  # with min_hits hits or more; noise is none
    candidates: int  # with min_hits hits or more, of noise too
    matched: int  # pairs
    matched_weight: float | None  # of the hits that a candidate and its particle share; None where hits have no weight
    particle_weight: float | None  # of all hits of the particles
    by_pt: tuple[EfficiencyBin, ...] = ()  # empty where the graph has no pt or no vertex_r

    @property
    def dms(self) -> float | None:
        """Double majority score: weight of the hits that matched candidates share with their particles / weight of all
        hits of particles with `min_hits` hits or more. None without particles or weights.

        It is TrackML's score of the hits of those particles, not of the whole event: hits that a candidate has beyond
        its particle's, and hits of the particle outside it, add nothing.
        """
        if self.matched_weight is None or not self.particle_weight:
            return None
        return self.matched_weight / self.particle_weight

    @property
    def efficiency(self) -> float | None:
        """ℰ = matched pairs / particles with `min_hits` hits or more. None without particles."""
        return self.matched / self.particles if self.particles else None

    @property
    def purity(self) -> float | None:
        """𝒫 = matched pairs / candidates with `min_hits` hits or more. None without candidates.

        Clones and fakes lower it: it is a share of candidates, not of hits.
        """
        return self.matched / self.candidates if self.candidates else None


@dataclass(frozen=True)
class Mean:
    """Over the events in which a figure is defined: each event weighs the same."""

    value: float
    spread: float  # standard deviation of the events (n in the denominator)
    events: int

    @property
    def error(self) -> float | None:
        """Standard deviation of the mean; None for a single event."""
        return self.spread / (self.events - 1) ** 0.5 if self.events > 1 else None


@dataclass(frozen=True)
class ClusteringMetrics:
    """Events together: `a + b` has the events of both.

    arXiv:2309.14113, table 2, gives means over events and the standard deviations of events; so do `dms`, `efficiency`
    and `purity`. The bins of figure 2 are of the particles of all events together.
    """

    events: tuple[EventClustering, ...]

    @property
    def dms(self) -> Mean | None:
        """Mean of `EventClustering.dms`."""
        return _mean(event.dms for event in self.events)

    @property
    def efficiency(self) -> Mean | None:
        """Mean of `EventClustering.efficiency`."""
        return _mean(event.efficiency for event in self.events)

    @property
    def purity(self) -> Mean | None:
        """Mean of `EventClustering.purity`."""
        return _mean(event.purity for event in self.events)

    @property
    def by_pt(self) -> tuple[EfficiencyBin, ...]:
        """Efficiency against pT of prompt and displaced particles; empty where an event has no bins."""
        if not self.events:
            return ()
        rows = list(zip(*(event.by_pt for event in self.events), strict=True)) if self._bins_agree() else []
        none = Ratio(0, 0)
        return tuple(
            EfficiencyBin(
                row[0].low, row[0].high, sum((b.prompt for b in row), none), sum((b.displaced for b in row), none)
            )
            for row in rows
        )

    def __add__(self, other: ClusteringMetrics) -> ClusteringMetrics:
        return ClusteringMetrics(self.events + other.events)

    def _bins_agree(self) -> bool:
        first = [(b.low, b.high) for b in self.events[0].by_pt]
        return all([(b.low, b.high) for b in event.by_pt] == first for event in self.events)


def clustering_metrics(
    graphs: Sequence[HitGraph],
    candidates: Sequence[TrackCandidates],
    config: ClusteringMetricsConfig | None = None,
) -> ClusteringMetrics:
    """The figures of the candidates of each graph. Raises ValueError as `event_clustering`. O(Σ N log N)."""
    pairs = zip(graphs, candidates, strict=True)
    return ClusteringMetrics(tuple(event_clustering(graph, found, config) for graph, found in pairs))


def event_clustering(
    graph: HitGraph, candidates: TrackCandidates, config: ClusteringMetricsConfig | None = None
) -> EventClustering:
    """Counts of one graph; the order of hits plays no part.

    Raises: ValueError without particle_id, or when the candidates are of another graph. O(N log N).
    """
    config = config or ClusteringMetricsConfig()
    overlaps = find_overlaps(graph, candidates)
    particles = (overlaps.particle_hits >= config.min_hits) & (overlaps.ids != NOISE)
    pairs = overlaps.real(config.min_hits) & overlaps.double_majority & particles[overlaps.partner]
    partner = np.full(candidates.num_candidates + 1, -1, np.int64)  # of each candidate; the last of hits in none
    partner[overlaps.candidate[pairs]] = overlaps.partner[pairs]
    right = (partner[candidates.labels] == overlaps.particle) & (partner[candidates.labels] >= 0)
    matched = np.zeros(len(overlaps.ids), np.bool_)
    matched[overlaps.partner[pairs]] = True
    weight = None if graph.weight is None else graph.weight.astype(np.float64)
    return EventClustering(
        particles=int(np.count_nonzero(particles)),
        candidates=int(np.count_nonzero(overlaps.candidate_hits >= config.min_hits)),
        matched=int(np.count_nonzero(pairs)),
        matched_weight=None if weight is None else float(weight[right].sum()),
        particle_weight=None if weight is None else float(weight[particles[overlaps.particle]].sum()),
        by_pt=_by_pt(graph, overlaps, particles, matched, config),
    )


def _by_pt(
    graph: HitGraph,
    overlaps: Overlaps,
    particles: NDArray[np.bool_],
    matched: NDArray[np.bool_],
    config: ClusteringMetricsConfig,
) -> tuple[EfficiencyBin, ...]:
    if graph.pt is None or graph.vertex_r is None:
        return ()
    first = np.unique(overlaps.particle, return_index=True)[1]  # any hit knows its particle's truth
    pt, radius = graph.pt[first], graph.vertex_r[first]

    def ratio(chosen: NDArray[np.bool_]) -> Ratio:
        return Ratio(int(np.count_nonzero(matched & chosen)), int(np.count_nonzero(chosen)))

    return tuple(
        EfficiencyBin(
            low,
            high,
            prompt=ratio(particles & (pt >= low) & (pt < high) & (radius < config.prompt_r)),
            displaced=ratio(particles & (pt >= low) & (pt < high) & (radius >= config.prompt_r)),
        )
        for low, high in pairwise(config.pt_edges)
    )


def _mean(values: Iterable[float | None]) -> Mean | None:
    known = np.array([value for value in values if value is not None])
    return Mean(float(known.mean()), float(known.std()), len(known)) if len(known) else None
