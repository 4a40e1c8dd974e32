"""`edgetrack verify`: every exported form against the integers, bit by bit."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetrack.events.atomic_write import write_text
from edgetrack.export.form_classifier import quantized_source
from edgetrack.export.form_comparison import FormResult
from edgetrack.export.forms import DEFAULT_FORMS, FLOAT_FORMS, FORMS, FormSettings, check_forms, descriptions
from edgetrack.export.verification import VerifyConfig, verify_by_name, verify_float_form
from edgetrack.graphs.files import graph_paths, load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.micrograph_files import MicrographFiles
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.models.steps import TOKEN
from edgetrack.scripts.console import Console
from edgetrack.scripts.option import option


@dataclass(frozen=True)
class VerifyRunConfig:
    """What is compared, and on how much."""

    checkpoint: str = option(DEFAULT_QUANTISED, "quantised checkpoint file, or the name of one of the package's own")
    float_checkpoint: str | None = option(
        None, "float checkpoint, to check the float forms too; default: the package's own if --checkpoint is, else none"
    )
    forms: tuple[str, ...] = option(DEFAULT_FORMS, "forms to verify, comma-separated", descriptions(DEFAULT_FORMS))
    graphs: str = option(
        "", "folder of hit graphs; of micrographs/ of a training for a transformer; default: the package's samples"
    )
    number: int = option(
        20,
        "how many of the graphs to compare (as many sectors of them for a form of fixed size; all where it streams)",
    )
    vectors: int = option(131_072, "input vectors for each kernel (MLP, map, table)")
    streamed: int = option(
        1200, "for forms that stream: graphs one behind the other in each round of stalls, random ones among them"
    )
    artefacts: str = option("", "folder of an export: prove the files that are there, write none of them")
    seed: int = option(1, "of vectors, special and random graphs, and stalls")
    settings: FormSettings = field(default_factory=FormSettings)

    def __post_init__(self) -> None:
        check_forms(self.forms, tuple(FORMS), "verify")
        for name in ("number", "vectors", "streamed"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1: nothing compared proves nothing")

    @property
    def amounts(self) -> VerifyConfig:
        return VerifyConfig(self.number, self.vectors, self.streamed, self.seed, self.settings)


def verify(config: VerifyRunConfig, folder: Path, console: Console, exports: Path | None = None) -> dict[str, Any]:
    """Compare every form with the integer model, bit by bit.

    First each kernel (MLP, map, table) by itself, on random and corner-case vectors, then whole graphs.

    Beside real graphs: an empty one, isolated hits, a hub of the largest degree, saturating features. Hardware of fixed
    size gets sectors of the real ones, padded. A form that streams gets all graphs one behind the other, random ones
    among them, in several rounds of stalls. A difference is reported with form, first divergent layer, graph and index,
    and the exit status is 1; so it is where a form cannot hold the network. The other forms are verified all the same.
    A form whose tool is missing is shown as skipped. Writes verify.json; the forms stand in the run folder.

    With --artefacts nothing is exported: onnx, integer, qonnx and qcdq files are run as they are, and those of hardware
    have to be, byte by byte, what is exported to a temporary folder and proven there.
    """
    source = quantized_source(load_kind(config.checkpoint, "quantised"))
    floats = _float_checkpoint(config)
    graphs = _events(config, source.model.description)
    existing = Path(config.artefacts) if config.artefacts else None
    results: list[FormResult] = []
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="edgetrack-verify-") as temporary:
        place = Path(temporary) if existing else exports or folder
        for name in config.forms:
            start = time.monotonic()
            with console.progress(f"verify {name}") as progress:
                results.append(verify_by_name(name, source, graphs, config.amounts, place, progress, existing))
            seconds[name] = round(time.monotonic() - start, 1)
        float_forms = {
            name: verify_float_form(name, *floats, graphs, place, config.settings, existing).to_json()
            for name, kind in FLOAT_FORMS.items()
            if floats and kind.writes and not isinstance(graphs, MicrographFiles)
        }
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


def _events(config: VerifyRunConfig, description: NetworkDescription) -> list[HitGraph] | MicrographFiles:
    """What the network reads: hit graphs, or micrographs. Raises ValueError for a transformer without a folder."""
    if TOKEN not in description.domains:
        return load_graphs(config.graphs or sample_graphs())[: config.number]
    if config.float_checkpoint:
        raise ValueError(f"float_checkpoint does not go with {description.name!r}, of which no float form is compared")
    if not config.graphs:
        raise ValueError(
            f"network {description.name!r} reads micrographs; give --graphs the micrographs/ of a training"
        )
    return MicrographFiles(tuple(graph_paths(config.graphs)[: config.number]))


def _float_checkpoint(config: VerifyRunConfig) -> tuple[str, Checkpoint] | None:
    """The float network to check beside the quantised one, with its name; None: none was given that belongs to it."""
    name = config.float_checkpoint
    if name is None and config.checkpoint == DEFAULT_QUANTISED:
        name = DEFAULT_FLOAT
    return (name, load_kind(name, "float")) if name else None


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
        ("form", "vectors / kernel", "graphs", "integers compared", "mismatches", "verdict", "s"),
        rows,
    )
    for name, values in summary["float_forms"].items():
        console.say(
            f"float {name} of {values['checkpoint']} against PyTorch: "
            + (
                (values.get("error") or f"skipped: {values['skipped']}")
                if "skipped" in values or "error" in values
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
