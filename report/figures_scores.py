"""ROC curves and distributions of logits and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import expit

from edgetrack.models.thresholds import kept_edges
from edgetrack.report import theme
from edgetrack.report.collect import RunRecord
from edgetrack.report.recompute import thresholds

CURVE_POINTS = 500
BINS = 80


@dataclass(frozen=True)
class Scores:
    """Logits of all held-out edges of one form, their truth, and the threshold δ*."""

    name: str
    colour: str
    style: str
    logits: NDArray[np.float64]
    truth: NDArray[np.bool_]
    threshold: float


def all_scores(record: RunRecord) -> list[Scores]:
    """Float networks and the integers; empty where the graphs carry no labels."""
    truth = [graph.y for graph in record.graphs if graph.y is not None]
    if len(truth) < len(record.graphs) or not truth:
        return []
    looks = [(theme.REFERENCE, "-"), *[(theme.COMPACT, "--")] * len(record.float_names)]
    entries = [(name, *look) for name, look in zip(record.float_names, looks, strict=False) if name in record.logits]
    if record.integers:
        entries.append((record.integers, theme.QUANTISED, "-"))
    return [
        Scores(
            shown_name(record, name),
            colour,
            style,
            np.concatenate(record.logits[name]).astype(np.float64),
            np.concatenate(truth),
            thresholds(record, name)[0],
        )
        for name, colour, style in entries
    ]


def shown_name(record: RunRecord, form: str) -> str:
    """What the figures call a form."""
    return f"quantised ({form})" if form == record.integers else form


def roc_curve(logits: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(false-positive rate, true-positive rate) at every distinct logit, from the highest threshold down."""
    order = np.argsort(-logits, kind="stable")
    last = np.append(np.flatnonzero(np.diff(logits[order])), len(order) - 1)
    true = np.cumsum(truth[order])[last]
    false = np.cumsum(~truth[order])[last]
    return false / max(false[-1], 1), true / max(true[-1], 1)


def roc_figure(scores: list[Scores]) -> Markup:
    """TPR against FPR on a logarithmic axis, the working point δ* of each form marked."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        lowest = 1.0
        for entry in scores:
            false, true = roc_curve(entry.logits, entry.truth)
            lowest = min(lowest, float(false[false > 0].min(initial=1.0)))
            keep = thinned(false)
            axes.plot(false[keep], true[keep], color=entry.colour, linestyle=entry.style, label=entry.name)
        for entry in scores:
            kept = kept_edges(entry.logits, entry.threshold)
            point = kept[~entry.truth].mean(), kept[entry.truth].mean()
            axes.plot(*point, "o", color=entry.colour, markersize=5, markeredgecolor=theme.PAPER, markeredgewidth=1)
        theme.log_axis(axes, "x")
        axes.set_xlim(max(lowest, 1e-6), 1.0)
        axes.set_ylim(_floor(scores, max(lowest, 1e-6)), 1.002)
        axes.set_xlabel("false edges kept / false edges")
        axes.set_ylabel("true edges kept / true edges")
        axes.set_title("ROC of edges, ● at δ*")
        axes.legend(loc="best")

    return theme.figure_svg("roc", "Receiver operating characteristic of the edge classifiers", (3.9, 3.4), draw)


def thinned(false: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of at most CURVE_POINTS points, evenly spaced in the logarithm."""
    first = int(np.searchsorted(false, 0.0, side="right")) - 1
    positions = np.log(np.maximum(false[max(first, 0) :], 1e-12))
    wanted = np.linspace(
        positions[0] if false[0] > 0 else np.log(max(false[false > 0].min(initial=1.0), 1e-12)), 0.0, CURVE_POINTS
    )
    index = np.searchsorted(positions, wanted).clip(0, len(positions) - 1) + max(first, 0)
    return np.unique(np.concatenate([[max(first, 0)], index]))


def _floor(scores: list[Scores], fpr: float) -> float:
    lows = []
    for entry in scores:
        false, true = roc_curve(entry.logits, entry.truth)
        lows.append(float(true[min(int(np.searchsorted(false, max(fpr, 1e-4))), len(true) - 1)]))
    return max(0.0, float(np.floor(min(lows) * 20 - 1)) / 20)


