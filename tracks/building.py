"""From edge logits to track candidates, by a method of choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.dbscan import dbscan


@dataclass(frozen=True)
class TrackBuildingConfig:
    """How candidates are made from scored edges.

    `min_hits`: smaller candidates are dropped. `min_samples` is DBSCAN's: hits, itself included, that a core hit needs
    within reach.
    """

    method: Literal["connected_components", "dbscan"] = "connected_components"
    min_hits: int = 2
    min_samples: int = 2


Builder = Callable[[int, NDArray[np.int64], NDArray[np.floating], float, TrackBuildingConfig], TrackCandidates]


def build_tracks(
    num_nodes: int,
    edge_index: NDArray[np.int64],
    logits: NDArray[np.floating],
    threshold: float,
    config: TrackBuildingConfig = TrackBuildingConfig(),
) -> TrackCandidates:
    """Candidates from the edges whose logit is above `threshold`.

    Args: num_nodes N; edge_index (2, E) int64; logits (E,) float; threshold, a logit.
    Raises: ValueError for an unknown method or shapes that do not fit. Cost: that of the method.
    """
    if config.method not in BUILDERS:
        raise ValueError(f"track building method {config.method!r} is unknown, wanted one of {sorted(BUILDERS)}")
    return BUILDERS[config.method](num_nodes, edge_index, logits, threshold, config)


def _by_connected_components(
    num_nodes: int,
    edge_index: NDArray[np.int64],
    logits: NDArray[np.floating],
    threshold: float,
    config: TrackBuildingConfig,
) -> TrackCandidates:
    return connected_components(num_nodes, edge_index, kept_edges(logits, threshold), config.min_hits)


def _by_dbscan(
    num_nodes: int,
    edge_index: NDArray[np.int64],
    logits: NDArray[np.floating],
    threshold: float,
    config: TrackBuildingConfig,
) -> TrackCandidates:
    """Distance 1 − score; edges at or below threshold are out of reach, the others all within."""
    distance = np.where(kept_edges(logits, threshold), expit(-np.asarray(logits, np.float64)), np.inf)
    return dbscan(num_nodes, edge_index, distance, eps=1.0, min_samples=config.min_samples, min_hits=config.min_hits)


BUILDERS: dict[str, Builder] = {
    "connected_components": _by_connected_components,
    "dbscan": _by_dbscan,
}
