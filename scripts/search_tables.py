"""The tables of `edgetrack search`: the front by validation, and points that were finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgetrack.export.synthesis.device import Device
from edgetrack.scripts.console import Console
from edgetrack.studies.search_study import FinishedTrial


def show_front(best: Sequence[FinishedTrial], device: Device, console: Console) -> None:
    """The trials that no other beats."""
    rows = []
    for one in best:
        figures = one.measured.figures
        rows.append(
            (
                one.number,
                *(_bits(figures)),
                f"{figures['validation_loss']:.4f}",
                *(f"{figures[name]:.4f}" for name in ("auc", "edge_accuracy", "double_majority")),
                f"{one.measured.luts:,.0f} ({one.measured.luts / device.lut:.1%})",
                f"{figures['latency_us']:.2f}",
            )
        )
    console.table(
        f"front, short retrainings on validation graphs; LUTs of the accelerator by formula: share of {device.part}",
        (
            "trial",
            "weight bits",
            "activation bits",
            "zero weights",
            "loss",
            "AUC",
            "edge accuracy",
            "double majority",
            "LUT",
            "µs",
        ),
        rows,
    )


def show_finished(points: Sequence[Mapping[str, Any]], device: Device, console: Console) -> None:
    """Points with their figures on test graphs, and what was proved of them."""
    rows = []
    for one in points:
        counted = one["yosys"] or {}
        rows.append(
            (
                one["name"],
                *_bits(one),
                *(
                    "–" if one[name] is None else f"{one[name]:.4f}"
                    for name in ("auc", "edge_accuracy", "double_majority")
                ),
                f"{one['lut']:,} ({one['lut'] / device.lut:.1%})",
                f"{counted['lut']:,} ({counted['lut'] / device.lut:.1%})"
                if "lut" in counted
                else counted.get("error", "–"),
                sum(form["mismatches"] for form in one["forms"].values()),
                f"{sum(form['values'] for form in one['forms'].values()):,}",
                ", ".join(name for name, form in one["forms"].items() if form["skipped"] or form["error"]) or "–",
            )
        )
    console.table(
        f"finished points, on test graphs; LUTs of the accelerator: share of {device.part}, not placed and routed",
        (
            "point",
            "weight bits",
            "activation bits",
            "zero weights",
            "AUC",
            "edge accuracy",
            "double majority",
            "LUT by formula",
            "LUT by Yosys",
            "mismatches",
            "integers",
            "skipped or failed forms",
        ),
        rows,
    )


def _bits(figures: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        f"{figures['mean_weight_bits']:.1f}",
        f"{figures['mean_activation_bits']:.1f}",
        f"{figures['zero_weights']:.0%}",
    )
