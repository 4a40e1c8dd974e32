"""The section of a run with a HyperTrack: table 2 of the paper, figure 2, and the curve of Voxel-Dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetrack.graphs.voxel_dynamics.construction import VoxelConstruction
from edgetrack.report.collect import RunRecord
from edgetrack.report.figures_hypertrack import prompt_and_displaced, voxel_curve
from edgetrack.report.tables import verification_rows
from edgetrack.studies.published_hypertrack import PUBLISHED, PUBLISHED_FIGURES

NAMES = {
    "auc": "AUC of pairs",
    "dms": "double majority score, ≥ 4 hits",
    "clustering_efficiency": "clustering efficiency ℰ",
    "clustering_purity": "clustering purity 𝒫",
    "vd_efficiency": "Voxel-Dynamics ε+",
    "vd_false_positive_rate": "Voxel-Dynamics ε−",
}


def hypertrack_section(record: RunRecord) -> dict[str, Any] | None:
    """None for a run whose tracks are not built by masks."""
    by_masks: Mapping[str, Mapping[str, Any]] = record.stages.get("evaluate_masks", {})
    pairs = {name: by_masks[name] for name in ("float", "integer") if name in by_masks}
    if not pairs:
        return None
    columns: dict[str, Mapping[str, Any]] = {}
    for name, figures in pairs.items():
        columns[f"{name}, masks"] = figures
        if record.forms.get(name, {}).get("dms") is not None:
            columns[f"{name}, components"] = record.forms[name]
    return {
        "published": PUBLISHED,
        "columns": list(columns),
        "rows": [
            {
                "name": NAMES[key],
                "published": f"{value:g}",
                "cells": [_measured(figures, key) for figures in columns.values()],
            }
            for key, value in PUBLISHED_FIGURES.items()
        ],
        "graphs": next(iter(pairs.values())).get("graphs"),
        "displaced": prompt_and_displaced({f"{name}, masks": figures for name, figures in pairs.items()}),
        "voxels": _voxels(record),
        "verification": _verification(record),
    }


def _verification(record: RunRecord) -> dict[str, Any] | None:
    """What `verify` compared of the quantised transformer."""
    if "verify_masks" not in record.stages:
        return None
    kernels, rows = verification_rows(record.stages["verify_masks"])
    return {"kernels": kernels, "rows": rows}


def _measured(figures: Mapping[str, Any], key: str) -> str:
    value, error = figures.get(key), figures.get(f"{key}_error")
    if value is None:
        return "–"
    return f"{value:.4f}" + (f" ± {error:.4f}" if error is not None else "")


def _voxels(record: RunRecord) -> Any:
    """The curve on the held-out graphs; None where graphs were built in another way, or the file is gone."""
    construction = record.config.get("graph", {}).get("construction", {})
    if construction.get("kind") != VoxelConstruction().kind:
        return None
    try:
        dynamics = VoxelConstruction(file=str(construction.get("file", ""))).dynamics()
    except (OSError, ValueError):
        return None
    return voxel_curve(dynamics, record.graphs)
