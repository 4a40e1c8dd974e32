"""The verbs around a checkpoint's forms: what is proved, what is refused, and that one form's trouble stays its own."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from broken_bypass import without_bypass
from integer_networks import flip_lsb, random_graph, toy_description
from quantized_networks import random_network
from run_folders import track_graph, without_truth

from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan
from edgetrack.export.accelerator.simulation import AcceleratorLibrary, build_accelerator
from edgetrack.export.form import Form, FormUnavailable, hit_capacity
from edgetrack.export.form_classifier import FormClassifier, edge_classifier
from edgetrack.export.forms import FORMS, FormSettings, make_form
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.kind import Source
from edgetrack.export.verification import fitting
from edgetrack.graphs.files import save_graph
from edgetrack.graphs.sectors import SectorConfig, sectors
from edgetrack.models.checkpoint import Checkpoint, save_checkpoint
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.pretrained_checkpoints import DEFAULT_FLOAT, DEFAULT_QUANTISED, load_kind
from edgetrack.quantize.checkpoint import integer_model, quantized_checkpoint
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import EvaluateConfig, evaluate
from edgetrack.scripts.export import ExportConfig, export
from edgetrack.scripts.verify import VerifyRunConfig, verify
from edgetrack.tracks.evaluation import evaluate_scores
from edgetrack.tracks.track_metrics import MatchingConfig

QUIET = Console(quiet=True)


def save_quantized(path: Path, recipe: PrecisionRecipe | None = None) -> str:
    network = random_network(interaction_network(InteractionNetworkConfig(hidden=6)), recipe)
    save_checkpoint(quantized_checkpoint(network, 0.0), path)
    return str(path)


def save_float(path: Path) -> str:
    network = seeded_network(toy_description(), 0)
    save_checkpoint(Checkpoint("float", network.description, network.state_dict(), 0.0), path)
    return str(path)


@pytest.fixture
def quantised(tmp_path: Path) -> str:
    return save_quantized(tmp_path / "quantised.safetensors")


@pytest.fixture
def wide(tmp_path: Path) -> str:
    """A checkpoint that QONNX can hold and QCDQ cannot."""
    return save_quantized(tmp_path / "wide.safetensors", PrecisionRecipe(activation_bits=12, bias_bits=20))


@pytest.fixture
def graphs(tmp_path: Path) -> str:
    for index in range(3):
        save_graph(track_graph(f"event{index}", seed=index), tmp_path / "graphs" / f"event{index}.npz")
    return str(tmp_path / "graphs")


class Heard(Console):
    """A console whose lines can be read."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vectors": 0}, "vectors is 0, wanted at least 1"),
        ({"number": 0}, "number is 0"),
        ({"number": -3}, "number is -3"),
        ({"forms": ()}, "known forms"),
        ({"forms": ("integer", "qonxx")}, "qonxx"),
        ({"forms": ("integer", "rtl", "integer")}, "comes twice"),
    ],
)
def test_empty_or_repeated_proofs_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VerifyRunConfig(**change)


def test_form_that_cannot_hold_the_network_fails_alone(wide: str, graphs: str, tmp_path: Path) -> None:
    config = VerifyRunConfig(checkpoint=wide, forms=("qcdq", "integer", "qonnx"), graphs=graphs, vectors=500)
    result = verify(config, tmp_path / "run", QUIET)
    assert result["failed"]
    forms = result["forms"]
    assert forms["qcdq"]["failed"]
    assert forms["qcdq"]["mismatches"] is None
    assert "not possible" in forms["qcdq"]["error"]
    assert "12 bits" in forms["qcdq"]["error"]
    for name in ("integer", "qonnx"):
        assert (forms[name]["failed"], forms[name]["mismatches"]) == (False, 0)
        assert (forms[name]["graphs"], forms[name]["special_graphs"], forms[name]["sectors"]) == (3, 7, 0)
    assert json.loads((tmp_path / "run" / "verify.json").read_text()) == result


def test_export_goes_on_after_a_form_that_cannot_hold_the_network(wide: str, tmp_path: Path) -> None:
    result = export(ExportConfig(to=("qcdq", "qonnx"), checkpoint=wide), tmp_path, QUIET)
    assert result["failed"]
    assert list(result["exported"]) == ["qonnx"]
    assert "qcdq" in result["impossible"]
    assert not export(ExportConfig(to=("qonnx",), checkpoint=wide), tmp_path, QUIET)["failed"]


