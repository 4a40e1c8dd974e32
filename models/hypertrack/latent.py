"""The value that a HyperTrack network gives each hit for the set transformer, and what having it says of a network."""

from __future__ import annotations

from edgetrack.models.description import NetworkDescription

LATENT = "latent"  # z, (N, L)


def judges_pairs(description: NetworkDescription) -> bool:
    """Whether edges are pairs of hits of one particle, wherever on it, in no order: those of every HyperTrack network.

    Other networks judge doublets, from one hit of a track to the next.
    """
    return LATENT in description.names
