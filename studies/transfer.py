"""Networks trained at one pT threshold on graphs of another; DeZoort et al. (2021), section 5.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.thresholds import edge_accuracy
from edgetrack.studies.published_interaction_network import TRANSFER
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

FIGURES = ("edge_accuracy", "edge_efficiency", "edge_purity", "double_majority", "perfect", "fake_rate")
DEFAULT = EvaluationConfig()


@dataclass(frozen=True)
class Cuts:
    """The logits that a network's checkpoint names: δ*, above which an edge counts as true, and that of tracks."""

    edges: float
    tracks: float


def transfer_case(
    name: str,
    trained: float,
    tested: float,
    graphs: Sequence[HitGraph],
    logits: Sequence[NDArray[np.floating]],
    cuts: Cuts,
    config: EvaluationConfig = DEFAULT,
) -> dict[str, Any]:
    """One entry of the matrix: a network trained at a threshold (GeV) on graphs of another, with its own cuts.

    `loss` is the binary cross-entropy and `accuracy_of_graphs` the edge accuracy as published: means over graphs, with
    the standard deviation of one graph as `spread`; the other figures are pooled, with errors, as
    `tracks.evaluation.Evaluation` defines them. `published`: loss and accuracy, None where nothing is. Raises
    ValueError for graphs without labels or edges, and as `evaluate_scores` does. Cost: that of `evaluate_scores`.
    """
    figures = evaluate_scores(graphs, logits, cuts.edges, cuts.tracks, config).to_json()
    by_graph = np.array([_edge_figures(*pair, cuts.edges) for pair in zip(graphs, logits, strict=True)])
    loss, accuracy = by_graph.mean(axis=0).tolist()
    spread = by_graph.std(axis=0, ddof=1).tolist() if len(graphs) > 1 else [0.0, 0.0]
    known = TRANSFER.get((trained, tested))
    return {
        "name": name,
        "trained": trained,
        "tested": tested,
        "graphs": len(graphs),
        "loss": loss,
        "accuracy_of_graphs": accuracy,
        "spread": {"loss": spread[0], "accuracy": spread[1]},
        **{key: figures[key] for figure in FIGURES for key in (figure, f"{figure}_error")},
        "published": None if known is None else known._asdict(),
    }


def _edge_figures(graph: HitGraph, logits: NDArray[np.floating], threshold: float) -> tuple[float, float]:
    """Binary cross-entropy and edge accuracy of one graph."""
    if graph.y is None or not graph.num_edges:
        raise ValueError(f"{graph.name}: no labelled edges; the matrix wants graphs that were built with truth")
    truth = torch.from_numpy(graph.y).double()
    loss = float(binary_cross_entropy_with_logits(torch.from_numpy(np.asarray(logits, np.float64)), truth))
    return loss, edge_accuracy(logits, graph.y, threshold)
