"""Toy graphs of HyperTrack's kind: unordered pairs of hits, true where both are of one particle."""

from __future__ import annotations

import numpy as np

from edgetrack.graphs.hitgraph import HitGraph


def tracks(seed: int, particles: int = 8, layers: int = 4, noise: int = 4) -> HitGraph:
    """Straight tracks from the origin and some noise; every pair of hits of two layers is an edge."""
    rng = np.random.default_rng(seed)
    radius, track = np.meshgrid(0.2 * np.arange(1, layers + 1), np.arange(particles))
    phi, slope = rng.uniform(-0.9, 0.9, particles), rng.uniform(-1, 1, particles)
    x = np.stack([radius, phi[track] + rng.normal(0, 0.01, radius.shape), slope[track] * radius], 2).reshape(-1, 3)
    x = np.concatenate([x, rng.uniform(-1, 1, (noise, 3)) * [0, 1, 1] + [0.4, 0, 0]])
    particle = np.concatenate([track.ravel() + 1, np.zeros(noise, int)])
    first, second = np.triu_indices(len(x), 1)
    apart = x[first, 0] != x[second, 0]
    edges = np.stack([first[apart], second[apart]])
    y = (particle[edges[0]] == particle[edges[1]]) & (particle[edges[0]] > 0)
    weight = np.where(particle > 0, rng.uniform(0.5, 1, len(x)), 0.0)
    return HitGraph(x, edges, y, particle, weight=weight, name=f"tracks{seed}")
