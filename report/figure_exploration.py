"""The picture of an exploration: latency and rate against LUTs, with what the constraints leave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from edgetrack.events.atomic_write import atomic_path
from edgetrack.export.exploration.choice import Limits, excesses, pareto
from edgetrack.export.exploration.grid import Candidate
from edgetrack.export.synthesis.device import Device
from edgetrack.report import theme

# The page's light colours (scripts/reporting/style.css): this picture is a file of its own.
INK, MUTED, GRID, PAPER = "#17191e", "#6a6f78", "#e9e8e3", "#ffffff"
ALLOWED = "#0072b2"
RAMP = ("#8cc0e0", "#56b4e9", "#0072b2", "#1b3a6b", "#0b1631")  # from few hidden units to many
CHOSEN = "#d55e00"
OTHERS = "#dddbd4"
ROOM_FOR_NAME = 0.075  # decades


def draw_exploration(
    candidates: Sequence[Candidate], chosen: Candidate | None, device: Device, limits: Limits, path: Path
) -> list[Path]:
    """Write `path`.png and `path`.svg."""
    with mpl.rc_context(picture_style("exploration")):
        figure = Figure(figsize=(11.4, 5.4), layout="constrained", dpi=160)
        _draw(figure, candidates, chosen, device, limits)
        files = [path.with_suffix(".png"), path.with_suffix(".svg")]
        with atomic_path(files[0]) as place:
            figure.savefig(place, format="png", metadata={"Software": None})
        with atomic_path(files[1]) as place:
            figure.savefig(place, format="svg", metadata={"Date": None, "Creator": None})
    return files


def picture_style(name: str) -> Any:
    """Settings of matplotlib for a picture that is a file of its own."""
    return {
        **theme.STYLE,
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED),
        **dict.fromkeys(
            ("axes.labelcolor", "axes.titlecolor", "text.color", "xtick.labelcolor", "ytick.labelcolor"), INK
        ),
        "grid.color": GRID,
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "svg.hashsalt": name,
        "font.size": 9,
    }


def _draw(
    figure: Figure, candidates: Sequence[Candidate], chosen: Candidate | None, device: Device, limits: Limits
) -> None:
    left, right = figure.subplots(1, 2, sharex=True)
    bits = _shown_bits(candidates, chosen)
    fit = np.array([max(excesses(one, device, limits).values()) <= 1 for one in candidates])
    room = limits.share * device.lut
    latency = np.array([one.latency_us for one in candidates])
    rate = np.array([one.million_graphs_per_s for one in candidates])
    for axes, values, better, limit in (
        (left, latency, -1, limits.latency_us),
        (right, rate, 1, limits.million_graphs_per_s),
    ):
        _panel(axes, candidates, values, better, fit, bits)
        _bounds(axes, room, limit, better)
        if chosen is not None:
            index = candidates.index(chosen)
            axes.plot(
                chosen.resources.lut,
                values[index],
                marker="*",
                markersize=17,
                color=CHOSEN,
                zorder=6,
                markeredgecolor=PAPER,
                markeredgewidth=1.0,
            )
    die = device.part.split("-")[0].upper().removeprefix("XC")
    for axes, what, end, at in ((left, "latency (µs)", "top", 1), (right, "graphs a second (million)", "bottom", 0)):
        axes.set_ylabel(what)
        axes.set_xlabel("LUTs, by formula")
        if room < axes.get_xlim()[1]:
            axes.annotate(
                f"{limits.share:.0%} of {die}",
                (room, at),
                (-4, 3 - 6 * at),
                ("data", "axes fraction"),
                "offset points",
                rotation=90,
                ha="right",
                va=end,
                color=ALLOWED,
                fontsize=8,
            )
    config = candidates[0].config
    left.set_title(f"Latency of {config.nodes:,} nodes and {config.edges:,} edges")
    right.set_title("Rate, one graph behind the other")
    clocks = " and ".join(f"{clock:g}" for clock in sorted({one.clock_mhz for one in candidates}))
    figure.supxlabel(
        f"lines: fronts of {bits[0]}-bit weights and {bits[1]}-bit activations, with edge/node lanes; filled: within "
        f"every limit; grey: all {len(candidates):,} designs; clock assumed: {clocks} MHz",
        fontsize=8,
        color=MUTED,
        x=0.012,
        ha="left",
    )
    if chosen is not None:
        figure.suptitle(_title(chosen, device), x=0.012, ha="left", fontsize=10, color=CHOSEN, fontweight="bold")


def _panel(
    axes: Axes, candidates: Sequence[Candidate], values: np.ndarray, better: int, fit: np.ndarray, bits: tuple[int, int]
) -> None:
    """All candidates as dots; for each number of hidden units the front of the shown widths as a line."""
    luts = np.array([one.resources.lut for one in candidates])
    axes.scatter(luts, values, s=5, color=OTHERS, linewidths=0, zorder=1, rasterized=True)
    sizes = sorted({one.hidden for one in candidates})
    for size in sizes:
        own = np.array([one.hidden == size and (one.weight_bits, one.activation_bits) == bits for one in candidates])
        index = np.flatnonzero(own)
        index = index[pareto(np.stack([luts[index], -better * values[index]], axis=1))]
        index = index[np.argsort(luts[index], kind="stable")]
        colour = _ramp(sizes.index(size), len(sizes))
        axes.step(luts[index], values[index], where="post", color=colour, linewidth=1.5, zorder=3)
        inside = fit[index]
        axes.scatter(luts[index][inside], values[index][inside], s=26, color=colour, zorder=4, linewidths=0)
        axes.scatter(
            luts[index][~inside],
            values[index][~inside],
            s=20,
            facecolors=PAPER,
            edgecolors=colour,
            linewidths=1.0,
            zorder=4,
        )
        last = size == sizes[-1]
        axes.annotate(
            f"{size} hidden units" if last else str(size),
            (luts[index[0]], values[index[0]]),
            (-3, 6 if better < 0 else -13),
            textcoords="offset points",
            ha="left",
            color=colour,
            fontsize=9,
            fontweight="bold",
        )
        if last:
            _name_lanes(axes, [candidates[place] for place in index[1:]], values[index[1:]], better)
    _scales(axes, luts, values)


def _name_lanes(axes: Axes, designs: Sequence[Candidate], values: np.ndarray, better: int) -> None:
    """Edge and node lanes beside their marks, where there is room behind the one before."""
    before = np.array([0.0, 0.0])
    for one, value in zip(designs, values, strict=True):
        here = np.log10([one.resources.lut, value])
        if np.hypot(*(here - before)) < ROOM_FOR_NAME:
            continue
        before = here
        axes.annotate(
            f"{one.config.edge_lanes}/{one.config.node_lanes}",
            (one.resources.lut, value),
            (5, 2) if better < 0 else (5, -8),
            textcoords="offset points",
            fontsize=6.5,
            color=MUTED,
        )


def _scales(axes: Axes, luts: np.ndarray, values: np.ndarray) -> None:
    """Logarithmic axes with plain numbers."""
    logarithmic(axes, "x", luts, (1, 3))
    logarithmic(axes, "y", values, (1, 2, 5))


def logarithmic(axes: Axes, which: Literal["x", "y"], numbers: np.ndarray, mantissas: Sequence[int]) -> None:
    """Make one axis logarithmic, with room around `numbers` and plain numbers at `mantissas` of each power of ten."""
    low, high = numbers.min() / 1.35, numbers.max() * 1.35
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis.set_major_formatter(FuncFormatter(_plain))
    ticks = [mantissa * 10.0**power for power in range(-4, 9) for mantissa in mantissas]
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_minor_locator(NullLocator())


def _bounds(axes: Axes, room: float, limit: float | None, better: int) -> None:
    """Shade what the share of LUTs and the limit in time leave."""
    low, high = axes.get_ylim()
    if limit is not None:
        axes.axhline(limit, color=ALLOWED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=2)
        low, high = (low, limit) if better < 0 else (limit, high)
    axes.axvline(room, color=ALLOWED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=2)
    axes.fill_between([axes.get_xlim()[0], room], low, high, color=ALLOWED, alpha=0.06, linewidth=0, zorder=0)


def _shown_bits(candidates: Sequence[Candidate], chosen: Candidate | None) -> tuple[int, int]:
    """Widths whose fronts are drawn: the chosen ones, else the widest."""
    if chosen is not None:
        return chosen.weight_bits, chosen.activation_bits
    return max((one.weight_bits, one.activation_bits) for one in candidates)


def _title(chosen: Candidate, device: Device) -> str:
    config, shares = chosen.config, device.shares(chosen.resources)
    memory = max(shares.get("bram36", 0), shares.get("uram", 0))
    return (
        f"★ {chosen.hidden} hidden units, {chosen.weight_bits}-bit weights, {chosen.activation_bits}-bit "
        f"activations on {config.edge_lanes} edge and {config.node_lanes} node lanes\n"
        f"    {chosen.latency_us:.2f} µs, {chosen.million_graphs_per_s:.2f} million graphs/s, {shares['lut']:.0%} "
        f"of the LUTs and {memory:.0%} of the memories of {device.part}"
    )


def _ramp(index: int, count: int) -> str:
    return RAMP[0 if count == 1 else round(index * (len(RAMP) - 1) / (count - 1))]


def _plain(value: float, _: int = 0) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"
