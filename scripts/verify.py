"""`edgetrack verify`: every exported form against the integers, bit by bit."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.form import AcceleratorForm
from edgetrack.export.accelerator.timing import accelerator_timing
from edgetrack.export.back_to_back import StreamCases, StreamingForm, stream_cases
from edgetrack.export.cases import special_graphs
from edgetrack.export.exploration.quick_estimate import quick_estimate
from edgetrack.export.form import Capacity, Form, FormUnavailable
from edgetrack.export.form_classifier import float_onnx, quantized_source
from edgetrack.export.form_comparison import FormResult, impossible, skipped, verify_form
from edgetrack.export.forms import DEFAULT_FORMS, FORMS, FormSettings, Source, make_form
from edgetrack.export.synthesis.device import load_device
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.sectors import sectors
from edgetrack.models.checkpoint import Checkpoint, float_network
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.models.thresholds import kept_edges
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option

# ONNX Runtime and PyTorch add up in other orders. A layer rounds sums of at most 41 terms, √41 · 2^-24 = 4e-7 of their
# size; nine layers in quadrature 1.2e-6 of the largest logit.
FLOAT_TOLERANCE = 2e-6
PASSAGES = 4  # graphs whose way through the accelerator is written down


@dataclass(frozen=True)
class VerifyRunConfig:
    """What is compared, and on how much."""

    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint file, or the name of one of the package's own")
    float_checkpoint: str | None = option(
        None, "float checkpoint, to check the float onnx too; default: the package's own if --checkpoint is, else none"
    )
    forms: tuple[str, ...] = option(DEFAULT_FORMS, "forms to verify, comma-separated")
    graphs: str = option("", "folder of hit graphs; default: the package's simulated samples")
    number: int = option(
        20,
        "how many of the graphs to compare (and as many sectors of them for hls4ml; all sectors for the accelerator)",
    )
    vectors: int = option(131_072, "input vectors for each MLP")
    streamed: int = option(
        1200, "accelerator: graphs one behind the other in each round of stalls; random ones join the real ones"
    )
    seed: int = option(1, "of vectors, special and random graphs, and stalls")
    settings: FormSettings = field(default_factory=FormSettings)

    def __post_init__(self) -> None:
        unknown = set(self.forms) - set(FORMS)
        if unknown or not self.forms:
            raise ValueError(f"cannot verify {sorted(unknown)}; known forms: {', '.join(FORMS)}")
        if len(set(self.forms)) < len(self.forms):
            raise ValueError(f"forms {', '.join(self.forms)}: one comes twice; give each once")
        for name in ("number", "vectors", "streamed"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1: nothing compared proves nothing")


def verify(config: VerifyRunConfig, folder: Path, console: Console, artefacts: Path | None = None) -> dict[str, Any]:
    """Compare every form with the integer model: each MLP on random and corner-case vectors, then whole graphs.

    Beside real graphs: an empty one, isolated hits, a hub of the largest degree, saturating features. Fixed-size
    hardware gets sectors of the real ones, padded. The accelerator gets all graphs one behind the other, random ones
    among them, in several rounds of stalls on its streams. A difference is reported with form, first divergent layer,
    graph and index, and the exit status is 1; so it is where a form cannot hold the network. The other forms are
    verified all the same. A form whose tool is missing is shown as skipped. Writes verify.json; forms are exported into
    `artefacts`, by default the run folder.
    """
    artefacts = artefacts or folder
    source = quantized_source(load_kind(config.checkpoint, "quantised"))
    floats = _float_checkpoint(config)
    graphs = load_graphs(config.graphs or sample_graphs())[: config.number]
    results: list[FormResult] = []
    seconds: dict[str, float] = {}
    for name in config.forms:
        start = time.monotonic()
        results.append(_verify_one(name, source, graphs, config, artefacts, console))
        seconds[name] = round(time.monotonic() - start, 1)
    float_forms = {} if floats is None else {"onnx": _compare_float_onnx(*floats, graphs, artefacts)}
    summary = {
        "checkpoint": config.checkpoint,
        "forms": {result.form: {**result.to_json(), "seconds": seconds[result.form]} for result in results},
        "float_forms": float_forms,
        # where every form was skipped, nothing was proved
        "failed": any(r.failed for r in results)
        or all(r.skipped for r in results)
        or any(shown["failed"] for shown in float_forms.values()),
    }
    write_text(folder / "verify.json", json.dumps(summary, indent=1))
    _show(results, summary, console)
    return summary


def _verify_one(
    name: str, source: Source, graphs: Sequence[HitGraph], config: VerifyRunConfig, folder: Path, console: Console
) -> FormResult:
    try:
        form = make_form(name, source, folder, config.settings)
        special = _special(form.capacity, config.seed)
        streams = isinstance(form, StreamingForm)
        cases = fitting(form, graphs, None if streams else config.number, config.settings)
        stream = _stream(form.capacity, len(cases) + len(special), config) if streams else None
        with console.progress(f"verify {name}") as report:
            result = verify_form(
                source.model, form, [case for _, case in cases], config.vectors, config.seed, report, special, stream
            )
        if isinstance(form, AcceleratorForm):
            shown = [case for _, case in cases[:PASSAGES]]
            device = load_device(config.settings.hls4ml.part)
            result = replace(
                result,
                design={
                    "timing": accelerator_timing(form, shown, config.seed).to_json(),
                    "resources": quick_estimate(form, device),
                },
            )
    except FormUnavailable as error:
        return skipped(name, str(error))
    except (ValueError, RuntimeError) as error:  # a tool that fails, hardware that stands still
        return impossible(name, str(error))
    if form.capacity is None:
        return result
    return replace(result, graphs=len({graph for graph, _ in cases}), sectors=result.graphs)


def fitting(
    form: Form, graphs: Sequence[HitGraph], number: int | None, settings: FormSettings
) -> list[tuple[int, HitGraph]]:
    """The graphs themselves, or for a fixed-size form `number` (or all) sectors of them, each with its graph's index.

    The fullest sector of every graph comes first, then the second fullest of every graph, and so on.
    """
    if form.capacity is None:
        return list(enumerate(graphs))
    sector_config = settings.sectors_for(form.capacity)
    ranked = []
    for index, graph in enumerate(graphs):
        pieces = sorted((sector.graph for sector in sectors(graph, sector_config)), key=lambda piece: -piece.num_edges)
        ranked += [(rank, index, piece) for rank, piece in enumerate(pieces)]
    ranked.sort(key=lambda entry: entry[:2])
    return [(index, piece) for _, index, piece in ranked[:number]]


def _stream(capacity: Capacity | None, there: int, config: VerifyRunConfig) -> StreamCases:
    """Random graphs to make up the number asked for, but at least a quarter of it: real sectors have other sizes."""
    return stream_cases(capacity, max(config.streamed - there, config.streamed // 4), config.seed)


def _special(capacity: Capacity | None, seed: int) -> list[HitGraph]:
    nodes, edges = (300, 1200) if capacity is None else (capacity.nodes, capacity.edges)
    return special_graphs(nodes, edges, seed)


def _float_checkpoint(config: VerifyRunConfig) -> tuple[str, Checkpoint] | None:
    """The float network to check beside the quantised one, with its name; None: none was given that belongs to it."""
    name = config.float_checkpoint
    if name is None and config.checkpoint == DEFAULT_QUANTISED:
        name = DEFAULT_FLOAT
    return (name, load_kind(name, "float")) if name else None


def _compare_float_onnx(name: str, checkpoint: Checkpoint, graphs: Sequence[HitGraph], folder: Path) -> dict[str, Any]:
    """The float ONNX file against PyTorch: equal up to the rounding of float32 sums."""
    try:
        onnx = float_onnx(checkpoint, folder)
    except FormUnavailable as error:
        return {"checkpoint": name, "skipped": str(error), "failed": False}
    wanted = edge_logits(float_network(checkpoint), graphs)
    got = [onnx(graph) for graph in graphs]
    size = max((float(np.abs(a).max(initial=0.0)) for a in wanted), default=0.0)
    tolerance = FLOAT_TOLERANCE * max(1.0, size)
    largest = max((float(np.abs(a - b).max(initial=0.0)) for a, b in zip(got, wanted, strict=True)), default=0.0)
    flips = sum(
        int(np.count_nonzero(kept_edges(a, checkpoint.threshold) != kept_edges(b, checkpoint.threshold)))
        for a, b in zip(got, wanted, strict=True)
    )
    return {
        "checkpoint": name,
        "graphs": len(graphs),
        "largest_difference": largest,
        "tolerance": tolerance,
        "decisions_differing": flips,
        "failed": not largest <= tolerance,
    }


def _show(results: Sequence[FormResult], summary: Mapping[str, Any], console: Console) -> None:
    rows = []
    for result in results:
        shown = result.to_json()
        verdict = f"skipped: {result.skipped}" if result.skipped else "FAILED" if result.failed else "equal"
        verdict += f": {result.error}" if result.error else ""
        graphs = f"{result.sectors} sectors of {result.graphs}" if result.sectors else str(result.graphs or "–")
        graphs += f" + {result.special_graphs} special" if result.special_graphs else ""
        graphs += f" + {result.random_graphs} random" if result.random_graphs else ""
        mismatches = "–" if shown["mismatches"] is None else shown["mismatches"]
        rows.append(
            (
                result.form,
                shown["vectors"],
                graphs,
                result.values,
                mismatches,
                verdict,
                summary["forms"][result.form]["seconds"],
            )
        )
    console.table(
        "bit accuracy against the integer model",
        ("form", "vectors / MLP", "graphs", "integers compared", "mismatches", "verdict", "s"),
        rows,
    )
    for name, values in summary["float_forms"].items():
        console.say(
            f"float {name} of {values['checkpoint']} against PyTorch: "
            + (
                f"skipped: {values['skipped']}"
                if "skipped" in values
                else f"largest difference {values['largest_difference']:.2g} (tolerance {values['tolerance']:.0e}), "
                f"{values['decisions_differing']} decisions differ"
            )
        )
    for result in results:
        if result.streamed:
            stream = result.streamed
            rounds = ", ".join(f"{name} ({clocks:,} clocks)" for name, clocks in stream.clocks.items())
            console.say(
                f"{result.form}: {stream.graphs:,} graphs in {stream.shapes} sizes one behind the other, in "
                f"{len(stream.clocks)} rounds; stalls: {rounds}"
            )
        if result.first:
            console.say(str(result.first))
