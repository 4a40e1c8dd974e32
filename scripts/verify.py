"""`edgetrack verify`: every exported form against the integers, bit by bit."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.storage import write_text
from edgetrack.export.cases import special_graphs
from edgetrack.export.form import Capacity, Form, FormUnavailable
from edgetrack.export.forms import FORMS, FormSettings, Source, make_form
from edgetrack.export.verify import FormResult, skipped, verify_form
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import sectors
from edgetrack.models.checkpoint import float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.scripts.console import Console
from edgetrack.scripts.networks import float_onnx, quantised_source
from edgetrack.scripts.option import option
from edgetrack.scripts.pretrained import DEFAULT_FLOAT, DEFAULT_QUANTISED, checkpoint_path, sample_graphs

# ONNX Runtime and PyTorch add up in other orders: float32 rounding over at most 41 terms a layer, nine layers deep.
FLOAT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class VerifyRunConfig:
    """What is compared, and on how much."""

    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint file, or the name of one of the package's own")
    float_checkpoint: str = option(DEFAULT_FLOAT, "float checkpoint, for the onnx form; empty: leave it out")
    forms: tuple[str, ...] = option(tuple(FORMS), "forms to verify, comma-separated")
    graphs: str = option("", "folder of hit graphs; default: the package's simulated samples")
    number: int = option(20, "how many of the graphs to compare (and as many sectors of them, for fixed-size hardware)")
    vectors: int = option(131_072, "input vectors for each MLP")
    seed: int = option(1, "of vectors and special graphs")
    settings: FormSettings = field(default_factory=FormSettings)


def verify(
    config: VerifyRunConfig, folder: Path, console: Console, artefacts: Path | None = None
) -> dict[str, Any]:
    """Compare every form with the integer model: each MLP on random and corner-case vectors, then whole graphs.

    Beside real graphs: an empty one, isolated hits, a hub of the largest degree, saturating features. Fixed-size
    hardware gets sectors of them, padded. A difference is reported with form, first divergent layer, graph and index,
    and the exit status is 1. A form whose tool is missing is shown as skipped. Writes verify.json; forms are exported
    into `artefacts`, by default the run folder.
    """
    artefacts = artefacts or folder
    unknown = set(config.forms) - set(FORMS)
    if unknown or not config.forms:
        raise ValueError(f"cannot verify {sorted(unknown)}; known forms: {', '.join(FORMS)}")
    source = quantised_source(load_checkpoint(checkpoint_path(config.checkpoint)))
    graphs = load_graphs(config.graphs or sample_graphs())[: config.number]
    results: list[FormResult] = []
    seconds: dict[str, float] = {}
    for name in config.forms:
        start = time.monotonic()
        results.append(_verify_one(name, source, graphs, config, artefacts, console))
        seconds[name] = round(time.monotonic() - start, 1)
    floats = _float_forms(config, graphs, artefacts)
    summary = {
        "checkpoint": config.checkpoint,
        "forms": {result.form: {**result.to_json(), "seconds": seconds[result.form]} for result in results},
        "float_forms": floats,
        "failed": any(r.failed for r in results) or any(shown["failed"] for shown in floats.values()),
    }
    write_text(folder / "verify.json", json.dumps(summary, indent=1))
    _show(results, summary, console)
    return summary


def _verify_one(
    name: str, source: Source, graphs: Sequence[HitGraph], config: VerifyRunConfig, folder: Path, console: Console
) -> FormResult:
    try:
        form = make_form(name, source, folder, config.settings)
        cases = [*fitting(form, graphs, config.number, config.settings), *_special(form.capacity, config.seed)]
        with console.progress(f"verify {name}") as report:
            return verify_form(source.model, form, cases, config.vectors, config.seed, report)
    except FormUnavailable as error:
        return skipped(name, str(error))


def fitting(form: Form, graphs: Sequence[HitGraph], number: int, settings: FormSettings) -> list[HitGraph]:
    """The graphs themselves, or for a fixed-size form the `number` fullest sectors of them."""
    if form.capacity is None:
        return list(graphs)
    sector_config = settings.sectors_for(form.capacity)
    pieces = [sector.graph for graph in graphs for sector in sectors(graph, sector_config)]
    fullest = sorted(range(len(pieces)), key=lambda index: (-pieces[index].num_edges, index))[:number]
    return [pieces[index] for index in sorted(fullest)]


def _special(capacity: Capacity | None, seed: int) -> list[HitGraph]:
    nodes, edges = (300, 1200) if capacity is None else (capacity.nodes, capacity.edges)
    return special_graphs(nodes, edges, seed)


def _float_forms(config: VerifyRunConfig, graphs: Sequence[HitGraph], folder: Path) -> dict[str, dict[str, Any]]:
    """The float ONNX file against PyTorch: equal up to the rounding of float32 sums."""
    if not config.float_checkpoint:
        return {}
    checkpoint = load_checkpoint(checkpoint_path(config.float_checkpoint))
    try:
        onnx = float_onnx(checkpoint, folder)
    except FormUnavailable as error:
        return {"onnx": {"skipped": str(error), "failed": False}}
    wanted = edge_logits(float_network(checkpoint), graphs)
    got = [onnx(graph) for graph in graphs]
    largest = max((float(np.abs(a - b).max(initial=0.0)) for a, b in zip(got, wanted, strict=True)), default=0.0)
    flips = sum(int(np.count_nonzero((a > checkpoint.threshold) != (b > checkpoint.threshold)))
                for a, b in zip(got, wanted, strict=True))
    return {"onnx": {"graphs": len(graphs), "largest_difference": largest, "tolerance": FLOAT_TOLERANCE,
                     "decisions_differing": flips, "failed": largest > FLOAT_TOLERANCE}}


def _show(results: Sequence[FormResult], summary: Mapping[str, Any], console: Console) -> None:
    rows = []
    for result in results:
        shown = result.to_json()
        verdict = f"skipped: {result.skipped}" if result.skipped else "FAILED" if result.failed else "equal"
        rows.append((result.form, shown["vectors"], result.graphs or "–", result.values, result.mismatches, verdict,
                     summary["forms"][result.form]["seconds"]))
    console.table("bit accuracy against the integer model", ("form", "vectors / MLP", "graphs", "integers compared",
                                                             "mismatches", "verdict", "s"), rows)
    for name, values in summary["float_forms"].items():
        console.say(f"float {name} against PyTorch: " + (
            f"skipped: {values['skipped']}" if "skipped" in values else
            f"largest difference {values['largest_difference']:.2g} (tolerance {values['tolerance']:.0e}), "
            f"{values['decisions_differing']} decisions differ"))
    for result in results:
        if result.first:
            console.say(str(result.first))
