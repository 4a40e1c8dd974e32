"""HyperTrack's figures as a table, those that were published beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.voxel_dynamics.metrics import link_metrics
from edgetrack.scripts.console import Console
from edgetrack.studies.published_hypertrack import PUBLISHED, PUBLISHED_FIGURES

SHOWN = (*PUBLISHED_FIGURES, "edge_efficiency", "edge_purity", "edge_accuracy", "candidates")


def link_figures(graphs: Sequence[HitGraph]) -> dict[str, float | None]:
    """`vd_efficiency` ε+, `vd_false_positive_rate` ε− and `vd_mean_degree` ⟨d⟩ of the graphs' edges, all pairs of all
    graphs together; None where truth is unknown or there is nothing to divide by.
    """
    names = ("vd_efficiency", "vd_false_positive_rate", "vd_mean_degree")
    if any(graph.particle_id is None for graph in graphs):
        return dict.fromkeys(names)
    pooled = reduce(add, (link_metrics(graph) for graph in graphs))
    values = (pooled.efficiency, pooled.false_positive_rate, pooled.mean_degree)
    return {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}


def show_pair_figures(title: str, figures: Mapping[str, Any], console: Console) -> None:
    """Table 2 of the paper with the figures of these graphs, and efficiencies against pT, prompt and displaced."""
    rows = [
        (name, _shown(figures[name]), _shown(figures.get(f"{name}_error")), _shown(PUBLISHED_FIGURES.get(name)))
        for name in SHOWN
    ]
    console.table(title, ("figure", "value", "±", PUBLISHED), rows)
    bins = figures["clustering_by_pt"]
    if bins:
        by_pt = [
            (
                f"{one['low']:g} … {one['high']:g} GeV",
                *(_shown(one[key]) for key in ("prompt", "prompt_error", "displaced", "displaced_error")),
            )
            for one in bins
        ]
        console.table("matched particles", ("pT", "prompt", "±", "displaced", "±"), by_pt)


def _shown(value: float | None) -> str:
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"
