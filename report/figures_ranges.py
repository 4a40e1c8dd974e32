"""Ranges of weights and activations against what their formats can hold, and small histograms of codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from edgetrack.quantize.ranges import AccumulatorUse, CodeUse
from edgetrack.report import theme

SPARK_WIDTH, SPARK_HEIGHT, SPARK_BARS = 150, 26, 64


def ranges_figure(weights: Sequence[CodeUse], activations: Sequence[CodeUse]) -> Markup:
    """For each tensor the powers of two that its format holds (bar) and those that occur (box and whiskers)."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2 if activations else 1, squeeze=False)[0]
        draw_ranges(panels[0], weights, "Weights")
        if activations:
            draw_ranges(panels[1], activations, "Inputs, activations and sums, on the held-out graphs")

    rows = max(len(weights), len(activations))
    return theme.figure_svg(
        "ranges", "Ranges of weights and activations against their formats", (11.4, 0.9 + 0.25 * rows), draw
    )


def draw_ranges(axes: Axes, uses: Sequence[CodeUse], title: str) -> None:
    """One row a tensor, from the top down, over log2 of the absolute value."""
    for row, use in enumerate(uses):
        low, high = use.fmt.exponent, np.log2(use.fmt.magnitude * use.fmt.step)
        axes.barh(row, high - low, left=low, height=0.72, color=theme.QUANTISED, alpha=0.16, linewidth=0)
        quantiles = use.quantiles((0.0, 0.25, 0.5, 0.75, 1.0))
        if not len(quantiles):
            continue
        least, first, middle, third, most = np.log2(quantiles)
        axes.plot([least, most], [row, row], color=theme.INK, linewidth=0.8)
        axes.barh(row, max(third - first, 0.04), left=first, height=0.36, color=theme.QUANTISED, linewidth=0)
        axes.plot([middle, middle], [row - 0.26, row + 0.26], color=theme.INK, linewidth=1.4)
        if use.saturated:
            axes.plot(np.log2(use.largest), row, marker=">", color=theme.FAKE, markersize=4.5)
            axes.plot([most, np.log2(use.largest)], [row, row], color=theme.FAKE, linewidth=0.8, linestyle=(0, (2, 1)))
    axes.set_yticks(range(len(uses)), [use.name for use in uses])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(uses) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.use_sticky_edges = False
    axes.margins(x=0.03)
    axes.set_xlabel("log₂ |value|, zeros left out")
    axes.set_title(title)


def accumulator_figure(accumulators: Sequence[AccumulatorUse]) -> Markup:
    """Accumulator widths: what any input may need, and what the held-out graphs needed."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, use in enumerate(accumulators):
            axes.barh(row, use.bits, height=0.72, color=theme.QUANTISED, alpha=0.16, linewidth=0)
            axes.barh(row, use.used_bits, height=0.36, color=theme.QUANTISED, linewidth=0)
            axes.text(use.bits + 0.2, row, f"{use.bits}", va="center", fontsize=8)
        axes.set_yticks(range(len(accumulators)), [use.name for use in accumulators])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(accumulators) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("bits, sign included")
        axes.set_title("Accumulators: provided (bar), reached (inner)")

    return theme.figure_svg("accumulators", "Accumulator widths", (5.6, 0.9 + 0.25 * len(accumulators)), draw)


def code_sparkline(use: CodeUse) -> Markup:
    """A histogram of codes as a small picture: heights are logarithmic, the format's whole range is the width."""
    counts = use.counts
    merged = max(-(-len(counts) // SPARK_BARS), 1)
    padded = np.pad(counts, (0, -len(counts) % merged))
    bars = padded.reshape(-1, merged).sum(axis=1)
    heights = np.log1p(bars) / max(np.log1p(bars.max(initial=0)), 1e-9) * (SPARK_HEIGHT - 2)
    width = SPARK_WIDTH / len(bars)
    path = "".join(
        f"M{index * width:.1f} {SPARK_HEIGHT}v-{height:.1f}h{width * 0.86:.1f}v{height:.1f}z"
        for index, height in enumerate(heights)
        if height > 0
    )
    zero = (-use.fmt.lowest + 0.5) / merged * width
    return Markup(
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT + 3}" role="img" '
        f'aria-label="histogram of codes"><path class="bars" d="{path}"/>'
        f'<path class="base" d="M0 {SPARK_HEIGHT + 0.5}H{SPARK_WIDTH}M{zero:.1f} {SPARK_HEIGHT}v3"/></svg>'
    )
