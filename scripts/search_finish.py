"""The end of a search: points retrained for longer, measured on test graphs, proven in every form, counted by Yosys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.exploration.grid import Candidate
from edgetrack.export.form import FormUnavailable
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.kind import Source
from edgetrack.export.synthesis.hierarchy import estimate_hierarchy
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.quantize.used_bits import mean_activation_bits, mean_weight_bits
from edgetrack.scripts.console import Console
from edgetrack.scripts.quantize import quantize
from edgetrack.scripts.search_config import FinishConfig
from edgetrack.scripts.search_trials import Trials, name_of
from edgetrack.studies.search_space import Point
from edgetrack.studies.search_study import FinishedTrial

TESTED = ("auc", "edge_accuracy", "double_majority", "fake_rate", "zero_weights")


def finish(trials: Trials, best: Sequence[FinishedTrial], console: Console) -> list[dict[str, Any]]:
    """A row for each chosen point of the front, from the fewest LUTs up, then for uniform widths.

    What a point's folder has is kept: run again after an interruption to go on.
    """
    config = trials.config.finish
    rows = []
    for name, point in chosen(config, trials, best).items():
        console.say(f"finishing {name} …")
        rows.append({"name": name, **_finished(trials, point, config, console)})
    return rows


def chosen(config: FinishConfig, trials: Trials, best: Sequence[FinishedTrial]) -> dict[str, Point]:
    """Names and points: of the front `config.points`, spread evenly, and uniform widths, pruned nowhere."""
    count = min(config.points, len(best))
    places = np.unique(np.linspace(0, len(best) - 1, count).round().astype(int)) if count else ()
    points: dict[str, Point] = {f"trial {best[place].number}": best[place].point for place in places}
    space = replace(trials.config.space, uniform=config.uniform, sparsity=(0.0,))
    for bits, point in zip(config.uniform, space.beginning(trials.description), strict=True):
        points[f"{bits} bits"] = {**point}
    return points


def _finished(trials: Trials, point: Point, config: FinishConfig, console: Console) -> dict[str, Any]:
    retraining = trials.of_point(point, config.epochs, "point")
    folder = trials.folder / "front" / name_of(retraining)
    folder.mkdir(parents=True, exist_ok=True)
    answer = folder / "point.json"
    if answer.is_file():
        kept: dict[str, Any] = json.loads(answer.read_text())
        return kept
    path = folder / "point.safetensors"
    if not path.is_file():
        quantize(retraining, folder, Console(quiet=True))
    checkpoint = load_checkpoint(path)
    source = quantized_source(checkpoint)
    sized = trials.sized(source.model)
    graphs = load_graph_sets(trials.config.graphs, trials.config.split, trials.config.validation_graphs).test
    proofs = _proofs(source, graphs, config, sized, folder, console)
    row = {
        "checkpoint": str(path),
        **{name: checkpoint.metrics.get(name) for name in TESTED},
        "mean_weight_bits": mean_weight_bits(source.model),
        "mean_activation_bits": mean_activation_bits(source.model),
        "lut": sized.resources.lut,
        "latency_us": sized.latency_us,
        "million_graphs_per_s": sized.million_graphs_per_s,
        "yosys": _counted(source, sized, folder) if config.synthesise else None,
        "forms": proofs,
        "failed": any(one["failed"] for one in proofs.values()),
    }
    write_text(answer, json.dumps(row, indent=1) + "\n")
    return row


def _proofs(
    source: Source,
    graphs: Sequence[HitGraph],
    config: FinishConfig,
    sized: Candidate,
    folder: Path,
    console: Console,
) -> dict[str, Any]:
    """Every form's verdict; the accelerator is the one that is counted."""
    amounts: VerifyConfig = config.amounts
    own: dict[str, Any] = {ACCELERATOR.name: sized.config}
    amounts, found = replace(amounts, settings=replace(amounts.settings, **own)), {}
    for name in config.forms:
        with console.progress(f"verify {name}") as progress:
            result = verify_by_name(name, source, graphs[: config.number], amounts, folder, progress)
        found[name] = {
            "mismatches": result.mismatches,
            "values": result.values,
            "skipped": result.skipped,
            "error": result.error,
            "failed": result.failed,
        }
    return found


def _counted(source: Source, sized: Candidate, folder: Path) -> Mapping[str, Any]:
    """Yosys' count of the whole accelerator, or why there is none."""
    try:
        form = export_accelerator(source.model, folder / "counted", sized.config, source.origin)
        total = estimate_hierarchy(form.sources, form.top, folder / "yosys").total
    except (FormUnavailable, RuntimeError) as problem:
        return {"error": str(problem)}
    return {"lut": total.lut, "ff": total.ff, "carry4": total.carry4, "bram36": total.bram36}
