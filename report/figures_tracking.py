"""Tracking efficiency and fake rate against pT and η."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgetrack.report import theme
from edgetrack.report.collect import RunRecord
from edgetrack.report.figures_scores import shown_name

Bins = Sequence[Mapping[str, Any]]


def curves(record: RunRecord, key: str) -> list[tuple[str, str, str, Bins]]:
    """Name, colour, marker and bins (`by_pt`, `by_eta`) of the float networks and the integers."""
    looks = [(theme.REFERENCE, "o"), *[(theme.COMPACT, "D")] * len(record.float_names)]
    entries = [(name, *look) for name, look in zip(record.float_names, looks, strict=False)]
    if record.integers:
        entries.append((record.integers, theme.QUANTISED, "s"))
    return [
        (shown_name(record, name), colour, marker, bins)
        for name, colour, marker in entries
        if (bins := record.forms[name].get(key))
    ]


def tracking_figure(record: RunRecord) -> Markup | None:
    """Two rows, double majority and fake rate; two columns, pT and η. None where the graphs carry neither."""
    by_pt, by_eta = curves(record, "by_pt"), curves(record, "by_eta")
    columns = [(key, found) for key, found in (("pt", by_pt), ("eta", by_eta)) if any(counted(c[3]) for c in found)]
    if not columns:
        return None

    def draw(figure: Figure) -> None:
        grid = figure.subplots(
            3, len(columns), squeeze=False, sharex="col", gridspec_kw={"height_ratios": [3.2, 2.2, 1.0]}
        )
        for (kind, found), (efficiency, fakes, particles) in zip(columns, grid.T, strict=True):
            draw_bins(efficiency, found, "double_majority", kind)
            draw_bins(fakes, found, "fake_rate", kind)
            draw_ceiling(efficiency, record.perfect_scores.get(f"by_{kind}") or (), kind)
            draw_counts(particles, found[0][3], kind)
            efficiency.set_ylim(top=1.0 + 0.04 * (1.0 - efficiency.get_ylim()[0]))
            fakes.set_ylim(bottom=0.0)
            efficiency.set_title(f"Tracking efficiency against {'pT' if kind == 'pt' else 'η'}")
            particles.set_xlabel("pT of the particle [GeV]" if kind == "pt" else "η of the particle")
        grid[0, 0].set_ylabel("double majority")
        grid[1, 0].set_ylabel("fake rate")
        grid[2, 0].set_ylabel("particles")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=4)

    return theme.figure_svg("tracking", "Double-majority efficiency and fake rate against pT and η", (11.4, 5.6), draw)


def counted(bins: Bins) -> list[Mapping[str, Any]]:
    """Bins with particles in them."""
    return [b for b in bins if b.get("particles") and b["low"] is not None and b["high"] is not None]


def draw_bins(axes: Axes, found: Sequence[tuple[str, str, str, Bins]], key: str, kind: str) -> None:
    """One marker a bin with its binomial interval; the forms stand side by side inside a bin."""
    for place, (name, colour, marker, bins) in enumerate(found):
        shown = [b for b in counted(bins) if b.get(key) is not None]
        if not shown:
            continue
        low = np.array([shown_low(b, kind) for b in shown])
        high = np.array([float(b["high"]) for b in shown])
        share = 0.5 + 0.14 * (place - (len(found) - 1) / 2)
        x = low * (high / low) ** share if kind == "pt" else low + share * (high - low)
        value = np.array([b[key] for b in shown])
        interval = np.array([b[f"{key}_interval"] for b in shown])
        axes.errorbar(
            x,
            value,
            yerr=np.abs(interval.T - value),
            fmt=marker,
            color=colour,
            label=name,
            markersize=3.6,
            elinewidth=1.0,
            capsize=0,
            markeredgewidth=0.8,
            markerfacecolor=colour if place != 1 else "none",
        )
    if kind == "pt":
        pt_axis(axes, found[0][3])


def draw_ceiling(axes: Axes, bins: Bins, kind: str) -> None:
    """The double majority with perfect scores: a line over each bin."""
    shown = [b for b in counted(bins) if b.get("double_majority") is not None]
    if shown:
        axes.hlines(
            [b["double_majority"] for b in shown],
            [shown_low(b, kind) for b in shown],
            [float(b["high"]) for b in shown],
            colors=theme.MUTED,
            linewidth=1.0,
            label="perfect scores",
        )


def shown_low(b: Mapping[str, Any], kind: str) -> float:
    """Where a bin's drawing starts: a logarithmic axis has no 0, so a bin from 0 is drawn from half its upper edge."""
    low, high = float(b["low"]), float(b["high"])
    return high / 2 if kind == "pt" and low <= 0 else low


def draw_counts(axes: Axes, bins: Bins, kind: str) -> None:
    """How many particles each bin holds."""
    shown = counted(bins)
    for b in shown:
        axes.fill_between(
            [shown_low(b, kind), float(b["high"])], [b["particles"]] * 2, color=theme.MUTED, alpha=0.3, linewidth=0
        )
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(theme.thousands())
    if kind == "pt":
        pt_axis(axes, bins)


def pt_axis(axes: Axes, bins: Bins) -> None:
    """Logarithmic in pT, ticks at the edges of the bins."""
    shown = counted(bins)
    edges = sorted({shown_low(b, "pt") for b in shown} | {float(b["high"]) for b in shown})
    axes.set_xscale("log")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xticks(edges, [f"{edge:.3g}" for edge in edges], minor=False)
    axes.set_xticks([], minor=True)
