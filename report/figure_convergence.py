"""The picture of trainings: losses against the epoch at each pT threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from edgetrack.report.picture import COLOURS, draw_picture


def draw_convergence(cases: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the `cases` of `studies.convergence.convergence_case` to `path`, a PNG; return it. Points are published."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(cases), squeeze=False, sharey=True)[0]
        for axes, case in zip(panels, cases, strict=True):
            epochs = range(1, case["epochs"] + 1)
            axes.plot(epochs, case["train_loss"], color=COLOURS[3], lw=1, label="training")
            axes.plot(epochs, case["validation_loss"], color=COLOURS[0], lw=1.2, label="validation")
            known = case["published"]
            if known is not None:
                axes.plot(known["epochs"], known["loss"], "o", color=COLOURS[1], ms=3, label="published, test")
            axes.set_yscale("log")
            axes.set_title(f"pT > {case['pt_min']:g} GeV", loc="left")
            axes.set_xlabel("epoch")
            axes.grid(True)
        panels[0].set_ylabel("binary cross-entropy")
        panels[0].legend(loc="upper right", frameon=False)

    return draw_picture(path, (3.2 * len(cases), 3.2), draw)