def histogram_figure(scores: list[Scores]) -> Markup:
    """Logits and scores of true and false edges: the reference filled, the integers as lines."""
    pair = [scores[0], scores[-1]] if len(scores) > 1 else scores

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        finite = np.concatenate([entry.logits[np.isfinite(entry.logits)] for entry in pair])
        low, high = np.percentile(finite, [0.1, 99.9]) if len(finite) else (-1.0, 1.0)
        edges = np.linspace(np.floor(low), np.ceil(high), BINS + 1)
        _histogram(left, pair, [entry.logits for entry in pair], edges)
        _histogram(right, pair, [expit(entry.logits) for entry in pair], np.linspace(0, 1, 51))
        for entry in pair:
            left.axvline(entry.threshold, color=entry.colour, linestyle=":", linewidth=1)
            right.axvline(float(expit(entry.threshold)), color=entry.colour, linestyle=":", linewidth=1)
        left.set_title("Logits of edges")
        left.set_xlabel("logit (outer bins hold what lies beyond)")
        right.set_title("Scores of edges")
        right.set_xlabel("score, sigmoid of the logit")
        left.set_ylabel("edges / bin")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=4)

    return theme.figure_svg("scores", "Logits and scores of true and false edges", (7.4, 3.4), draw)


def _histogram(axes: Axes, pair: list[Scores], values: list[NDArray[np.float64]], edges: NDArray[np.float64]) -> None:
    for place, (entry, value) in enumerate(zip(pair, values, strict=True)):
        clipped = np.clip(value, edges[0], edges[-1])
        for truth, colour in ((True, theme.TRUE), (False, theme.FALSE)):
            counts = np.histogram(clipped[entry.truth == truth], edges)[0]
            label = f"{'true' if truth else 'false'}, {entry.name}"
            if place == 0 and len(pair) > 1:
                axes.stairs(counts, edges, fill=True, color=colour, alpha=0.28, label=label)
            else:
                axes.stairs(counts, edges, color=colour, linewidth=1.2, label=label)
    theme.log_axis(axes, "y")
    axes.set_ylim(bottom=0.7)


def agreement_figure(scores: list[Scores]) -> Markup | None:
    """Density of edges: the quantised logit against the reference's. None without both."""
    if len(scores) < 2:
        return None
    reference, quantised = scores[0], scores[-1]
    finite = np.isfinite(reference.logits) & np.isfinite(quantised.logits)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        x, y = reference.logits[finite], quantised.logits[finite]
        spans = [(float(np.floor(value.min(initial=0))), float(np.ceil(value.max(initial=0)))) for value in (x, y)]
        density = np.histogram2d(x, y, (96, 64), spans)[0].T
        shade = LinearSegmentedColormap.from_list("shade", [(0.16, 0.52, 0.80, 0.25), (0.16, 0.52, 0.80, 1.0)])
        image = np.ma.masked_equal(density, 0)
        axes.imshow(
            image,
            origin="lower",
            extent=(*spans[0], *spans[1]),
            cmap=shade,
            interpolation="nearest",
            norm=LogNorm(1, max(float(density.max(initial=1)), 2)),
            aspect="auto",
        )
        axes.axline((0, 0), slope=1, color=theme.MUTED, linewidth=0.7)
        axes.set_xlim(*spans[0])
        axes.set_ylim(*spans[1])
        axes.axvline(reference.threshold, color=theme.REFERENCE, linestyle=":", linewidth=1)
        axes.axhline(quantised.threshold, color=theme.QUANTISED, linestyle=":", linewidth=1)
        axes.set_xlabel(f"logit, {reference.name}")
        axes.set_ylabel(f"logit, {quantised.name}")
        axes.set_title("Edge by edge")

    return theme.figure_svg("agreement", "Quantised logits against float logits, edge by edge", (4.6, 3.1), draw)


def differing_decisions(scores: list[Scores]) -> tuple[int, int] | None:
    """Edges that reference and integers decide differently, each at its own δ*, and all edges."""
    if len(scores) < 2:
        return None
    kept = [kept_edges(entry.logits, entry.threshold) for entry in (scores[0], scores[-1])]
    return int(np.count_nonzero(kept[0] != kept[1])), len(kept[0])
