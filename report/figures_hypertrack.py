"""HyperTrack's figures: efficiency against pT of prompt and displaced particles, and the curve of Voxel-Dynamics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from edgetrack.graphs.hitgraph import COORDINATE_SCALE, HitGraph
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.graphs.voxel_dynamics.fit import TrueHits
from edgetrack.graphs.voxel_dynamics.metrics import link_curve
from edgetrack.report import theme
from edgetrack.report.figures_tracking import pt_axis, shown_low
from edgetrack.studies.published_hypertrack import PUBLISHED, PUBLISHED_FIGURES

KINDS = {"prompt": "prompt: produced within 10 mm", "displaced": "displaced: 10 mm or more from the beam line"}
LOOKS = ((theme.REFERENCE, "o"), (theme.QUANTISED, "s"), (theme.COMPACT, "D"))


def prompt_and_displaced(evaluations: Mapping[str, Mapping[str, Any]]) -> Markup | None:
    """Figure 2 of arXiv:2309.14113, a panel a kind of particle; None where the graphs do not know pT and vertices.

    Args: evaluations by name, each with `clustering_by_pt`.
    """
    found = [(name, bins) for name, figures in evaluations.items() if (bins := figures.get("clustering_by_pt"))]
    if not found:
        return None

    def draw(figure: Figure) -> None:
        for axes, (kind, title) in zip(figure.subplots(1, 2, sharey=True), KINDS.items(), strict=True):
            for place, ((name, bins), (colour, marker)) in enumerate(zip(found, LOOKS, strict=False)):
                shown = [b for b in bins if b[kind] is not None]
                low = np.array([shown_low(b, "pt") for b in shown])
                high = np.array([float(b["high"]) for b in shown])
                value = np.array([b[kind] for b in shown])
                interval = np.array([b[f"{kind}_interval"] for b in shown]).reshape(-1, 2)
                axes.errorbar(
                    low * (high / np.maximum(low, 1e-9)) ** (0.5 + 0.14 * (place - (len(found) - 1) / 2)),
                    value,
                    yerr=np.abs(interval.T - value),
                    fmt=marker,
                    color=colour,
                    label=name,
                    markersize=3.6,
                    elinewidth=1.0,
                    markerfacecolor=colour if place == 0 else "none",
                )
            pt_axis(axes, [b | {"particles": 1} for b in found[0][1]])
            axes.set_ylim(0.0, 1.04)
            axes.set_title(title)
            axes.set_xlabel("pT of the particle [GeV]")
        figure.axes[0].set_ylabel("particles matched / particles")
        figure.axes[0].legend(loc="lower right")

    label = "Efficiency against pT of prompt and displaced particles"
    return theme.figure_svg("displaced", label, (11.4, 3.4), draw)


def voxel_curve(dynamics: VoxelDynamics, graphs: Sequence[HitGraph]) -> Markup | None:
    """ε+ against ε− of pairs of hits of the graphs, cut by the share of true pairs; None without truth."""
    if any(graph.particle_id is None for graph in graphs) or not graphs:
        return None
    curve = link_curve(dynamics, [true_hits_of(graph) for graph in graphs])
    if not len(curve.efficiency):
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(curve.false_positive_rate, curve.efficiency, color=theme.REFERENCE, label="these voxels")
        axes.plot(curve.false_positive_rate[-1], curve.efficiency[-1], "o", color=theme.REFERENCE, markersize=5)
        published = PUBLISHED_FIGURES["vd_false_positive_rate"], PUBLISHED_FIGURES["vd_efficiency"]
        axes.plot(*published, "D", color=theme.QUANTISED, label=PUBLISHED, markersize=5)
        axes.set_ylim(0.6, 1.0)
        axes.set_xlim(0.0, max(0.03, 1.1 * float(curve.false_positive_rate[-1])))
        axes.set_xlabel("ε−: other pairs linked / other pairs")
        axes.set_ylabel("ε+: true pairs linked / true pairs")
        axes.set_title("Voxel-Dynamics, ● as built")
        axes.legend(loc="lower right")

    return theme.figure_svg("voxels", "Receiver operating characteristic of Voxel-Dynamics", (3.9, 3.4), draw)


def true_hits_of(graph: HitGraph) -> TrueHits:
    """Positions in mm and particles of a graph's hits."""
    assert graph.particle_id is not None
    r, phi, z = (graph.x.astype(np.float64) * COORDINATE_SCALE).T
    points = np.column_stack([r * np.cos(phi), r * np.sin(phi), z]).astype(np.float32)
    return TrueHits(points, graph.particle_id, np.zeros(len(r), np.float32))  # the curve reads no distance
