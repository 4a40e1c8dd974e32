"""The score of the TrackML challenge: weight of the hits that are in a track that matches their particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def trackml_score(
    track_id: NDArray[np.integer], particle_id: NDArray[np.integer], weight: NDArray[np.floating]
) -> float:
    """Sum of the weights of rightly assigned hits / sum of all weights.

    A hit is rightly assigned where its track and its particle share more than half of the hits of both (double
    majority, over the hits given here). Amrouche et al., "The Tracking Machine Learning Challenge: Accuracy Phase"
    (2019), section 3; equal to `score_event` of the challenge's `trackml` package, so each track_id is a track, 0 too,
    and noise (particle 0) a particle, whose hits weigh nothing.

    Args: for every hit of one event, in one order: track_id (H,), particle_id (H,), weight (H,).
    Raises ValueError for arrays of different lengths, a negative weight, or weights that add up to 0. O(H log H).
    """
    tracks, particles, weights = np.asarray(track_id), np.asarray(particle_id), np.asarray(weight, np.float64)
    if not tracks.shape == particles.shape == weights.shape == (len(weights),):
        raise ValueError(f"track_id {tracks.shape}, particle_id {particles.shape}, weight {weights.shape}, wanted (H,)")
    total = float(weights.sum())
    if not (weights >= 0).all() or not total > 0:
        raise ValueError(f"weights add up to {total}, the least is {weights.min(initial=0)}; wanted hits that count")
    _, track, track_hits = np.unique(tracks, return_inverse=True, return_counts=True)
    ids, particle, particle_hits = np.unique(particles, return_inverse=True, return_counts=True)
    _, pair, shared = np.unique(track * len(ids) + particle, return_inverse=True, return_counts=True)
    right = (2 * shared[pair] > track_hits[track]) & (2 * shared[pair] > particle_hits[particle])
    return float(weights[right].sum()) / total
