"""The logit above which edges are joined to tracks, chosen on validation graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.evaluation import EvaluationConfig, shuffled_tracks
from edgetrack.tracks.track_metrics import match, pooled

# Logits above and below δ*: false edges merge tracks, so the best threshold lies mostly above it.
OFFSETS = np.arange(-2.0, 6.01, 0.25)


def best_track_threshold(
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    threshold: float,
    config: EvaluationConfig | None = None,
) -> float | None:
    """The logit with the highest double-majority efficiency on `graphs`, near δ* = `threshold`; None without truth.

    The efficiency is smoothed over three neighbouring thresholds first: with few graphs a single peak is chance.
    Cost: 33 track buildings a graph, O(N + E) each.
    """
    if any(graph.particle_id is None for graph in graphs):
        return None
    config = config or EvaluationConfig()
    efficiency = [_double_majority(graphs, logits, threshold + offset, config) for offset in OFFSETS]
    smooth = np.convolve(np.pad(efficiency, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    return float(threshold + OFFSETS[int(np.argmax(smooth))])


def _double_majority(
    graphs: Sequence[HitGraph], logits: Sequence[NDArray[np.floating]], threshold: float, config: EvaluationConfig
) -> float:
    rng = np.random.default_rng(config.seed)
    metrics = pooled(
        match(graph, shuffled_tracks(graph, values, threshold, rng, config.building), config.matching)
        for graph, values in zip(graphs, logits, strict=True)
    )
    return metrics.overall.double_majority.value or 0.0
