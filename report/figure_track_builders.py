"""The picture of track builders: their efficiencies against pT and η."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgetrack.report.figures_tracking import shown_low
from edgetrack.report.picture import COLOURS, draw_picture

ROWS = {"perfect": "perfect", "double_majority": "double majority", "lhc_efficiency": "LHC, particles"}
MARKERS = "osv^"


def draw_builders(cases: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the `cases` of `studies.track_builders.builder_cases` of the lowest threshold to `path`, a PNG."""
    lowest = min(case["pt_min"] for case in cases)
    shown = [case for case in cases if case["pt_min"] == lowest]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(ROWS), 2, sharex="col", sharey="row")
        for row, (key, label) in zip(grid, ROWS.items(), strict=True):
            for axes, kind in zip(row, ("pt", "eta"), strict=True):
                for place, case in enumerate(shown):
                    _points(axes, case, key, kind, place)
                axes.grid(True)
            row[0].set_ylabel(label)
            row[0].set_xscale("log")
        grid[-1, 0].set_xlabel("pT of the particle, GeV")
        grid[-1, 1].set_xlabel("η of the particle")
        grid[0, 0].set_title(f"particles above {lowest:g} GeV", loc="left")
        grid[-1, 0].legend(loc="lower left", frameon=False)

    return draw_picture(path, (9.6, 7.2), draw)


def _points(axes: Axes, case: Mapping[str, Any], key: str, kind: str, place: int) -> None:
    bins = [one for one in case[f"by_{kind}"] if one[key] is not None]
    low, high = (np.array(side) for side in ([shown_low(b, kind) for b in bins], [b["high"] for b in bins]))
    share = 0.4 + 0.1 * place  # builders stand side by side in a bin
    x = low * (high / low) ** share if kind == "pt" else low + share * (high - low)
    value = np.array([one[key] for one in bins])
    interval = np.array([one[f"{key}_interval"] for one in bins]).reshape(-1, 2)
    axes.errorbar(
        x,
        value,
        yerr=np.abs(interval.T - value),
        fmt=MARKERS[place % len(MARKERS)],
        color=COLOURS[place % len(COLOURS)],
        label=case["name"],
        markersize=3.5,
        elinewidth=0.8,
    )
