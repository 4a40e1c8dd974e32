"""Figures as inline SVG whose colours are those of the page: one drawing for light, dark and paper."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, NullFormatter

# Matplotlib draws with these; in the page each becomes a custom property of its style sheet.
INK, MUTED, GRID = "#010101", "#020202", "#030303"
REFERENCE, COMPACT, QUANTISED = "#040404", "#050505", "#060606"
TRUE, FALSE = "#070707", "#080808"
FOUND, MISSED, FAKE, PIECE, HIT = "#090909", "#0a0a0a", "#0b0b0b", "#0c0c0c", "#0d0d0d"
PAPER = "#0e0e0e"
PROPERTIES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    REFERENCE: "reference",
    COMPACT: "compact",
    QUANTISED: "quantised",
    TRUE: "true",
    FALSE: "false",
    FOUND: "found",
    MISSED: "missed",
    FAKE: "fake",
    PIECE: "piece",
    HIT: "hit",
    PAPER: "paper",
}

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.3,
    "path.simplify": False,
    "axes.formatter.useoffset": False,
}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure_svg(name: str, label: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> Markup:
    """Draw a figure of `size` (inches) and return it as an SVG element for the page.

    `name` makes every id in it unique on the page, `label` says in words what it shows. The same drawing gives the same
    bytes: no date, ids from a fixed salt.
    """
    style: Any = {**STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return inline_svg(buffer.getvalue(), name, label)


def inline_svg(svg: str, name: str, label: str) -> Markup:
    """An SVG file of matplotlib → an element that may stand beside others in one page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    view_box = re.search(r'viewBox="([^"]*)"', body)
    assert view_box is not None
    head = f'<svg class="drawing" viewBox="{view_box[1]}" role="img" aria-label="{escape(label)}">'
    body = head + body[body.index(">") + 1 :]
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', body)
    body = body.replace("url(#", f"url(#{name}-").replace("xlink:href", "href")
    body = re.sub(r'(?<=[ "])-?\d+\.\d{3,}', lambda number: f"{float(number[0]):.2f}", body)
    for colour, custom in PROPERTIES.items():
        body = body.replace(colour, f"var(--{custom})")
    return Markup(body)


def power_of_ten(value: float, _: int = 0) -> str:
    """10⁻³: without mathematical typesetting, which would bring fonts along."""
    if value <= 0:
        return "0"
    exponent = np.log10(value)
    return f"10{str(round(exponent)).translate(_SUPERSCRIPT)}" if abs(exponent - round(exponent)) < 1e-9 else ""


def log_axis(axes: Axes, which: str) -> None:
    """A logarithmic axis with plain-text labels."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_formatter(FuncFormatter(power_of_ten))
    axis.set_minor_formatter(NullFormatter())


def thousands() -> Formatter:
    """12,000 on an axis."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}")
