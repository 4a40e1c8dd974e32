"""Loss and validation accuracy against the epoch, of every training of a run."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from edgetrack.report import theme
from edgetrack.report.collect import RunRecord

LOOKS = {
    "train": ("float", theme.REFERENCE),
    "train_compact": ("compact float", theme.COMPACT),
    "quantize": ("quantised", theme.QUANTISED),
}


def training_figure(record: RunRecord) -> Markup | None:
    """Left, losses of training and validation; right, the share of validation edges judged wrongly at δ*.

    None where no training left its history; a figure that its objective does not measure is left out.
    """
    shown = [(*LOOKS[stage], record.histories[stage]) for stage in LOOKS if stage in record.histories]
    if not shown:
        return None

    def draw(figure: Figure) -> None:
        losses, errors = figure.subplots(1, 2)
        for name, colour, history in shown:
            epochs = history["epoch"] + 1
            losses.plot(epochs, history["train_loss"], "--", color=colour, linewidth=1.0, label=f"{name}, training")
            if "validation_loss" in history:
                losses.plot(epochs, history["validation_loss"], color=colour, label=f"{name}, validation")
            if "validation_accuracy" in history:
                errors.plot(epochs, 1.0 - history["validation_accuracy"], color=colour)
        for axes in (losses, errors):
            log_axis(axes)
            axes.set_xlabel("epoch")
        losses.set_title("Loss")
        errors.set_title("Validation edges judged wrongly at δ*: 1 − accuracy")
        figure.legend(*losses.get_legend_handles_labels(), loc="outside upper right", ncols=3)

    return theme.figure_svg("training", "Losses and validation accuracy against the epoch", (11.4, 3.6), draw)


def log_axis(axes: Axes) -> None:
    """A logarithmic axis of values within few decades, labelled at 1, 2 and 5; left alone where none is above 0."""
    values = np.concatenate([np.asarray(line.get_ydata(), np.float64) for line in axes.lines] or [np.empty(0)])
    values = values[values > 0]
    if len(values):
        axes.set_ylim(0.8 * values.min(), 1.25 * values.max())  # before the scale: one epoch spans no range
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
