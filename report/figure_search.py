"""The picture of a search of precisions: physics against LUTs, the front marked, uniform widths named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgetrack.events.atomic_write import atomic_path
from edgetrack.export.synthesis.device import Device
from edgetrack.report.figure_exploration import CHOSEN, INK, MUTED, OTHERS, RAMP, logarithmic, picture_style
from edgetrack.studies.search_study import FinishedTrial

SMALL_SHARE = 0.05  # of the device, marked


def draw_search(
    trials: Sequence[FinishedTrial],
    front: Sequence[FinishedTrial],
    points: Sequence[Mapping[str, Any]],
    device: Device,
    path: Path,
) -> list[Path]:
    """Write `path`.png and `path`.svg: loss and double majority against LUTs, of validation graphs, and beside them
    the finished points' on test graphs where there are any.
    """
    with mpl.rc_context(picture_style("search")):
        figure = Figure(figsize=(11.4, 4.6), layout="constrained", dpi=160)
        left, right = figure.subplots(1, 2, sharex=True)
        _panel(left, trials, front, "validation_loss")
        _panel(right, trials, front, "double_majority")
        logarithmic(left, "y", np.array([one.measured.figures["validation_loss"] for one in trials]), (1, 2, 5))
        left.set(ylabel="loss on validation graphs", title="Trials: short retrainings")
        if points:
            right.clear()
            _finished(right, points)
        else:
            right.set(ylabel="double majority on validation graphs")
        for axes in (left, right):
            logarithmic(axes, "x", np.array([one.measured.luts for one in trials]), (1, 2, 5))
            axes.set_xlabel("LUTs of the accelerator, by formula")
            _mark_share(axes, device)
        files = [path.with_suffix(".png"), path.with_suffix(".svg")]
        with atomic_path(files[0]) as place:
            figure.savefig(place, format="png", metadata={"Software": None})
        with atomic_path(files[1]) as place:
            figure.savefig(place, format="svg", metadata={"Date": None, "Creator": None})
    return files


def _mark_share(axes: Axes, device: Device) -> None:
    """A line at `SMALL_SHARE` of the device's LUTs, where that is in the picture."""
    luts = SMALL_SHARE * device.lut
    if not axes.get_xlim()[0] < luts < axes.get_xlim()[1]:
        return
    axes.axvline(luts, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    die = device.part.split("-")[0].upper().removeprefix("XC")
    axes.annotate(
        f"{SMALL_SHARE:.0%} of {die}",
        (luts, 0.0),
        (-4, 4),
        ("data", "axes fraction"),
        "offset points",
        rotation=90,
        ha="right",
        va="bottom",
        color=MUTED,
        fontsize=8,
    )


def _panel(axes: Axes, trials: Sequence[FinishedTrial], front: Sequence[FinishedTrial], figure: str) -> None:
    """All trials, those of one width in all layers with it, the front as a line."""
    for group, colour, size in ((trials, OTHERS, 14), (front, CHOSEN, 30)):
        luts = [one.measured.luts for one in group]
        axes.scatter(
            luts, [one.measured.figures[figure] for one in group], s=size, color=colour, zorder=3, linewidths=0
        )
    axes.plot(
        [one.measured.luts for one in front],
        [one.measured.figures[figure] for one in front],
        color=CHOSEN,
        linewidth=1.2,
        zorder=2,
    )
    for one in trials:
        name = uniform_name(one)
        if name:
            place = (one.measured.luts, one.measured.figures[figure])
            axes.scatter(*place, s=26, facecolors="none", edgecolors=RAMP[3], zorder=4)
            axes.annotate(name.replace(" bits", ""), place, (5, 4), textcoords="offset points", fontsize=7, color=INK)


def _finished(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    """Double majority on test graphs, with its error."""
    for one in points:
        if one["double_majority"] is None:
            continue
        uniform = not one["name"].startswith("trial")
        colour = RAMP[3] if uniform else CHOSEN
        axes.errorbar(
            one["lut"],
            one["double_majority"],
            yerr=one.get("double_majority_error"),
            fmt="o" if uniform else "s",
            color=colour,
            markersize=5,
            linewidth=0.8,
            zorder=3,
        )
        axes.annotate(
            one["name"],
            (one["lut"], one["double_majority"]),
            (5, 4),
            textcoords="offset points",
            fontsize=7,
            color=INK,
        )
    axes.set(ylabel="double majority on test graphs", title="Finished points, proven in every form")


def uniform_name(trial: FinishedTrial) -> str:
    """Bits and sparsity of a trial whose layers are all alike, "4 bits, 50% pruned"; empty for others."""
    kinds: dict[str, set[int | float]] = {}
    for name, value in trial.point.items():
        kinds.setdefault(name.partition(" ")[0], set()).add(value)
    widths, inputs = kinds["weight_bits"] | kinds["activation_bits"], kinds["input_bits"]
    if len(widths) > 1 or len(kinds["sparsity"]) > 1 or len(inputs) > 1:
        return ""
    (bits,), (sparsity,), (read,) = widths, kinds["sparsity"], inputs
    return f"{bits} bits" + (f", {sparsity:.0%} pruned" if sparsity else "") + (f", inputs {read}" if read < 8 else "")
