"""The clustering loop: pivots, micrographs, masks, candidates, until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import MaskModel, Micrographs
from edgetrack.tracks.candidates import UNASSIGNED, TrackCandidates
from edgetrack.tracks.hypertrack.mask_threshold import MaskThreshold, chosen_tokens
from edgetrack.tracks.hypertrack.pivots import (
    NONE,
    PivotConfig,
    PivotPaths,
    micrographs_around,
    pivot_paths,
)
from edgetrack.tracks.hypertrack.subgraphs import Subgraphs, cut_into_subgraphs, cut_of_mean_degree


@dataclass(frozen=True)
class ClusteringConfig:
    """The clustering of arXiv:2309.14113, section 2 and table 1.

    `mean_degree`: the edge cut c_e is adapted in each event so that a hit keeps so many edges on average; without it
    the cut is the threshold that track building is given. `min_graph`: smaller subgraphs are noise. `mask`: which hits
    of a micrograph belong to the pivots. `min_cluster_size`: fewer of them are no candidate, but a failure of the
    pivots. `max_failures`: a hit that failed so often is not looked at again.
    """

    mean_degree: float | None = None
    min_graph: int = 4
    pivots: PivotConfig = field(default_factory=PivotConfig)
    mask: MaskThreshold = field(default_factory=MaskThreshold)
    min_cluster_size: int = 4
    max_failures: int = 2

    def __post_init__(self) -> None:
        for name in ("min_graph", "min_cluster_size", "max_failures"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}, wanted at least 1")
        if self.mean_degree is not None and not 0 <= self.mean_degree < np.inf:
            raise ValueError(f"mean_degree = {self.mean_degree}, wanted a number of at least 0, or none")


@dataclass(frozen=True)
class Clustering:
    """What the loop made of one graph."""

    candidates: TrackCandidates
    failures: NDArray[np.int64]  # (N,) how often each hit was a pivot without a candidate
    subgraphs: int
    iterations: int
    micrographs: int  # that the mask model was asked about


def cluster(
    graph: HitGraph,
    logits: NDArray[np.floating],
    latent: NDArray[np.floating],
    mask_model: MaskModel,
    cut: float,
    config: ClusteringConfig | None = None,
) -> Clustering:
    """Candidates of `graph` from the scores of its edges and the masks of `mask_model`.

    Again and again: the best path of pivots in every subgraph with active hits enough; the micrographs around the paths
    that have all their pivots; one call of the mask model on all of them; the hits that a mask chooses are a candidate
    when they are enough, and active no more. Else, and where a path was too short, each of its hits has failed once
    more, and after `max_failures` of them it is not active any more.

    It ends: every iteration takes from each subgraph that is left an active hit, or at least one of the `max_failures`
    that its active hits have left. So there are at most `max_failures` × (hits of the largest subgraph) iterations.

    Args: logits (E,) of the edges; latent (N, L) of the hits, for the mask model; cut, a logit, where the config does
    not adapt it.
    Raises: ValueError for logits or latent of another graph, or masks that are not one number a token.
    """
    config = config or ClusteringConfig()
    if latent.ndim != 2 or len(latent) != graph.num_nodes:
        raise ValueError(f"{graph.name}: latent has shape {latent.shape}, wanted ({graph.num_nodes}, L)")
    if config.mean_degree is not None:
        cut = cut_of_mean_degree(graph.num_nodes, logits, config.mean_degree)
    subgraphs = cut_into_subgraphs(graph.num_nodes, graph.edge_index, logits, cut, config.min_graph)
    labels = np.full(graph.num_nodes, UNASSIGNED, np.int64)
    failures = np.zeros(graph.num_nodes, np.int64)
    iterations, asked = 0, 0
    while True:
        active = (labels == UNASSIGNED) & (failures < config.max_failures)
        paths = pivot_paths(subgraphs, active, iterations, config.pivots)
        if not len(paths.subgraph):
            candidates = TrackCandidates.from_labels(labels)
            return Clustering(candidates, failures, len(subgraphs), iterations, asked)
        failed = paths.hits[~paths.whole].ravel()
        if paths.whole.any():
            micrographs = _micrographs(subgraphs, active, paths, config)
            chosen = chosen_tokens(micrographs, _masks(graph, latent, mask_model, micrographs), config.mask)
            found = np.bincount(micrographs.owner[chosen], minlength=len(micrographs)) >= config.min_cluster_size
            taken = chosen & found[micrographs.owner]
            labels[micrographs.nodes[taken]] = asked + micrographs.owner[taken]
            failed = np.concatenate([failed, micrographs.pivots[~found].ravel()])
            asked += len(micrographs)
        failures[failed[failed != NONE]] += 1  # a hit is on one path at most
        iterations += 1


def _micrographs(
    subgraphs: Subgraphs, active: NDArray[np.bool_], paths: PivotPaths, config: ClusteringConfig
) -> Micrographs:
    whole = PivotPaths(paths.subgraph[paths.whole], paths.hits[paths.whole])
    return micrographs_around(subgraphs, active, whole, config.pivots.micrograph)


def _masks(
    graph: HitGraph, latent: NDArray[np.floating], mask_model: MaskModel, micrographs: Micrographs
) -> NDArray[np.float64]:
    """(T,) logits of all micrographs at once."""
    masks = np.asarray(mask_model(graph, latent, micrographs), np.float64)
    if masks.shape != micrographs.nodes.shape or np.isnan(masks).any():
        raise ValueError(
            f"{graph.name}: masks have shape {masks.shape}, {np.count_nonzero(np.isnan(masks))} of them no numbers; "
            f"wanted a logit for each of the {len(micrographs.nodes)} tokens"
        )
    return masks
