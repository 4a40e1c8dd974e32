"""Which candidate found which particle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.candidates import TrackCandidates

NOISE = 0  # particle_id of a hit that no particle made


@dataclass(frozen=True)
class Matches:
    """Verdicts on the P particles and the C candidates that the cuts of `match_candidates` let count."""

    perfect: NDArray[np.bool_]  # (P,) a candidate has all hits of the particle and no other
    double_majority: NDArray[np.bool_]  # (P,) a candidate and the particle share more than half of the hits of both
    found: NDArray[np.bool_]  # (P,) at least one candidate is LHC matched to the particle
    particle_pt: NDArray[np.float64] | None  # (P,) GeV
    particle_eta: NDArray[np.float64] | None  # (P,)
    lhc: NDArray[np.bool_]  # (C,) more than 75 % of the candidate's hits come from one particle
    duplicate: NDArray[np.bool_]  # (C,) LHC matched to a particle for which another candidate already stands
    candidate_pt: NDArray[np.float64] | None  # (C,) GeV, of the particle with most of its hits; nan for noise
    candidate_eta: NDArray[np.float64] | None  # (C,)


@dataclass(frozen=True)
class Overlaps:
    """The pairs of a candidate and a particle that share hits."""

    ids: NDArray[np.int64]  # (all particles,) particle_id, ascending, noise included
    particle: NDArray[np.int64]  # (N,) index into ids of each hit
    particle_hits: NDArray[np.int64]  # (all particles,)
    candidate_hits: NDArray[np.int64]  # (all candidates,)
    candidate: NDArray[np.int64]  # (pairs,)
    partner: NDArray[np.int64]  # (pairs,) index into ids
    shared: NDArray[np.int64]  # (pairs,) hits in common

    @property
    def double_majority(self) -> NDArray[np.bool_]:
        """(pairs,) more than half of the candidate's hits, and more than half of the particle's, are shared."""
        twice = 2 * self.shared
        return (twice > self.candidate_hits[self.candidate]) & (twice > self.particle_hits[self.partner])

    @property
    def lhc(self) -> NDArray[np.bool_]:
        """(pairs,) more than 75 % of the candidate's hits are shared."""
        return 4 * self.shared > 3 * self.candidate_hits[self.candidate]

    def real(self, min_candidate_hits: int) -> NDArray[np.bool_]:
        """(pairs,) a candidate of at least so many hits, and a particle that is not noise."""
        large = self.candidate_hits[self.candidate] >= min_candidate_hits
        return np.asarray(large & (self.ids[self.partner] != NOISE))


def match_candidates(
    graph: HitGraph, candidates: TrackCandidates, min_particle_hits: int = 2, min_candidate_hits: int = 2
) -> Matches:
    """Compare candidates with the truth of the graph's hits.

    Particles: those with at least `min_particle_hits` hits in the graph; noise (particle_id 0) is none. Candidates:
    those with at least `min_candidate_hits` hits, noise hits included. Only hits in the graph count: what selection
    or construction lost before does not.

    Raises: ValueError without particle_id, or when the candidates are of another graph. O(N log N).
    """
    overlaps = find_overlaps(graph, candidates)
    particle_hits, candidate_hits = overlaps.particle_hits, overlaps.candidate_hits
    candidate, partner, shared = overlaps.candidate, overlaps.partner, overlaps.shared
    particles = (particle_hits >= min_particle_hits) & (overlaps.ids != NOISE)
    large = candidate_hits >= min_candidate_hits
    real = overlaps.real(min_candidate_hits)

    perfect = real & (shared == candidate_hits[candidate]) & (shared == particle_hits[partner])
    double_majority = real & overlaps.double_majority
    lhc = np.flatnonzero(real & overlaps.lhc)
    first_of_particle = np.unique(partner[lhc], return_index=True)[1]
    duplicate = np.delete(lhc, first_of_particle)

    main = _main_particle(overlaps)
    pt, eta = _of_particles(graph.pt, overlaps), _of_particles(graph.eta, overlaps)
    return Matches(
        perfect=_marked(partner[perfect], len(particles))[particles],
        double_majority=_marked(partner[double_majority], len(particles))[particles],
        found=_marked(partner[lhc], len(particles))[particles],
        particle_pt=None if pt is None else pt[particles],
        particle_eta=None if eta is None else eta[particles],
        lhc=_marked(candidate[lhc], len(large))[large],
        duplicate=_marked(candidate[duplicate], len(large))[large],
        candidate_pt=None if pt is None else pt[main][large],
        candidate_eta=None if eta is None else eta[main][large],
    )


def find_overlaps(graph: HitGraph, candidates: TrackCandidates) -> Overlaps:
    if graph.particle_id is None:
        raise ValueError(f"{graph.name}: particle_id is missing; tracking efficiencies need the truth of each hit")
    if candidates.num_hits != graph.num_nodes:
        raise ValueError(
            f"{graph.name}: candidates label {candidates.num_hits} hits, wanted {graph.num_nodes}: those of this graph"
        )
    ids, particle = np.unique(graph.particle_id, return_inverse=True)
    assigned = candidates.labels >= 0
    pair, shared = np.unique(candidates.labels[assigned] * len(ids) + particle[assigned], return_counts=True)
    candidate, partner = np.divmod(pair, max(len(ids), 1))
    return Overlaps(
        ids, particle, np.bincount(particle, minlength=len(ids)), candidates.sizes, candidate, partner, shared
    )


def _main_particle(overlaps: Overlaps) -> NDArray[np.int64]:
    """(all candidates,) index of the particle with most hits of each; of equals the one of smallest id, noise last."""
    noise = overlaps.ids[overlaps.partner] == NOISE
    order = np.lexsort((overlaps.partner, noise, -overlaps.shared, overlaps.candidate))
    first = np.unique(overlaps.candidate[order], return_index=True)[1]
    return overlaps.partner[order[first]]


def _of_particles(values: NDArray[np.float32] | None, overlaps: Overlaps) -> NDArray[np.float64] | None:
    """(all particles,) the value that the hits (N,) of each particle carry; nan for noise."""
    if values is None:
        return None
    out = np.full(len(overlaps.ids), np.nan)
    out[overlaps.particle] = values
    out[overlaps.ids == NOISE] = np.nan
    return out


def _marked(index: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """(size,) bool, true at `index`."""
    out = np.zeros(size, np.bool_)
    out[index] = True
    return out
