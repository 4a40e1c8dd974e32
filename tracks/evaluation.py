"""Edge and tracking figures of one model on a set of graphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.clustering_metrics import (
    ClusteringMetrics,
    ClusteringMetricsConfig,
    Mean,
    clustering_metrics,
)
from edgetrack.tracks.edge_metrics import EdgeMetrics, edge_metrics
from edgetrack.tracks.hypertrack.masking import Masking, true_masking
from edgetrack.tracks.ratio import Ratio
from edgetrack.tracks.track_metrics import FIGURES, Bin, MatchingConfig, TrackCounts, TrackMetrics, match, pooled

HIGH_PT = 5.0  # GeV; such particles stand in the cores of jets, where tracks are lost first


@dataclass(frozen=True)
class EvaluationConfig:
    """How candidates are built and matched; `seed` shuffles hits and edges before tracks are built."""

    building: TrackBuildingConfig = field(default_factory=TrackBuildingConfig)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    clustering: ClusteringMetricsConfig = field(default_factory=ClusteringMetricsConfig)
    seed: int = 0

    def of(self, description: NetworkDescription, masks: bool = False) -> EvaluationConfig:
        """The same with `building.method` decided where it is "auto", by `TrackBuildingConfig.of`."""
        building = self.building.of(description, masks)
        return self if building is self.building else replace(self, building=building)


@dataclass(frozen=True)
class Evaluation:
    """Figures of one model, pooled over graphs: each edge, particle or candidate weighs the same."""

    graphs: int
    threshold: float  # logit, of the edge figures
    track_threshold: float  # logit, of the edges that tracks are built from
    edges: EdgeMetrics | None  # None where a graph has no edge labels
    tracks: TrackMetrics | None  # None where a graph has no particle ids
    clustering: ClusteringMetrics | None = None  # of the same candidates, None where `tracks` is

    def to_json(self) -> dict[str, Any]:
        """Plain values only; `<key>_error` is one standard deviation, None (null) where nothing was counted.

        Ratios: half the Clopper–Pearson interval of 68.27 % (`<key>_interval` has it whole); AUC: DeLong. `high_pt` has
        the track figures in the bins above `HIGH_PT`.
        """
        edges, tracks = self.edges, self.tracks
        auc = None if edges is None else edges.auc
        out: dict[str, Any] = {
            "graphs": self.graphs,
            "threshold": _finite(self.threshold),
            "track_threshold": _finite(self.track_threshold),
            "edges": None if edges is None else edges.num_edges,
        }
        out |= _figure("edge_accuracy", None if edges is None else edges.accuracy)
        out |= _figure("edge_efficiency", None if edges is None else edges.efficiency)
        out |= _figure("edge_purity", None if edges is None else edges.purity)
        out |= _figure("edge_false_positive_rate", None if edges is None else edges.false_positive_rate)
        out |= {"auc": None if auc is None else auc.value, "auc_error": None if auc is None else auc.error}
        out |= _track_figures(None if tracks is None else tracks.overall)
        out |= _clustering_figures(self.clustering)
        out["high_pt"] = None if tracks is None else {"low": HIGH_PT} | _track_figures(tracks.above(HIGH_PT))
        out["by_pt"] = None if tracks is None else [_bin(b) for b in tracks.by_pt]
        out["by_eta"] = None if tracks is None else [_bin(b) for b in tracks.by_eta]
        return out


def evaluate_scores(
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    threshold: float,
    track_threshold: float | None = None,
    config: EvaluationConfig = EvaluationConfig(),
    masking: Sequence[Masking] | None = None,
) -> Evaluation:
    """Compare the logits of each graph's edges, and the tracks built from them, with the truth.

    Args: graphs; logits, for each graph (E,) float, finite or ±inf; threshold, a logit: edges above are kept;
    track_threshold, the same for track building, by default `threshold`; masking, one for each graph, where tracks are
    built by masks.
    Returns: figures pooled over graphs, the AUC over the edges of all graphs together.
    Raises: ValueError for no graph, or logits that do not fit the graphs. O(Σ E log E) time, memory of all edges.
    """
    if not graphs or len(graphs) != len(logits):
        raise ValueError(f"{len(graphs)} graphs and {len(logits)} arrays of logits, wanted one for each, at least one")
    for graph, values in zip(graphs, logits, strict=True):
        if np.shape(values) != (graph.num_edges,):
            raise ValueError(f"{graph.name}: logits have shape {np.shape(values)}, wanted ({graph.num_edges},)")
        if np.isnan(values).any():
            raise ValueError(f"{graph.name}: logit {int(np.flatnonzero(np.isnan(values))[0])} is not a number")
    track_threshold = threshold if track_threshold is None else track_threshold
    tracks: TrackMetrics | None = None
    clustering: ClusteringMetrics | None = None
    if all(graph.particle_id is not None for graph in graphs):
        rng = np.random.default_rng(config.seed)
        masks: Sequence[Masking | None] = masking or [None] * len(graphs)
        found = [
            shuffled_tracks(graph, values, track_threshold, rng, config.building, its_masks)
            for graph, values, its_masks in zip(graphs, logits, masks, strict=True)
        ]
        pairs = list(zip(graphs, found, strict=True))
        tracks = pooled(match(graph, candidates, config.matching) for graph, candidates in pairs)
        clustering = clustering_metrics(graphs, found, config.clustering)
    edges = _edges(graphs, logits, threshold)
    return Evaluation(len(graphs), float(threshold), float(track_threshold), edges, tracks, clustering)


def perfect_scores(graphs: Sequence[HitGraph], config: EvaluationConfig = EvaluationConfig()) -> Evaluation | None:
    """The ceiling: figures with the labels as scores, so what graphs and track building alone allow.

    None where a graph has no labels or no particle ids. Cost: that of `evaluate_scores`.
    """
    labels = [graph.y for graph in graphs if graph.y is not None and graph.particle_id is not None]
    if not graphs or len(labels) < len(graphs):
        return None
    masking = [true_masking(graph) for graph in graphs] if config.building.method == "hypertrack" else None
    return evaluate_scores(graphs, [np.where(y, 1.0, -1.0) for y in labels], 0.0, config=config, masking=masking)


def shuffled_tracks(
    graph: HitGraph,
    logits: NDArray[np.floating],
    threshold: float,
    rng: np.random.Generator,
    config: TrackBuildingConfig,
    masking: Masking | None = None,
) -> TrackCandidates:
    """Candidates of `graph`, built from its hits and edges in random order: their order may carry truth."""
    node_order, edge_order = rng.permutation(graph.num_nodes), rng.permutation(graph.num_edges)
    shuffled = HitGraph(graph.x, graph.edge_index, name=graph.name).permuted(node_order, edge_order)
    masks = None if masking is None else masking.permuted(node_order)
    candidates = build_tracks(shuffled, np.asarray(logits)[edge_order], threshold, config, masks)
    return TrackCandidates.from_labels(candidates.labels[np.argsort(node_order)])


def _edges(graphs: Sequence[HitGraph], logits: Sequence[NDArray[np.floating]], threshold: float) -> EdgeMetrics | None:
    truth = [graph.y for graph in graphs if graph.y is not None]
    if len(truth) < len(graphs):
        return None
    return edge_metrics(np.concatenate(list(logits)), np.concatenate(truth), threshold)


def _figure(key: str, ratio: Ratio | None) -> dict[str, Any]:
    if ratio is None or ratio.interval is None:
        return {key: None, f"{key}_error": None, f"{key}_interval": None}
    return {key: ratio.value, f"{key}_error": ratio.error, f"{key}_interval": list(ratio.interval)}


def _track_figures(counts: TrackCounts | None, figures: Iterable[str] = FIGURES) -> dict[str, Any]:
    out: dict[str, Any] = {
        "particles": None if counts is None else counts.particles,
        "candidates": None if counts is None else counts.candidates,
    }
    for name in figures:
        out |= _figure(name, None if counts is None else getattr(counts, name))
    return out


def _clustering_figures(metrics: ClusteringMetrics | None) -> dict[str, Any]:
    """Means over graphs, each with the error of the mean and the standard deviation of graphs, and figure 2's bins."""
    out: dict[str, Any] = {}
    for key, name in (("dms", "dms"), ("clustering_efficiency", "efficiency"), ("clustering_purity", "purity")):
        mean: Mean | None = None if metrics is None else getattr(metrics, name)
        out |= {key: None, f"{key}_error": None, f"{key}_spread": None}
        if mean is not None:
            out |= {key: mean.value, f"{key}_error": mean.error, f"{key}_spread": mean.spread}
    bins = () if metrics is None else metrics.by_pt
    out["clustering_by_pt"] = [
        {"low": b.low, "high": b.high} | _figure("prompt", b.prompt) | _figure("displaced", b.displaced) for b in bins
    ]
    return out


def _bin(value: Bin) -> dict[str, Any]:
    return {"low": _finite(value.low), "high": _finite(value.high)} | _track_figures(value.counts)


def _finite(value: float) -> float | None:
    """JSON has no infinity: a threshold or bin without limit is null."""
    return value if np.isfinite(value) else None
