"""Run folder → `RunRecord`: everything that the report shows comes from here."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.rtl.pipelines import RTL
from edgetrack.graphs.files import load_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint
from edgetrack.models.history import History, read_history

Logits = tuple[NDArray[np.floating], ...]  # one array (E,) a graph


@dataclass(frozen=True)
class RunRecord:
    """What a run folder holds; `None` or empty where a stage has not run."""

    folder: Path
    config_text: str  # the resolved config, YAML; empty when unknown
    config: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]  # stage → what it returned
    verification: Mapping[str, Any] | None  # verify.json
    forms: Mapping[str, Mapping[str, Any]]  # evaluation.json: form → figures, or {"skipped": why}, or {"error": why}
    perfect_scores: Mapping[str, Any]  # evaluation.json: the figures with the labels as scores
    float_names: tuple[str, ...]  # the float networks in `forms`
    float_forms: tuple[str, ...]  # other forms of the first of them
    sector_loss: Mapping[str, Any]  # evaluation.json: what cutting the graphs for fixed-size hardware loses
    graphs: tuple[HitGraph, ...]  # the held-out graphs, in the order of evaluation.json
    logits: Mapping[str, Logits]  # form → logits of each graph
    quantised: Checkpoint | None
    quantized_path: Path | None
    floats: Mapping[str, Checkpoint]  # stage → float checkpoint
    histories: Mapping[str, History]  # stage → how its training went
    rtl: Mapping[str, Mapping[str, Any]]  # rtl.json: MLP → latency and estimates
    synthesis: Mapping[str, Mapping[str, Any]]  # MLP → primitives that Yosys counted
    accelerator: Mapping[str, Any]  # accelerator.json: its config, and the cycles of its kernels

    @property
    def quantized_names(self) -> tuple[str, ...]:
        """Names of the quantised forms in `forms`."""
        return tuple(name for name in self.forms if name not in (*self.float_names, *self.float_forms))

    @property
    def reference(self) -> str | None:
        """The float network that the others are measured against."""
        return next((name for name in self.float_names if name in self.logits), None)

    @property
    def integers(self) -> str | None:
        """The quantised form that stands for all of them in figures."""
        return next((name for name in self.quantized_names if name in self.logits), None)


def collect(folder: Path) -> RunRecord:
    """Read a run folder.

    Raises ValueError where nothing of a run is there, or a file is damaged (naming it).
    """
    stages = {path.parent.name: _object(path).get("result", {}) for path in sorted(folder.glob("*/stage.json"))}
    verification = _object(folder / "verify" / "verify.json")
    evaluation = _object(folder / "evaluate" / "evaluation.json")
    if not (stages or verification or evaluation):
        raise ValueError(
            f"{folder}: no stage of a run is in this folder; give the one that `edgetrack run` wrote: "
            f"edgetrack report --folder runs/default"
        )
    graphs = _graphs(folder, evaluation.get("graphs", ()))
    text, config = _config(folder / "run.yaml")
    rtl_file, accelerator = (_made(folder, form) for form in (RTL.name, ACCELERATOR.name))
    checkpoints = {path: load_checkpoint(path) for path in _checkpoint_paths(folder, stages)}
    quantised = next((path for path, checkpoint in checkpoints.items() if checkpoint.kind == "quantised"), None)
    return RunRecord(
        folder=folder,
        config_text=text,
        config=config,
        stages=stages,
        verification=verification or None,
        forms=evaluation.get("forms", {}),
        perfect_scores=evaluation.get("perfect_scores") or {},
        float_names=tuple(evaluation.get("floats", ())),
        float_forms=tuple(evaluation.get("float_forms", ())),
        sector_loss=evaluation.get("sectors", {}),
        graphs=graphs,
        logits=_logits(folder / "evaluate" / "logits.npz", graphs),
        quantised=checkpoints[quantised] if quantised else None,
        quantized_path=quantised,
        floats={path.parent.name: checkpoint for path, checkpoint in checkpoints.items() if checkpoint.kind == "float"},
        histories={stage: history for stage in stages if (history := read_history(folder / stage))},
        rtl=_object(rtl_file) if rtl_file else {},
        synthesis=_synthesis(stages, rtl_file),
        accelerator=_object(accelerator) if accelerator else {},
    )


def _made(folder: Path, form: str) -> Path | None:
    """The description of an exported form, from the first stage that made it."""
    paths = [folder / stage / form / f"{form}.json" for stage in ("export", "verify")]
    return next((path for path in paths if path.is_file()), None)


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error}); remove its folder and run the stage again") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds a {type(value).__name__}, wanted an object; run the stage again")
    return value


def _config(path: Path) -> tuple[str, Mapping[str, Any]]:
    if not path.is_file():
        return "", {}
    text = path.read_text(encoding="utf-8")
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML ({error}); `edgetrack run --print-config` prints one") from error
    return text, tree if isinstance(tree, dict) else {}


def _graphs(folder: Path, names: Sequence[str]) -> tuple[HitGraph, ...]:
    paths = [folder / "evaluate" / "graphs" / f"{name}.npz" for name in names]
    return tuple(load_graph(path) for path in paths) if all(path.is_file() for path in paths) else ()


def _logits(path: Path, graphs: Sequence[HitGraph]) -> dict[str, Logits]:
    """Logits by form, for every form that has an array that fits each graph."""
    if not path.is_file() or not graphs:
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: damaged ({error}); remove its folder and run the stage again") from error
    found: dict[str, Logits] = {}
    for form in dict.fromkeys(key.rpartition("/")[0] for key in arrays):
        values = tuple(arrays.get(f"{form}/{index}", np.empty(0)) for index in range(len(graphs)))
        for graph, value in zip(graphs, values, strict=True):
            if value.shape != (graph.num_edges,):
                raise ValueError(
                    f"{path}: {form} has logits {value.shape} for {graph.name}, wanted "
                    f"({graph.num_edges},); evaluate again"
                )
        found[form] = values
    return found


def _checkpoint_paths(folder: Path, stages: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """The checkpoint of each stage. Stages name it by the path that it had then; the folder may have moved since."""
    paths = [folder / stage / Path(str(result.get("checkpoint", ""))).name for stage, result in stages.items()]
    return [path for path in paths if path.suffix == ".safetensors" and path.is_file()]


def _synthesis(stages: Mapping[str, Mapping[str, Any]], rtl_file: Path | None) -> dict[str, Mapping[str, Any]]:
    """Primitives by MLP: from a stage's estimates, else what Yosys left beside rtl.json (one answer an MLP)."""
    for result in stages.values():
        if RTL.name in result.get("estimates", {}):
            return dict(result["estimates"][RTL.name]["blocks"])
    if rtl_file is None:
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    for mlp in _object(rtl_file):
        answers = sorted((rtl_file.parent / "yosys").glob(f"{mlp}-*.json"))
        if len(answers) == 1:  # several are of several versions, and nothing here says which is this one's
            found[mlp] = _object(answers[0])
    return found
