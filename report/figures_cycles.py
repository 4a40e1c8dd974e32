"""Where graphs are inside the accelerator at what time, and how long they take by their size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from edgetrack.report import theme

BAR = 0.62
Line = tuple[str, Callable[[int], float]]  # label, and cycles by edges


def passage_figure(passages: Sequence[Mapping[str, Any]], clock_ns: float) -> Markup:
    """One row a pass: a bar while it issues a graph's rows, pale until it has told the next pass."""
    names = list(passages[0]["passes"])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        draw_passages(axes, passages, names)
        draw_spans(axes, passages, len(names), clock_ns)
        axes.set_yticks(range(len(names)), ["node loader" if name == "load" else name for name in names])
        axes.set_ylim(len(names) + 0.95, -0.6)
        axes.set_xlim(0, 1.015 * max(passage["given"] for passage in passages))
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.set_xlabel("cycles from the first row of nodes")
        axes.xaxis.set_major_formatter(theme.thousands())
        axes.set_title("Measured: graphs one behind the other")

    return theme.figure_svg(
        "passages", "Which pass works on which graph in which cycle", (11.4, 1.45 + 0.36 * len(names)), draw
    )


def draw_passages(axes: Axes, passages: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    end = max(passage["given"] for passage in passages)
    for index, passage in enumerate(passages):
        colour, alpha = graph_look(index)
        for row, name in enumerate(names):
            clocks = passage["passes"][name]
            length = clocks["last"] + 1 - clocks["start"]
            axes.barh(row, length, left=clocks["start"], height=BAR, color=colour, alpha=alpha, linewidth=0)
            # Nothing behind it where the next pass, over the same rows, was told with the first result.
            axes.barh(
                row,
                max(clocks["done"] - clocks["last"], 0),
                left=clocks["last"] + 1,
                height=BAR,
                color=colour,
                alpha=0.25 * alpha,
                linewidth=0,
            )
            if length > 0.012 * end:
                axes.text(
                    clocks["start"] + length / 2,
                    row,
                    str(index + 1),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=theme.PAPER if alpha > 0.5 else theme.INK,
                    weight="bold",
                )


def draw_spans(axes: Axes, passages: Sequence[Mapping[str, Any]], row: float, clock_ns: float) -> None:
    """A line from the first row of nodes taken to the last row of logits given, for two graphs."""
    for index, passage in enumerate(passages[:2]):
        colour, _ = graph_look(index)
        y = row + 0.5 * index
        axes.annotate(
            "",
            (passage["given"] + 1, y),
            (passage["taken"], y),
            arrowprops={
                "arrowstyle": "|-|,widthA=0.18,widthB=0.18",
                "color": colour,
                "linewidth": 1.2,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        cycles = passage["given"] - passage["taken"]
        size = f"{passage['nodes']:,} nodes and {passage['edges']:,} edges"
        axes.annotate(
            f"graph {index + 1}, {size}: {cycles:,} cycles, {cycles * clock_ns / 1000:.2f} µs",
            (passage["given"] + 1, y),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )


def graph_look(index: int) -> tuple[str, float]:
    """Colour and opacity: the first graph stands out, then the next."""
    return ((theme.QUANTISED, 1.0), (theme.FALSE, 0.85))[index] if index < 2 else (theme.MUTED, 0.35)


def latency_figure(
    points: Sequence[Mapping[str, Any]],
    lines: Sequence[Line],
    published: Mapping[str, tuple[int, float]],
    clock_ns: float,
) -> Markup:
    """Cycles against edges on logarithmic axes: measured points on the formula's line, designs of more lanes as thin
    lines, published designs (edges, ns) at the assumed clock."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        low, high = min(point["edges"] for point in points), max(point["edges"] for point in points)
        edges = np.unique(np.geomspace(max(low, 2) * 0.8, high * 1.1, 120).astype(int))
        looks = [(theme.QUANTISED, 1.3, "-"), (theme.MUTED, 0.9, (0, (5, 2))), (theme.MUTED, 0.9, (0, (1, 1.5)))]
        for (label, cycles), (colour, width, style) in zip(lines, looks, strict=False):
            axes.plot(
                edges,
                [cycles(int(count)) for count in edges],
                color=colour,
                linewidth=width,
                linestyle=style,
                label=label,
            )
        axes.plot(
            [point["edges"] for point in points],
            [point["cycles"] for point in points],
            "o",
            markersize=4,
            color=theme.QUANTISED,
            label="measured in simulation",
        )
        for name, (count, nanoseconds) in published.items():
            axes.plot(count, nanoseconds / clock_ns, marker="D", markersize=4.5, color=theme.FALSE, linestyle="none")
            left = count < np.sqrt(edges[0] * edges[-1])
            axes.annotate(
                name,
                (count, nanoseconds / clock_ns),
                (-7 if left else 7, 0 if left else -7),
                textcoords="offset points",
                fontsize=7.8,
                va="center",
                ha="right" if left else "left",
                bbox={"facecolor": theme.PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85},
            )
        plain_log(axes, min(edges[0], *(count / 3.5 for count, _ in published.values())), edges[-1])
        axes.set_xlabel("edges (half as many nodes, while they fit)")
        axes.set_ylabel("cycles")
        axes.set_title("Latency against graph size")
        axes.legend(loc="upper left")
        add_time_axis(axes, clock_ns)

    return theme.figure_svg("latency", "Latency in cycles against the number of edges", (6.2, 3.8), draw)


def add_time_axis(axes: Axes, clock_ns: float) -> None:
    """Microseconds on the right."""
    low, high = (count * clock_ns / 1000 for count in axes.get_ylim())

    def microseconds(cycles: Any) -> Any:
        return cycles * clock_ns / 1000

    def cycles(time: Any) -> Any:
        return time * 1000 / clock_ns

    time = axes.secondary_yaxis("right", functions=(microseconds, cycles))
    time.set_ylabel(f"µs at an assumed {1000 / clock_ns:g} MHz")
    time.yaxis.set_minor_locator(NullLocator())
    ticks = [tick for tick in one_two_five(-3, 4) if low <= tick <= high]
    time.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def plain_log(axes: Axes, low: float, high: float) -> None:
    """Logarithmic axes with plain numbers at 1, 2 and 5."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low * 0.9, high * 1.05)
    axes.set_ylim(top=2.2 * axes.get_ylim()[1])  # for the legend
    for axis, (least, most) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        ticks = [tick for tick in one_two_five(0, 8) if least <= tick <= most]
        axis.set_ticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        axis.set_minor_locator(NullLocator())


def one_two_five(first: int, last: int) -> list[float]:
    return [step * 10.0**power for power in range(first, last) for step in (1, 2, 5)]
