"""What the accelerator takes of a device, and what its output finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from edgetrack.report import theme
from edgetrack.report.figures_tracking import Bins, counted, draw_bins, draw_ceiling

SHOWN = {"lut": "LUT", "ff": "FF", "lutram": "LUT as memory", "bram36": "BRAM36", "uram": "URAM", "dsp": "DSP"}


def shares_figure(total: Mapping[str, Any], shares: Mapping[str, float], device: str) -> Markup:
    """One bar a resource: its share of the device, with the number beside it. All of it an estimate."""
    names = [name for name in SHOWN if name in shares]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        most = max(max(shares[name] for name in names), 1e-3)
        for row, name in enumerate(names):
            axes.barh(row, 100 * shares[name], height=0.62, color=theme.QUANTISED, linewidth=0)
            axes.text(
                100 * shares[name] + 2.2 * most,
                row,
                f"{total[name]:,.10g}  ({100 * shares[name]:.2g} %)",
                va="center",
                fontsize=8,
            )
        axes.set_yticks(range(len(names)), [SHOWN[name] for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, 140 * most)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.set_xlabel(f"% of {device}, estimated")
        axes.set_title("Share of the device (estimate, no place and route)")

    return theme.figure_svg("shares", "Estimated share of the device's resources", (5.2, 1.0 + 0.32 * len(names)), draw)


def efficiency_figure(found: Sequence[tuple[str, str, str, Bins]], ceiling: Bins) -> Markup | None:
    """Double majority against pT of the accelerator's output beside float and integers, and with perfect scores.

    None without truth.
    """
    if not any(counted(bins) for *_, bins in found):
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        draw_bins(axes, found, "double_majority", "pt")
        draw_ceiling(axes, ceiling, "pt")
        axes.set_ylim(top=1.0 + 0.04 * (1.0 - axes.get_ylim()[0]))
        axes.set_xlabel("pT of the particle [GeV]")
        axes.set_ylabel("double majority")
        axes.set_title("Tracking efficiency of the hardware's output")
        axes.legend(loc="lower left")

    return theme.figure_svg(
        "hardware", "Double-majority efficiency of the accelerator's output against pT", (5.2, 3.0), draw
    )
