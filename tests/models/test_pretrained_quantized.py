"""The quantised weights that come with the package: made by the config beside them, and close to their float models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.graphs.files import load_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, float_network, load_checkpoint
from edgetrack.models.inference import edge_logits
from edgetrack.models.pretrained_checkpoints import FOLDER
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.quantize.used_bits import weights_by_layer
from edgetrack.scripts.config import load_config
from edgetrack.scripts.quantize import QuantizeRunConfig
from edgetrack.tracks.evaluation import evaluate_scores

SETS = ("2gev", "1p5gev", "1gev")
MOST_FAKES = {"2gev": 0.011, "1p5gev": 0.010, "1gev": 0.017}  # fake rate on test graphs


def load(data: str, kind: str) -> Checkpoint:
    return load_checkpoint(FOLDER / f"in-{data}-{kind}.safetensors")


def figures(checkpoint: Checkpoint, graphs: list[HitGraph]) -> dict[str, Any]:
    if checkpoint.kind == "float":
        logits: list[NDArray[np.floating]] = [*edge_logits(float_network(checkpoint), graphs)]
    else:
        model = integer_model(checkpoint)
        logits = [model.logits(graph) for graph in graphs]
    return evaluate_scores(graphs, logits, checkpoint.threshold, checkpoint.track_threshold).to_json()


@pytest.mark.parametrize("data", SETS)
def test_weights_are_compact_and_of_the_bits_that_the_config_beside_them_says(data: str) -> None:
    config = load_config(QuantizeRunConfig, FOLDER / f"in-{data}-quantised.yaml")
    checkpoint = load(data, "quantised")
    model = integer_model(checkpoint)
    assert checkpoint.config["recipe"]["weight_bits"] == config.recipe.weight_bits == 6
    assert checkpoint.config["training"]["epochs"] == config.training.epochs
    assert checkpoint.config["objective"]["distillation"] == config.objective.distillation == 1.0
    assert checkpoint.description.num_parameters() == 1432
    assert {layer.weight_format.bits for layers in model.layers.values() for layer in layers} == {6}
    assert {fmt.bits for fmt in model.formats.values()} == {8}


@pytest.mark.parametrize(("data", "sparsity"), [("1gev", 0.5), ("2gev", 0.7)])
def test_networks_of_4_bits_have_them_and_are_pruned(data: str, sparsity: float) -> None:
    config = load_config(QuantizeRunConfig, FOLDER / f"in-{data}-4bit.yaml")
    checkpoint = load(data, "4bit")
    model = integer_model(checkpoint)
    assert PrecisionRecipe.from_dict(checkpoint.config["recipe"]) == config.recipe
    assert config.training.pruning is not None
    assert checkpoint.config["training"]["pruning"]["sparsity"] == config.training.pruning.sparsity == sparsity
    for codes in weights_by_layer(model).values():
        assert int((codes == 0).sum()) >= round(sparsity * codes.size)
        assert int(abs(codes).max()) <= 7
    widths = {fmt.bits for name, fmt in model.formats.items() if name in ("phi_r1", "aggregate", "phi_o")}
    assert widths == {4}
    assert {layer.activation.bits for layers in model.layers.values() for layer in layers[:-1]} == {4}


@pytest.mark.parametrize(("data", "auc"), [("1gev", 0.001), ("2gev", 0.014)])
def test_4_bits_and_few_weights_keep_double_majority_within_half_a_point(
    data: str, auc: float, trackml_hitgraphs: Path
) -> None:
    """On graphs that none has seen; and half of the weights the AUC within a tenth of one."""
    few = load(data, "4bit")
    graphs = [load_graph(trackml_hitgraphs / data / f"{name}.npz") for name in few.metrics["test_graphs"]]
    bits = figures(few, graphs)
    assert bits["double_majority"] == pytest.approx(few.metrics["double_majority"], abs=1e-9)
    for kind in ("quantised", "compact-float", "float"):
        other = load(data, kind)
        assert other.metrics["test_graphs"] == few.metrics["test_graphs"]
        assert other.metrics["double_majority"] - bits["double_majority"] <= 0.005
        assert other.metrics["auc"] - bits["auc"] <= auc


@pytest.mark.parametrize("data", SETS)
def test_few_bits_keep_the_physics_of_their_float_models(data: str, trackml_hitgraphs: Path) -> None:
    """Of the compact one that retraining started from, and of the one of full size, on graphs that none has seen."""
    quantised = load(data, "quantised")
    graphs = [load_graph(trackml_hitgraphs / data / f"{name}.npz") for name in quantised.metrics["test_graphs"]]
    bits = figures(quantised, graphs)
    assert bits["edge_accuracy"] == pytest.approx(quantised.metrics["edge_accuracy"], abs=1e-9)
    assert bits["double_majority"] == pytest.approx(quantised.metrics["double_majority"], abs=1e-9)
    assert bits["fake_rate"] <= MOST_FAKES[data]
    for kind in ("compact-float", "float"):
        start = load(data, kind)
        assert start.metrics["test_graphs"] == quantised.metrics["test_graphs"]
        floats = figures(start, graphs)
        assert floats["edge_accuracy"] - bits["edge_accuracy"] <= 0.003
        assert floats["double_majority"] - bits["double_majority"] <= 0.005
