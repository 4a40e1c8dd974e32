"""The picture of graph constructions: efficiency, purity, nodes and edges against the pT threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgetrack.report.picture import COLOURS, draw_picture

LOOKS = {
    "geometric": ("geometric", COLOURS[0], "o"),
    "dbscan_geometric": ("DBSCAN pre-clustering", COLOURS[1], "s"),
    "module_map": ("module map", COLOURS[2], "^"),
    "module_map_ranges": ("module map with ranges", COLOURS[3], "v"),
}
PANELS = ("efficiency", "purity", "nodes", "edges")
LOGARITHMIC = ("purity", "nodes", "edges")


def draw_constructions(cases: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the `cases` of `studies.graph_constructions.construction_table` to `path`, a PNG; return it.

    Points are means with the spread of one event, lines the published means.
    """

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 2, sharex=True).ravel()
        for axes, quantity in zip(panels, PANELS, strict=True):
            _panel(axes, quantity, cases)
        panels[3].legend(loc="upper right", frameon=False)

    return draw_picture(path, (9.6, 6.4), draw)


def _panel(axes: Axes, quantity: str, cases: Sequence[Mapping[str, Any]]) -> None:
    for name, (label, colour, marker) in LOOKS.items():
        rows = [case for case in cases if case["name"] == name]
        if not rows:
            continue
        axes.errorbar(
            [row["pt_min"] for row in rows],
            [row["measured"][quantity] for row in rows],
            [row["spread"][quantity] for row in rows],
            fmt=marker,
            color=colour,
            label=label,
            markersize=3.5,
            elinewidth=0.8,
        )
        known = [row for row in rows if row["published"] is not None]
        axes.plot([row["pt_min"] for row in known], [row["published"][quantity] for row in known], color=colour, lw=0.8)
    if quantity in LOGARITHMIC:
        axes.set_yscale("log")
    axes.set_title(quantity, loc="left")
    axes.set_xlabel("least pT, GeV")
    axes.grid(True)
