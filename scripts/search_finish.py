"""The end of a search: points retrained for longer, measured on test graphs, proven in every form, counted by Yosys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.exploration.grid import Candidate
from edgetrack.export.form import FormUnavailable
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.kind import Source
from edgetrack.export.synthesis.hierarchy import estimate_hierarchy
from edgetrack.export.verification import verify_by_name
from edgetrack.graphs.graph_sets import load_graph_sets
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.used_bits import mean_activation_bits, mean_weight_bits, zero_weights
from edgetrack.report.figure_search import uniform_name
from edgetrack.scripts.console import Console
from edgetrack.scripts.quantize import QuantizeRunConfig, integer_metrics, quantize
from edgetrack.scripts.search_config import FinishConfig
from edgetrack.scripts.search_trials import Trials, name_of
from edgetrack.studies.search_space import Point
from edgetrack.studies.search_study import FinishedTrial

TESTED = ("auc", "edge_accuracy", "double_majority", "fake_rate", "zero_weights")


def finish(trials: Trials, best: Sequence[FinishedTrial], console: Console) -> list[dict[str, Any]]:
    """A row for each chosen point of the front, from the fewest LUTs up, and for uniform widths.

    What a point's folder has is kept: run again after an interruption, or with more forms, to go on. Of several
    processes each takes points that no other is at, and waits for those at the end.
    """
    config = trials.config.finish
    points = chosen(config, trials, best)
    rows: dict[str, dict[str, Any]] = {}
    for patience, name in [(0, name) for name in points] + [(-1, name) for name in points]:
        if name in rows:
            continue
        try:
            with filelock.FileLock(_folder(trials, points[name], config) / ".lock", timeout=patience):
                console.say(f"finishing {name} …")
                rows[name] = {"name": name, **_finished(trials, points[name], config, console)}
        except filelock.Timeout:
            continue
    return [rows[name] for name in points]


def chosen(config: FinishConfig, trials: Trials, best: Sequence[FinishedTrial]) -> dict[str, Point]:
    """Names and points: of the front `config.points`, spread evenly, and uniform widths, pruned nowhere."""
    count = min(config.points, len(best))
    places = np.unique(np.linspace(0, len(best) - 1, count).round().astype(int)) if count else ()
    space = replace(trials.config.space, uniform=config.uniform, sparsity=(0.0,))
    uniform = {
        f"{bits} bits": point for bits, point in zip(config.uniform, space.beginning(trials.description), strict=True)
    }
    front = {uniform_name(best[place]) or f"trial {best[place].number}": best[place].point for place in places}
    return {name: point for name, point in front.items() if dict(point) not in uniform.values()} | uniform


def _folder(trials: Trials, point: Point, config: FinishConfig) -> Path:
    folder = trials.folder / "front" / name_of(trials.of_point(point, config.epochs, "point"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _finished(trials: Trials, point: Point, config: FinishConfig, console: Console) -> dict[str, Any]:
    folder = _folder(trials, point, config)
    graphs = load_graph_sets(trials.config.graphs, trials.config.split, trials.config.validation_graphs).test
    path = _retrained(trials, point, graphs, folder)
    checkpoint = load_checkpoint(path)
    source = quantized_source(checkpoint)
    sized = trials.sized(source.model)
    answer = folder / "point.json"
    row: dict[str, Any] = json.loads(answer.read_text()) if answer.is_file() else {"forms": {}, "yosys": None}
    row |= {
        "checkpoint": str(path),
        **{name: checkpoint.metrics.get(name) for name in TESTED},
        "mean_weight_bits": mean_weight_bits(source.model),
        "mean_activation_bits": mean_activation_bits(source.model),
        "lut": sized.resources.lut,
        "latency_us": sized.latency_us,
        "million_graphs_per_s": sized.million_graphs_per_s,
    }
    for name in config.forms:
        if row["forms"].get(name, {"failed": True})["failed"] or row["forms"][name]["skipped"]:
            row["forms"][name] = _proof(name, source, graphs[: config.number], config, sized, folder, console)
            write_text(answer, json.dumps(row, indent=1) + "\n")
    if config.synthesise and "lut" not in (row["yosys"] or {}):
        row["yosys"] = _counted(source, sized, folder)
    row["failed"] = any(one["failed"] for one in row["forms"].values())
    write_text(answer, json.dumps(row, indent=1) + "\n")
    return row


def _retrained(trials: Trials, point: Point, graphs: Sequence[HitGraph], folder: Path) -> Path:
    """The point's checkpoint with figures on test graphs; a trial's own where it was trained as long."""
    path = folder / "point.safetensors"
    config, short = trials.of_point(point, trials.config.finish.epochs, "point"), trials.of_point(point)
    trial = trials.folder / "trials" / name_of(short) / "trial.safetensors"
    if path.is_file():
        return path
    if config.training == short.training and trial.is_file():
        save_checkpoint(_measured(load_checkpoint(trial), graphs, config), path)
    else:
        quantize(config, folder, Console(quiet=True))
    return path


def _measured(checkpoint: Checkpoint, graphs: Sequence[HitGraph], config: QuantizeRunConfig) -> Checkpoint:
    """A trial's checkpoint with figures of its integers on test graphs."""
    model, evaluation = integer_model(checkpoint), config.evaluation.of(checkpoint.description)
    figures = integer_metrics(model, graphs, checkpoint.threshold, checkpoint.track_threshold, evaluation)
    names = {**checkpoint.metrics, "test_graphs": [graph.name for graph in graphs]}
    return replace(checkpoint, metrics={**figures, "zero_weights": zero_weights(model), **names})


def _proof(
    name: str,
    source: Source,
    graphs: Sequence[HitGraph],
    config: FinishConfig,
    sized: Candidate,
    folder: Path,
    console: Console,
) -> dict[str, Any]:
    """One form's verdict; the accelerator is the one that is counted."""
    own: dict[str, Any] = {ACCELERATOR.name: sized.config}
    amounts = replace(config.amounts, settings=replace(config.settings, **own))
    with console.progress(f"verify {name}") as progress:
        result = verify_by_name(name, source, graphs, amounts, folder, progress)
    return {
        "mismatches": result.mismatches,
        "values": result.values,
        "skipped": result.skipped,
        "error": result.error,
        "failed": result.failed,
    }


def _counted(source: Source, sized: Candidate, folder: Path) -> Mapping[str, Any]:
    """Yosys' count of the whole accelerator, or why there is none."""
    try:
        form = export_accelerator(source.model, folder / "counted", sized.config, source.origin)
        total = estimate_hierarchy(form.sources, form.top, folder / "yosys").total
    except (FormUnavailable, RuntimeError) as problem:
        return {"error": str(problem)}
    return {"lut": total.lut, "ff": total.ff, "carry4": total.carry4, "bram36": total.bram36}
