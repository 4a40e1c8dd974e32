"""A form that is defined here, in one file and one line, goes through verify, evaluate and export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from run_folders import track_graph

from edgetrack.export.form import Capacity, InexactForm, hit_capacity
from edgetrack.export.forms import FLOAT_FORMS, FORMS, FormSettings
from edgetrack.export.kind import FloatKind, FormKind, NoSettings
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import EvaluateConfig, evaluate
from edgetrack.scripts.export import ExportConfig, export
from edgetrack.scripts.verify import VerifyRunConfig, verify

QUIET = Console(quiet=True)


@dataclass(frozen=True)
class ToyConfig:
    off_by: int = 0  # what the runtime adds to every logit
    largest: Capacity | None = None


@dataclass(frozen=True)
class ToyRuntime:
    """A runtime whose artefact is a text file, and whose arithmetic is NumPy's."""

    model: IntegerModel
    config: ToyConfig
    name: str = "toy"

    @property
    def capacity(self) -> Capacity | None:
        return self.config.largest

    def run_graph(self, graph: HitGraph) -> Mapping[str, IntArray]:
        if self.capacity is not None and graph.num_edges > self.capacity.edges:
            raise InexactForm("too many edges")
        output = self.model.description.output
        return {output: self.model.run_graph(graph)[output] + self.config.off_by}

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        return self.model.submodel(mlp).run(inputs)[mlp]


def toy(config: ToyConfig) -> FormKind[ToyRuntime, ToyConfig]:
    def make(source: object, folder: Path, settings: ToyConfig) -> ToyRuntime:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "toy.txt").write_text("artefact")
        return ToyRuntime(source.model, settings)  # type: ignore[attr-defined]

    capacity = None if config.largest is None else lambda settings: settings.largest
    return FormKind("toy", make, "a toy", settings=lambda: config, capacity=capacity)


@pytest.fixture
def graphs(tmp_path: Path) -> str:
    for index in range(2):
        save_graph(track_graph(f"event{index}", seed=index), tmp_path / "graphs" / f"{index}.npz")
    return str(tmp_path / "graphs")


def test_a_runtime_is_one_object_and_one_line(tmp_path: Path, graphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMS, "toy", toy(ToyConfig()))
    config = VerifyRunConfig(forms=("toy",), graphs=graphs, vectors=100)
    found = verify(config, tmp_path / "verify", QUIET)["forms"]["toy"]
    assert (found["mismatches"], found["graphs"], found["failed"]) == (0, 2, False)
    assert export(ExportConfig(to=("toy",)), tmp_path / "export", QUIET)["exported"].keys() == {"toy"}
    assert (tmp_path / "export" / "toy" / "toy.txt").read_text() == "artefact"
    asked = EvaluateConfig(graphs=graphs, checkpoint=DEFAULT_QUANTISED, form="toy")
    assert evaluate(asked, tmp_path / "evaluate", QUIET)["form"] == "toy"


def test_its_wrong_integers_are_caught(tmp_path: Path, graphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMS, "toy", toy(ToyConfig(off_by=1)))
    result = verify(VerifyRunConfig(forms=("toy",), graphs=graphs, vectors=100), tmp_path, QUIET)
    assert result["failed"]
    assert result["forms"]["toy"]["mismatches"] > 100


def test_one_of_fixed_size_gets_sectors(tmp_path: Path, graphs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMS, "toy", toy(ToyConfig(largest=hit_capacity(40, 90))))
    result = verify(VerifyRunConfig(forms=("toy",), graphs=graphs, vectors=100, number=5), tmp_path, QUIET)
    assert (result["forms"]["toy"]["sectors"], result["forms"]["toy"]["failed"]) == (5, False)
    capacity = FormSettings().capacity(FORMS["toy"])
    assert capacity == hit_capacity(40, 90)


@pytest.mark.parametrize("off_by", [0.0, 0.1])
def test_a_float_runtime_is_held_against_pytorch(
    off_by: float, tmp_path: Path, graphs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(network: object, folder: Path, settings: NoSettings) -> object:
        def logits(graph: HitGraph) -> NDArray[np.floating]:
            return edge_logits(network, [graph])[0] + np.float32(off_by)  # type: ignore[arg-type]

        return logits

    monkeypatch.setitem(FLOAT_FORMS, "toy", FloatKind("toy", make, "a toy"))  # type: ignore[arg-type]
    config = VerifyRunConfig(forms=("integer",), graphs=graphs, vectors=100, float_checkpoint=DEFAULT_FLOAT)
    result = verify(config, tmp_path / "verify", QUIET)
    assert result["float_forms"]["toy"]["failed"] is result["failed"] is (off_by > 0)
    asked = EvaluateConfig(graphs=graphs, checkpoint=DEFAULT_FLOAT, form="toy")
    assert evaluate(asked, tmp_path / "evaluate", QUIET)["form"] == "toy"
