"""All forms side by side as a stage of `edgetrack run`: `studies.side_by_side`, with bars and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import warn_of_lost_edges
from edgetrack.scripts.train import CLUSTERING_FIGURES
from edgetrack.studies.side_by_side import CompareConfig, compare_forms

SHOWN = ("edge_accuracy", "edge_efficiency", "edge_purity", "auc", "double_majority", "perfect", "fake_rate")

SHOWN_OF_PAIRS = ("auc", "edge_efficiency", "edge_purity", *CLUSTERING_FIGURES)


def compare(
    config: CompareConfig,
    floats: Mapping[str, Checkpoint],
    quantized: Checkpoint,
    graphs: Sequence[HitGraph],
    folder: Path,
    artefacts: Path,
    console: Console,
) -> dict[str, Any]:
    """Compare, show the figures and warn of edges that sectors lose."""
    summary = compare_forms(config, floats, quantized, graphs, folder, artefacts, console.progress)
    weighed = any(result.get("dms") is not None for result in summary["forms"].values())
    shown = SHOWN_OF_PAIRS if weighed else SHOWN
    console.table(
        f"{len(graphs)} graphs",
        ("form", *shown),
        [(name, *(_shown(result, key) for key in shown)) for name, result in summary["forms"].items()],
    )
    for form, loss in summary["sectors_by_form"].items():
        warn_of_lost_edges(form, loss, console)
    return summary


def _shown(result: Mapping[str, Any], key: str) -> str:
    value, error = result.get(key), result.get(f"{key}_error")
    return "–" if value is None else f"{value:.4f}" + (f" ± {error:.4f}" if error is not None else "")
