"""The picture of the transfer matrix: loss, edge accuracy and double majority, trained at by tested at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from edgetrack.report.picture import COLOURS, draw_picture

PANELS = {"loss": "loss", "edge_accuracy": "1 − edge accuracy", "double_majority": "1 − double majority"}
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", COLOURS[3], COLOURS[0]])


def draw_transfer(cases: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the `cases` of `studies.transfer.transfer_case` to `path`, a PNG; return it. Dark is bad."""
    names = list(dict.fromkeys(case["name"] for case in cases))
    tested = list(dict.fromkeys(case["tested"] for case in cases))
    values = {
        key: np.array([_of(cases, name, pt_min, key) for name in names for pt_min in tested]).reshape(len(names), -1)
        for key in PANELS
    }

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
            table = values[key]
            axes.pcolormesh(table, cmap=SHADES, norm=LogNorm(np.nanmin(table) * 0.7, np.nanmax(table) * 2))
            for (row, column), value in np.ndenumerate(table):
                axes.text(column + 0.5, row + 0.5, f"{value:.4f}", ha="center", va="center")
            axes.set_title(title, loc="left")
            axes.set_xticks(np.arange(len(tested)) + 0.5, [f"{pt_min:g}" for pt_min in tested])
            axes.set_xlabel("tested above, GeV")
        panels[0].set_yticks(np.arange(len(names)) + 0.5, names)
        panels[0].invert_yaxis()

    return draw_picture(path, (9.6, 0.9 + 0.55 * len(names)), draw)


def _of(cases: Sequence[Mapping[str, Any]], name: str, tested: float, key: str) -> float:
    """The entry, always a number of which less is better and which is above 0, as a logarithmic scale wants."""
    value = next(case[key] for case in cases if case["name"] == name and case["tested"] == tested)
    if value is None:
        return float("nan")
    return max(float(value) if key == "loss" else 1.0 - float(value), 1e-6)
