"""From edge logits to track candidates, by a method of choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.best_neighbours import best_neighbours
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.dbscan import dbscan
from edgetrack.tracks.extrapolation import extrapolated_links


@dataclass(frozen=True)
class TrackBuildingConfig:
    """How candidates are made from scored edges.

    `best_neighbours` is for edges from inner to outer hits, as `HitGraph` has them; the other methods take edges of
    any direction. `min_hits`: smaller candidates are dropped. `margin` and `tolerance` are of `best_neighbours`: the
    lead in logits that an edge at the end of a chain needs, and the misfit up to which chains are extrapolated to each
    other (0: not at all). Both were chosen on validation graphs (docs/tracks.md). `min_samples` is DBSCAN's: hits,
    itself included, that a core hit needs within reach.
    """

    method: Literal["best_neighbours", "connected_components", "dbscan"] = "best_neighbours"
    min_hits: int = 2
    margin: float = 1.5
    tolerance: float = 3.0
    min_samples: int = 2

    def __post_init__(self) -> None:
        if self.method not in BUILDERS:
            raise ValueError(f"track building method {self.method!r} is unknown, wanted one of {sorted(BUILDERS)}")
        if not (self.margin >= 0 and self.tolerance >= 0):
            raise ValueError(f"margin = {self.margin}, tolerance = {self.tolerance}, wanted both at least 0")


Builder = Callable[[HitGraph, NDArray[np.floating], float, TrackBuildingConfig], TrackCandidates]


def build_tracks(
    graph: HitGraph,
    logits: NDArray[np.floating],
    threshold: float,
    config: TrackBuildingConfig | None = None,
) -> TrackCandidates:
    """Candidates of `graph` from the edges whose logit is above `threshold`.

    Args: logits (E,) float, ±inf allowed; threshold, a logit.
    Raises: ValueError for logits that do not fit the graph. Cost: that of the method.
    """
    config = config or TrackBuildingConfig()
    if np.shape(logits) != (graph.num_edges,):
        raise ValueError(f"{graph.name}: logits have shape {np.shape(logits)}, wanted ({graph.num_edges},)")
    return BUILDERS[config.method](graph, logits, threshold, config)


def _by_best_neighbours(
    graph: HitGraph, logits: NDArray[np.floating], threshold: float, config: TrackBuildingConfig
) -> TrackCandidates:
    """Chains of mutual best neighbours, linked where one continues another; then components. O(N log N + E)."""
    taken = best_neighbours(graph.num_nodes, graph.edge_index, logits, threshold, config.margin)
    edges = graph.edge_index[:, taken]
    if config.tolerance > 0:
        scored = kept_edges(logits, threshold)
        links = extrapolated_links(graph.x, graph.edge_index, taken, scored, config.tolerance)
        edges = np.concatenate([edges, links], axis=1)
    return connected_components(graph.num_nodes, edges, np.ones(edges.shape[1], np.bool_), config.min_hits)


def _by_connected_components(
    graph: HitGraph, logits: NDArray[np.floating], threshold: float, config: TrackBuildingConfig
) -> TrackCandidates:
    return connected_components(graph.num_nodes, graph.edge_index, kept_edges(logits, threshold), config.min_hits)


def _by_dbscan(
    graph: HitGraph, logits: NDArray[np.floating], threshold: float, config: TrackBuildingConfig
) -> TrackCandidates:
    """Distance 1 − score; edges at or below threshold are out of reach, the others all within."""
    distance = np.where(kept_edges(logits, threshold), expit(-np.asarray(logits, np.float64)), np.inf)
    return dbscan(
        graph.num_nodes,
        graph.edge_index,
        distance,
        eps=1.0,
        min_samples=config.min_samples,
        min_hits=config.min_hits,
    )


BUILDERS: dict[str, Builder] = {
    "best_neighbours": _by_best_neighbours,
    "connected_components": _by_connected_components,
    "dbscan": _by_dbscan,
}
