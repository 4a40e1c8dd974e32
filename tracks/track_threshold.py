"""The logit above which edges are used to build tracks, chosen on validation graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.clustering_metrics import clustering_metrics
from edgetrack.tracks.evaluation import EvaluationConfig, shuffled_tracks
from edgetrack.tracks.hypertrack.masking import Masking
from edgetrack.tracks.track_metrics import match, pooled

# Logits below and above δ*: best neighbours work with a low threshold, connected components merge tracks there.
OFFSETS = np.arange(-6.0, 6.01, 0.25)
OF_DOUBLETS = ("auto", "best_neighbours")  # methods for edges from a hit to the next one


def best_track_threshold(
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    threshold: float,
    config: EvaluationConfig | None = None,
    masking: Sequence[Masking] | None = None,
) -> float | None:
    """The logit near δ* = `threshold` with the best objective on `graphs`; None without truth.

    Objective: double-majority efficiency less fake rate, of the candidates that `config` builds; where hits have
    TrackML's weights and edges are pairs (every method but `best_neighbours`), HyperTrack's double majority score. It
    is smoothed over three neighbouring thresholds first: with few graphs a single peak is noise. Of equals, the nearest
    to δ* is taken. `masking`, one for each graph, where tracks are built by masks.
    Cost: 49 track buildings a graph, with masks 13.
    """
    if any(graph.particle_id is None for graph in graphs):
        return None
    config = config or EvaluationConfig()
    masks: Sequence[Masking | None] = masking or [None] * len(graphs)
    offsets = OFFSETS if masking is None else OFFSETS[:: len(OFFSETS) // 12]
    objective = [_objective(graphs, logits, threshold + offset, config, masks) for offset in offsets]
    smooth = np.convolve(np.pad(objective, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    equals = offsets[smooth >= smooth.max() - 1e-12]
    return float(threshold + equals[np.argmin(np.abs(equals))])


def _objective(
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    threshold: float,
    config: EvaluationConfig,
    masking: Sequence[Masking | None],
) -> float:
    rng = np.random.default_rng(config.seed)
    found = [
        shuffled_tracks(graph, values, threshold, rng, config.building, masks)
        for graph, values, masks in zip(graphs, logits, masking, strict=True)
    ]
    if config.building.method not in OF_DOUBLETS and all(graph.weight is not None for graph in graphs):
        score = clustering_metrics(graphs, found, config.clustering).dms
        return 0.0 if score is None else score.value
    counts = pooled(match(*pair, config.matching) for pair in zip(graphs, found, strict=True)).overall
    return (counts.double_majority.value or 0.0) - (counts.fake_rate.value or 0.0)
