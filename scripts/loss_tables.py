"""The tables of `edgetrack evaluate --separate-losses`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetrack.scripts.console import Console
from edgetrack.studies.separated_losses import OF

SHOWN = ("edge_accuracy", "double_majority", "edge_efficiency", "edge_purity", "fake_rate")


def show_separation(result: Mapping[str, Any], name: str, console: Console) -> None:
    """Both tables of `separation_json`, and whether the hardware equals the integers."""
    console.table(
        "beside each other, on the same graphs",
        ("network", *SHOWN),
        [(row["name"], *(_fraction(row[key], row[f"{key}_error"]) for key in SHOWN)) for row in result["rows"]],
    )
    changes = result["changes"]
    console.table(
        "change by each cause, in points of 0.01 (negative: lost; the first ones add up to the total)",
        ("cause", *OF),
        [(cause, *(_points(changes[key][cause]) for key in OF)) for cause in changes["edge_accuracy"]],
    )
    equality = result["equality"]
    if equality is not None:
        console.say(
            f"{name} against the integers on {equality['sectors']} sectors: {equality['mismatches']} of "
            f"{equality['integers']} integers differ ({equality['distinct']} different values)"
            + (f"; first: {equality['first']}" if equality["first"] else "")
        )


def _fraction(value: float | None, error: float | None) -> str:
    return "–" if value is None or error is None else f"{value:.4f} ± {error:.4f}"


def _points(changed: Mapping[str, Any]) -> str:
    return "–" if changed["value"] is None else f"{100 * changed['value']:+.2f} ± {100 * changed['error']:.2f}"
