"""From edge logits to track candidates, by a method of choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.latent import judges_pairs
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.best_neighbours import best_neighbours
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.dbscan import dbscan
from edgetrack.tracks.direction import kink_penalties
from edgetrack.tracks.extrapolation import extrapolated_links
from edgetrack.tracks.hdbscan import hdbscan
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig, cluster
from edgetrack.tracks.hypertrack.masking import Masking
from edgetrack.tracks.hypertrack.subgraphs import cut_into_subgraphs

Method = Literal["auto", "best_neighbours", "connected_components", "dbscan", "hdbscan", "hypertrack"]


@dataclass(frozen=True)
class TrackBuildingConfig:
    """How candidates are made from scored edges.

    `auto` is `hypertrack` where there are masks, else `best_neighbours`; `of` takes `connected_components` for networks
    that judge pairs.
    `best_neighbours` is for edges from inner to outer hits, as `HitGraph` has them; the other methods take edges of
    any direction. `min_hits`: smaller candidates are dropped. Three settings are of `best_neighbours`, all chosen on
    validation graphs (docs/tracks.md): `kink`, the largest amount, on either side, by which an edge without a straight
    continuation loses in its logit (0: none); `margin`, the lead in logits below which an edge at the end of a chain is
    ambiguous; `tolerance`, the misfit up to which chains are extrapolated to each other (0: not at all).
    `min_samples` is DBSCAN's and HDBSCAN's: hits, itself included, that a core hit needs within reach. `clustering`
    is for `hypertrack`, which builds by masks and has a smallest candidate of its own.
    """

    method: Method = "auto"
    min_hits: int = 2
    kink: float = 4.0
    margin: float = 2.0
    tolerance: float = 3.0
    min_samples: int = 2
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)

    def __post_init__(self) -> None:
        if self.method not in BUILDERS:
            raise ValueError(f"track building method {self.method!r} is unknown, wanted one of {sorted(BUILDERS)}")
        for name in ("kink", "margin", "tolerance"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} = {getattr(self, name)}, wanted a finite number of at least 0")

    def of(self, description: NetworkDescription, masks: bool = False) -> TrackBuildingConfig:
        """The same with `method` decided where it is "auto": by masks where there are some, by components where the
        network judges pairs, else by best neighbours.
        """
        if self.method != "auto":
            return self
        pairs: Method = "connected_components" if judges_pairs(description) else "best_neighbours"
        return replace(self, method="hypertrack" if masks else pairs)

    def check_asks_masks(self) -> None:
        """Raise ValueError where another method is named than that which builds by masks."""
        if self.method not in ("auto", "hypertrack"):
            raise ValueError(f"masks do not go with building.method {self.method!r}; leave one of them out")


class ScoredGraph(NamedTuple):
    """What every method builds from."""

    graph: HitGraph
    logits: NDArray[np.floating]  # (E,)
    threshold: float  # logit above which an edge joins hits
    masking: Masking | None  # for `hypertrack` alone

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(E,) the edges above the threshold."""
        return kept_edges(self.logits, self.threshold)


Builder = Callable[[ScoredGraph, TrackBuildingConfig], TrackCandidates]


def build_tracks(
    graph: HitGraph,
    logits: NDArray[np.floating],
    threshold: float,
    config: TrackBuildingConfig | None = None,
    masking: Masking | None = None,
) -> TrackCandidates:
    """Candidates of `graph` from the edges whose logit is above `threshold`.

    Args: logits (E,) float, ±inf allowed; threshold, a logit; masking, for the method `hypertrack` alone: the latent of
    the graph's hits and a mask model.
    Raises: ValueError for logits that do not fit the graph, or `hypertrack` without masking. Cost: that of the method.
    """
    config = config or TrackBuildingConfig()
    if np.shape(logits) != (graph.num_edges,):
        raise ValueError(f"{graph.name}: logits have shape {np.shape(logits)}, wanted ({graph.num_edges},)")
    return BUILDERS[config.method](ScoredGraph(graph, logits, threshold, masking), config)


def _by_best_neighbours(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    """Chains of mutual best neighbours, linked where one continues another; then components.

    Logits of edges above threshold are lowered by their kinks first: of two ways on, the straighter one is taken where
    the network cannot tell. Ends of chains that stay ambiguous are decided by extrapolation; an ambiguous edge between
    two hits that are still alone after that is taken after all. O(N log N + E log E + pairs of scored edges).
    """
    graph, kept = scored.graph, scored.kept
    straight = np.where(kept, np.asarray(scored.logits, np.float64), -np.inf)
    if config.kink > 0:
        straight = straight - kink_penalties(graph.x, graph.edge_index, kept, config.kink)
    best = best_neighbours(graph.num_nodes, graph.edge_index, straight, -np.inf, config.margin)
    edges = _linked(graph, best.sure, kept, config.tolerance)
    alone = np.bincount(edges.ravel(), minlength=graph.num_nodes) == 0
    source, target = graph.edge_index
    edges = _linked(graph, best.sure | (best.ambiguous & alone[source] & alone[target]), kept, config.tolerance)
    return connected_components(graph.num_nodes, edges, np.ones(edges.shape[1], np.bool_), config.min_hits)


def _linked(
    graph: HitGraph, taken: NDArray[np.bool_], scored: NDArray[np.bool_], tolerance: float
) -> NDArray[np.int64]:
    """(2, …) the edges of the chains, and links between chains where extrapolation is wanted."""
    edges = graph.edge_index[:, taken]
    if tolerance == 0:
        return edges
    return np.concatenate([edges, extrapolated_links(graph.x, graph.edge_index, taken, scored, tolerance)], axis=1)


def _by_connected_components(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    return connected_components(scored.graph.num_nodes, scored.graph.edge_index, scored.kept, config.min_hits)


def _by_dbscan(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    """Distance 1 − score; edges at or below threshold are out of reach, the others all within."""
    graph = scored.graph
    distance = np.where(scored.kept, expit(-np.asarray(scored.logits, np.float64)), np.inf)
    return dbscan(graph.num_nodes, graph.edge_index, distance, 1.0, config.min_samples, config.min_hits)


def _by_hdbscan(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    """HDBSCAN of the distances 1 − score; edges at or below threshold are as far as hits without an edge."""
    graph, logits, threshold, _ = scored
    subgraphs = cut_into_subgraphs(graph.num_nodes, graph.edge_index, logits, threshold, max(config.min_hits, 2))
    return hdbscan(subgraphs, config.min_samples, config.min_hits)


def _automatic(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    return (_by_best_neighbours if scored.masking is None else _by_hypertrack)(scored, config)


def _by_hypertrack(scored: ScoredGraph, config: TrackBuildingConfig) -> TrackCandidates:
    """Pivots and masks: the loop of `hypertrack.clustering`; `threshold` is the cut that it does not adapt."""
    graph, logits, threshold, masking = scored
    if masking is None:
        raise ValueError(
            f"{graph.name}: building tracks by 'hypertrack' needs masking, the latent of each hit and a mask model; "
            "give both, or take another method"
        )
    return cluster(graph, logits, masking.latent, masking.model, threshold, config.clustering).candidates


BUILDERS: dict[str, Builder] = {
    "auto": _automatic,
    "best_neighbours": _by_best_neighbours,
    "connected_components": _by_connected_components,
    "dbscan": _by_dbscan,
    "hdbscan": _by_hdbscan,
    "hypertrack": _by_hypertrack,
}