@pytest.mark.parametrize("error", [RuntimeError("g++ ended with 1"), KeyError("n_in")])
def test_export_goes_on_after_a_tool_that_fails(
    error: Exception, quantised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> Form:
        raise error

    monkeypatch.setitem(FORMS, "qcdq", replace(FORMS["qcdq"], make=fail))
    result = export(ExportConfig(to=("qcdq", "qonnx"), checkpoint=quantised), tmp_path, QUIET)
    assert result["failed"]
    assert list(result["exported"]) == ["qonnx"]
    assert str(error) in result["impossible"]["qcdq"]


def test_float_network_is_checked_only_where_it_belongs_to_the_checkpoint(
    quantised: str, graphs: str, tmp_path: Path
) -> None:
    config = VerifyRunConfig(checkpoint=quantised, forms=("integer",), graphs=graphs, vectors=200)
    assert verify(config, tmp_path / "none", QUIET)["float_forms"] == {}
    own = save_float(tmp_path / "float.safetensors")
    console = Heard()
    given = verify(replace(config, float_checkpoint=own), tmp_path / "given", console)
    assert given["float_forms"]["onnx"]["checkpoint"] == own
    assert not given["failed"]
    assert any(own in line for line in console.lines)
    default = VerifyRunConfig(forms=("integer",), graphs=graphs, vectors=200, number=1)
    assert verify(default, tmp_path / "default", QUIET)["float_forms"]["onnx"]["checkpoint"] == DEFAULT_FLOAT


def test_every_graph_gives_its_fullest_sector_before_any_gives_a_second() -> None:
    events = [random_graph(40 + 40 * index, 200 * (index + 1), seed=index) for index in range(3)]
    settings = FormSettings(sectors=SectorConfig(phi_sectors=4, overlap_phi=0.5))
    form: Any = SimpleNamespace(capacity=hit_capacity(1000, 4000))
    boundless: Any = SimpleNamespace(capacity=None)
    cut = settings.sectors_for(form.capacity)
    sizes = [sorted((s.graph.num_edges for s in sectors(event, cut)), reverse=True) for event in events]
    chosen = fitting(form, events, 5, settings)
    assert [graph for graph, _ in chosen] == [0, 1, 2, 0, 1]
    assert [piece.num_edges for _, piece in chosen] == [sizes[0][0], sizes[1][0], sizes[2][0], sizes[0][1], sizes[1][1]]
    assert len(fitting(form, events, 99, settings)) == 12
    assert [graph for graph, _ in fitting(boundless, events, 2, settings)] == [0, 1, 2]


def test_edges_that_sectors_lose_are_counted_and_told(
    quantised: str, graphs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = SectorConfig(phi_sectors=4, overlap_phi=0.1, node_capacity=8, edge_capacity=10)

    def in_small_sectors(*_: object) -> FormClassifier:
        return FormClassifier("hls4ml", lambda graph: np.zeros(graph.num_edges), cut)

    monkeypatch.setattr("edgetrack.scripts.evaluate.edge_classifier", in_small_sectors)
    console = Heard()
    result = evaluate(EvaluateConfig(graphs=graphs, checkpoint=quantised, form="hls4ml"), tmp_path / "run", console)
    lost = result["sectors"]
    assert lost["overflow_edges"] > 0
    assert lost["owned_edges"] + lost["seam_edges"] + lost["overflow_edges"] == lost["edges"] == result["edges"]
    warning = next(line for line in console.lines if line.startswith("warning"))
    assert f"{lost['overflow_edges']} to overflow" in warning


def test_evaluation_names_the_form_that_auto_stands_for(quantised: str, graphs: str, tmp_path: Path) -> None:
    result = evaluate(EvaluateConfig(graphs=graphs, checkpoint=quantised), tmp_path / "a", QUIET)
    assert result["form"] == "integer"
    assert "sectors" not in result
    own = save_float(tmp_path / "float.safetensors")
    assert evaluate(EvaluateConfig(graphs=graphs, checkpoint=own), tmp_path / "b", QUIET)["form"] == "float"


def test_hls4ml_is_run_in_sectors_of_its_capacity(quantised: str, tmp_path: Path) -> None:
    settings = FormSettings(hls4ml=HlsConfig(nodes=64, edges=128))
    classifier = edge_classifier(load_kind(quantised, "quantised"), "hls4ml", tmp_path, settings)
    assert classifier.form == "hls4ml"
    assert classifier.sectors is not None
    assert (classifier.sectors.node_capacity, classifier.sectors.edge_capacity) == (64, 128)


def test_graphs_without_truth_still_give_logits_and_tracks(quantised: str, tmp_path: Path) -> None:
    events = [track_graph("event0"), replace(track_graph("event0", seed=1), name="a/b")]
    for index, event in enumerate(events):
        save_graph(event, tmp_path / "truth" / f"{index}.npz")
        save_graph(without_truth(event), tmp_path / "real" / f"{index}.npz")
    known, real = (
        evaluate(
            EvaluateConfig(
                graphs=str(tmp_path / name), checkpoint=quantised, threshold=-math.inf, track_threshold=-1.0
            ),
            tmp_path / f"run-{name}",
            QUIET,
        )
        for name in ("truth", "real")
    )
    assert real["edge_accuracy"] is None
    assert real["candidates"] == known["candidates"] > 0
    folder = tmp_path / "run-real" / "scores"
    assert sorted(path.name for path in folder.iterdir()) == ["00001-a_b.npz", "event0.npz"]
    found = 0
    for name, event in zip(("event0", "00001-a_b"), events, strict=True):
        with np.load(folder / f"{name}.npz") as made:
            assert made["logits"].shape == (event.num_edges,)
            assert made["track_labels"].shape == (event.num_nodes,)
            sizes = np.bincount(made["track_labels"][made["track_labels"] >= 0])
            found += int(np.count_nonzero(sizes >= MatchingConfig().min_candidate_hits))
    assert found == real["candidates"]
    model = integer_model(load_kind(quantised, "quantised"))
    figures = evaluate_scores(events, [model.logits(event) for event in events], 0.0, -1.0)
    assert figures.tracks is not None
    assert real["candidates"] == figures.tracks.overall.candidates


@pytest.mark.parametrize("name", ["threshold", "track_threshold"])
def test_threshold_that_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is nan, wanted a logit"):
        EvaluateConfig(graphs="g", checkpoint="c", **{name: math.nan})  # type: ignore[arg-type]


def test_checkpoint_of_the_wrong_kind_is_refused_with_one_that_would_do(quantised: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"is a quantised checkpoint, wanted a float one.*{DEFAULT_FLOAT}"):
        export(ExportConfig(to=("onnx",), float_checkpoint=quantised), tmp_path, QUIET)
    own = save_float(tmp_path / "float.safetensors")
    with pytest.raises(ValueError, match=f"is a float checkpoint, wanted a quantised one.*{DEFAULT_QUANTISED}"):
        verify(VerifyRunConfig(checkpoint=own), tmp_path, QUIET)
    with pytest.raises(ValueError, match=f"take integer, .*float checkpoint such as '{DEFAULT_FLOAT}'"):
        edge_classifier(load_kind(quantised, "quantised"), "onnx", tmp_path, FormSettings())


def test_proof_of_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FormUnavailable("its tool is missing")

    monkeypatch.setattr("edgetrack.export.verification.make_form", missing)
    result = verify(VerifyRunConfig(forms=("qcdq",), vectors=64, number=1), tmp_path, Console(quiet=True))
    assert result["forms"]["qcdq"]["skipped"] == "its tool is missing"
    assert result["failed"]


def test_accelerator_is_verified_with_whole_graphs_under_stalls(
    quantised: str, graphs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FormSettings(accelerator=AcceleratorConfig(40, 80, 3, 2, 3, 2), sectors=SectorConfig(phi_sectors=4))
    config = VerifyRunConfig(
        checkpoint=quantised, forms=("accelerator",), graphs=graphs, vectors=500, streamed=120, settings=settings
    )
    found = verify(config, tmp_path / "good", QUIET)["forms"]["accelerator"]
    assert (found["failed"], found["mismatches"], found["graphs"], found["sectors"]) == (False, 0, 3, 12)
    assert found["special_graphs"] + found["sectors"] + found["random_graphs"] == found["streamed"]["graphs"] == 120
    assert found["streamed"]["shapes"] > 20
    assert set(found["streamed"]["clocks"]) == {"none", "inputs late", "output held", "all"}
    assert found["streamed"]["clocks"]["all"] > found["streamed"]["clocks"]["none"]
    timing = found["timing"]
    assert all(point["cycles"] == point["formula"] for point in (*timing["latencies"], timing["interval"]))
    assert [list(passage["passes"]) for passage in timing["passages"]] == [["load", "phi_r1", "phi_o", "phi_r2"]] * 4

    def flipped(name: str, source: Source, folder: Path, settings: FormSettings) -> Form:
        return make_form(name, replace(source, model=flip_lsb(source.model, "phi_r2")), folder, settings)

    with monkeypatch.context() as patch:
        patch.setattr("edgetrack.export.verification.make_form", flipped)
        found = verify(config, tmp_path / "flipped", QUIET)
    assert found["failed"]
    assert found["forms"]["accelerator"]["first_mismatch"].startswith("accelerator: phi_r2 differs in vectors")

    def broken(sources: dict[str, str], top: str, plan: Plan, sim: Path) -> AcceleratorLibrary:
        return build_accelerator(without_bypass(sources, 1), top, plan, sim)

    monkeypatch.setattr("edgetrack.export.accelerator.form.build_accelerator", broken)
    found = verify(config, tmp_path / "good", QUIET)
    assert found["failed"]
    assert found["forms"]["accelerator"]["mismatches"] > 100
    assert "(stalls: none)" in found["forms"]["accelerator"]["first_mismatch"]


def test_hardware_that_stands_still_fails_alone(
    quantised: str, graphs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(name: str, *_: object) -> Form:
        if name == "qonnx":
            raise RuntimeError("accelerator stands still")
        return make_form(name, *_)  # type: ignore[arg-type]

    monkeypatch.setattr("edgetrack.export.verification.make_form", stuck)
    config = VerifyRunConfig(checkpoint=quantised, forms=("qonnx", "integer"), graphs=graphs, vectors=100)
    forms = verify(config, tmp_path, QUIET)["forms"]
    assert forms["qonnx"]["error"] == "not possible: accelerator stands still"
    assert not forms["integer"]["failed"]
