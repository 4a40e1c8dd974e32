"""Tracking efficiencies, fakes and duplicates, overall and in bins of pT and η."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.matching import Matches, match_candidates
from edgetrack.tracks.ratio import Ratio


@dataclass(frozen=True)
class MatchingConfig:
    """Cuts on what counts as particle and candidate, and the bins.

    By default a particle counts from two hits in the graph and a candidate from two hits: the least that an edge can
    find. With these cuts and the truth labels as scores, connected components on the 75 graphs of real TrackML events
    reach the ceiling perfect .955 / .951 / .944 and double majority .987 / .987 / .983 at 2 / 1.5 / 1 GeV. The figures
    to be met, from 20 events of the same kind, are .954 / .950 / .941 and .988 / .987 / .983: equal within the spread
    of 20 events (χ² = 3.3 for the 6 figures, if those events are independent of the 75). They do not single out this
    definition: particles of one hit counted too, as in the published code of the Interaction Network, also agree
    (χ² = 6.4; a lone hit then counts as found whatever the network does), and so do particles from three hits found by
    candidates of any size (8.2). Three hits on both sides do not: double majority is then .977 / .977 / .974.

    `pt_edges` in GeV and `eta_edges` are lower edges of bins and the last upper one; values outside are in no bin.
    """

    min_particle_hits: int = 2
    min_candidate_hits: int = 2
    pt_edges: tuple[float, ...] = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)
    eta_edges: tuple[float, ...] = (-4.0, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)

    def __post_init__(self) -> None:
        for name in ("min_particle_hits", "min_candidate_hits"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}, wanted at least 1")
        for name in ("pt_edges", "eta_edges"):
            edges = getattr(self, name)
            if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
                raise ValueError(f"{name} = {edges}, wanted two or more rising numbers")


@dataclass(frozen=True)
class TrackCounts:
    """Counts from which all figures follow; counts of two samples add (pooled: each particle weighs the same).

    Definitions of perfect, double majority and LHC match: DeZoort et al., "Charged particle tracking via
    edge-classifying interaction networks" (2021). "Particles" and "candidates" are those that pass the cuts of
    `MatchingConfig`; noise hits belong to no particle, but count as hits of their candidate.
    """

    particles: int
    candidates: int
    perfect_particles: int
    double_majority_particles: int
    found_particles: int
    lhc_candidates: int
    duplicate_candidates: int

    def __add__(self, other: TrackCounts) -> TrackCounts:
        return TrackCounts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def perfect(self) -> Ratio:
        """Particles for which one candidate has all their hits in the graph and no other hit / particles."""
        return Ratio(self.perfect_particles, self.particles)

    @property
    def double_majority(self) -> Ratio:
        """Particles that share with one candidate > 50 % of its hits and > 50 % of their own / particles.

        At most one candidate can match a particle so, and the other way round. This is not the TrackML score, which
        weights hits.
        """
        return Ratio(self.double_majority_particles, self.particles)

    @property
    def lhc(self) -> Ratio:
        """LHC match: candidates with > 75 % of their hits from one particle / candidates.

        The particle may be of any size: this is a purity of candidates. Short pieces of a track match.
        """
        return Ratio(self.lhc_candidates, self.candidates)

    @property
    def lhc_efficiency(self) -> Ratio:
        """Particles to which at least one candidate is LHC matched / particles."""
        return Ratio(self.found_particles, self.particles)

    @property
    def fake_rate(self) -> Ratio:
        """Candidates without an LHC match, so with ≤ 75 % of their hits from any one particle / candidates."""
        return Ratio(self.candidates - self.lhc_candidates, self.candidates)

    @property
    def duplicate_rate(self) -> Ratio:
        """LHC-matched candidates beyond the first of each particle / candidates."""
        return Ratio(self.duplicate_candidates, self.candidates)


FIGURES = ("double_majority", "perfect", "lhc", "lhc_efficiency", "fake_rate", "duplicate_rate")


@dataclass(frozen=True)
class Bin:
    """Counts of particles with low <= value < high, and of candidates most of whose hits come from such particles.

    A candidate that is mostly noise is in no bin.
    """

    low: float
    high: float
    counts: TrackCounts


@dataclass(frozen=True)
class TrackMetrics:
    """Counts overall and in bins; `a + b` pools two samples with the same bins."""

    overall: TrackCounts
    by_pt: tuple[Bin, ...]  # GeV; empty where the graph has no pt
    by_eta: tuple[Bin, ...]  # empty where the graph has no eta

    def above(self, pt: float) -> TrackCounts:
        """Counts of the bins that lie above `pt` (GeV) as a whole; without particles where there is none."""
        return sum((b.counts for b in self.by_pt if b.low >= pt), TrackCounts(0, 0, 0, 0, 0, 0, 0))

    def __add__(self, other: TrackMetrics) -> TrackMetrics:
        return TrackMetrics(
            self.overall + other.overall, _add_bins(self.by_pt, other.by_pt), _add_bins(self.by_eta, other.by_eta)
        )


def match(graph: HitGraph, candidates: TrackCandidates, config: MatchingConfig = MatchingConfig()) -> TrackMetrics:
    """Tracking figures of the candidates of one graph; the order of hits plays no part.

    Raises: ValueError without particle_id, or when the candidates are of another graph. O(N log N).
    """
    matches = match_candidates(graph, candidates, config.min_particle_hits, config.min_candidate_hits)
    everything = np.ones(len(matches.perfect), np.bool_), np.ones(len(matches.lhc), np.bool_)
    return TrackMetrics(
        _count(matches, *everything),
        _binned(matches, matches.particle_pt, matches.candidate_pt, config.pt_edges),
        _binned(matches, matches.particle_eta, matches.candidate_eta, config.eta_edges),
    )


def pooled(metrics: Iterable[TrackMetrics]) -> TrackMetrics:
    """The metrics of all graphs as one sample. Raises ValueError when there is none."""
    total: TrackMetrics | None = None
    for value in metrics:
        total = value if total is None else total + value
    if total is None:
        raise ValueError("no graph to pool; give at least one")
    return total


def _count(matches: Matches, particles: NDArray[np.bool_], candidates: NDArray[np.bool_]) -> TrackCounts:
    def both(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> int:
        return int(np.count_nonzero(left & right))

    return TrackCounts(
        particles=int(np.count_nonzero(particles)),
        candidates=int(np.count_nonzero(candidates)),
        perfect_particles=both(matches.perfect, particles),
        double_majority_particles=both(matches.double_majority, particles),
        found_particles=both(matches.found, particles),
        lhc_candidates=both(matches.lhc, candidates),
        duplicate_candidates=both(matches.duplicate, candidates),
    )


def _binned(
    matches: Matches,
    of_particles: NDArray[np.floating] | None,
    of_candidates: NDArray[np.floating] | None,
    edges: tuple[float, ...],
) -> tuple[Bin, ...]:
    if of_particles is None or of_candidates is None:
        return ()
    return tuple(
        Bin(
            low,
            high,
            _count(
                matches, (of_particles >= low) & (of_particles < high), (of_candidates >= low) & (of_candidates < high)
            ),
        )
        for low, high in pairwise(edges)
    )


def _add_bins(left: tuple[Bin, ...], right: tuple[Bin, ...]) -> tuple[Bin, ...]:
    if [(b.low, b.high) for b in left] != [(b.low, b.high) for b in right]:
        raise ValueError("two samples have different bins (or one has no pT or η); match both with one MatchingConfig")
    return tuple(Bin(a.low, a.high, a.counts + b.counts) for a, b in zip(left, right, strict=True))
