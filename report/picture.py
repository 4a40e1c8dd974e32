"""Pictures of benches: PNG files in the colours of the pages of docs/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from edgetrack.events.atomic_write import atomic_path
from edgetrack.report import theme
from edgetrack.report.figure_exploration import GRID, INK, MUTED, PAPER

COLOURS = ("#0072b2", "#d55e00", "#1b3a6b", "#56b4e9")  # told apart by eyes that see no red or no green


def draw_picture(path: Path, inches: tuple[float, float], draw: Callable[[Figure], None]) -> Path:
    """Write what `draw` draws to `path`, a PNG, and return the path; equal drawings give equal bytes."""
    colours = {
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED),
        **dict.fromkeys(
            ("axes.labelcolor", "axes.titlecolor", "text.color", "xtick.labelcolor", "ytick.labelcolor"), INK
        ),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor"), PAPER),
    }
    style: Any = {**theme.STYLE, **colours, "grid.color": GRID, "font.size": 9}
    with mpl.rc_context(style):
        figure = Figure(figsize=inches, layout="constrained", dpi=140)
        draw(figure)
        with atomic_path(path) as place:
            figure.savefig(place, format="png", metadata={"Software": None})
    return path
