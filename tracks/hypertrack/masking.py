"""What a clustering by masks is given beside the scores of edges: the network's view of each hit, and a mask model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import MaskModel, Micrographs
from edgetrack.tracks.matching import NOISE


@dataclass(frozen=True)
class Masking:
    """The latent of each hit of one graph, as a network made it of all edges that it saw, and who makes masks of it."""

    latent: NDArray[np.floating]  # (N, L)
    model: MaskModel

    def permuted(self, node_order: NDArray[np.int64]) -> Masking:
        """The same for the graph whose hits are in that order."""
        return Masking(self.latent[node_order], self.model)


def true_masking(graph: HitGraph) -> Masking:
    """Masks that are right: the hits of the particle that most pivots are of. The latent is the particle's number.

    Raises ValueError without particle_id.
    """
    if graph.particle_id is None:
        raise ValueError(f"{graph.name}: particle_id is missing; right masks need the truth of each hit")
    number = np.unique(graph.particle_id, return_inverse=True)[1] + 1
    return Masking(np.where(graph.particle_id == NOISE, NOISE, number)[:, None].astype(np.float64), _true_masks)


def _true_masks(graph: HitGraph, latent: NDArray[np.floating], micrographs: Micrographs) -> NDArray[np.floating]:
    particle = latent[:, 0].astype(np.int64)
    right = true_tokens(micrographs, particle, pivot_majority(particle[micrographs.pivots]))
    return np.where(right, np.float32(np.inf), np.float32(-np.inf))


def pivot_majority(particles: NDArray[np.integer]) -> NDArray[np.int64]:
    """(B,) the particle that most pivots are of; of as many pivots the one that comes first. Noise (0) has no vote,
    and is the answer where there is no other. Args: particles (B, P), of the pivots. O(B P²)."""
    votes = (particles[:, :, None] == particles[:, None, :]).sum(axis=2) * (particles != NOISE)
    return np.asarray(np.take_along_axis(particles, votes.argmax(axis=1)[:, None], axis=1)[:, 0], np.int64)


def true_tokens(
    micrographs: Micrographs, particle_id: NDArray[np.integer], particle: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """(T,) bool: the token is a hit of its micrograph's particle (B,), which is not noise."""
    wanted = particle[micrographs.owner]
    return np.asarray((particle_id[micrographs.nodes] == wanted) & (wanted != NOISE))
