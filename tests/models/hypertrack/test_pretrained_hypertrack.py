"""HyperTrack's weights that come with the package: made by the configs beside them, and as good as they must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from edgetrack.export.form_masks import hit_scorer, mask_model, masked
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, checkpoint_digest, load_checkpoint
from edgetrack.models.named_networks import describe
from edgetrack.models.pretrained_checkpoints import FOLDER
from edgetrack.models.pretrained_checkpoints import checkpoint_path as path_of
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.config import load_config
from edgetrack.scripts.quantize import QuantizeRunConfig
from edgetrack.scripts.quantize_masks import QuantizeMasksConfig
from edgetrack.scripts.train import TrainRunConfig
from edgetrack.scripts.train_masks import TrainMasksConfig
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

NAME = "hypertrack-mu2-float"
MASKS = "hypertrack-mu2-transformer-float"
FULL = "hypertrack-mu2-full-quantised"
FULL_MASKS = "hypertrack-mu2-transformer-full-quantised"


def without_origins(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, str]]:
    return {key: value for key, value in checkpoint.config.items() if key != "sha256"}, checkpoint.config["sha256"]


def tracks_found(graphs: list[HitGraph], name: str, masks: str, form: str, folder: Path) -> dict[str, Any]:
    """Figures of the tracks that a form of both networks finds in graphs that neither has seen."""
    network, transformer = (load_checkpoint(path_of(one)) for one in (name, masks))
    for checkpoint in (network, transformer):
        seen = {*checkpoint.metrics["train_graphs"], *checkpoint.metrics["validation_graphs"]}
        assert not seen & {graph.name for graph in graphs}
    settings = FormSettings()
    logits, masking = masked(
        hit_scorer(network, form, folder, settings), mask_model(transformer, form, folder, settings), graphs
    )
    config = EvaluationConfig(building=TrackBuildingConfig(method="hypertrack"))
    return evaluate_scores(graphs, logits, network.threshold, network.track_threshold, config, masking).to_json()


@pytest.mark.parametrize("name", [NAME, "hypertrack-mu2-compact-float"])
def test_the_network_was_made_by_the_config_beside_it(name: str) -> None:
    config = load_config(TrainRunConfig, FOLDER / f"{name}.yaml")
    checkpoint = load_checkpoint(path_of(name))
    assert TypeAdapter(TrainRunConfig).validate_python(checkpoint.config) == config
    assert checkpoint.description == describe(config.network)


@pytest.mark.parametrize("name", [MASKS, "hypertrack-mu2-transformer-compact-float"])
def test_the_transformer_was_made_by_the_config_beside_it(name: str) -> None:
    config = load_config(TrainMasksConfig, FOLDER / f"{name}.yaml")
    checkpoint = load_checkpoint(path_of(name))
    own, _ = without_origins(checkpoint)
    assert TypeAdapter(TrainMasksConfig).validate_python(own) == config
    assert checkpoint.description == describe(config.transformer)


def test_quantised_networks_were_made_by_the_configs_beside_them_from_the_weights_that_they_name() -> None:
    for name in ("hypertrack-mu2-quantised", FULL):
        config, checkpoint = load_config(QuantizeRunConfig, FOLDER / f"{name}.yaml"), load_checkpoint(path_of(name))
        own, origins = without_origins(checkpoint)
        assert TypeAdapter(QuantizeRunConfig).validate_python(own) == config
        assert origins["checkpoint"] == checkpoint_digest(load_checkpoint(path_of(config.checkpoint)))
    for name in (FULL_MASKS, "hypertrack-mu2-transformer-quantised"):
        masks, checkpoint = load_config(QuantizeMasksConfig, FOLDER / f"{name}.yaml"), load_checkpoint(path_of(name))
        own, origins = without_origins(checkpoint)
        assert TypeAdapter(QuantizeMasksConfig).validate_python(own) == masks
        for origin, start in (("checkpoint", masks.checkpoint), ("transformer", masks.transformer)):
            assert origins[origin] == checkpoint_digest(load_checkpoint(path_of(start)))


def test_events_that_it_has_not_seen_become_edges_and_tracks(tmp_path: Path) -> None:
    graphs = load_graphs(sample_graphs() / "hypertrack")
    found = tracks_found(graphs, NAME, MASKS, "float", tmp_path)
    assert found["auc"] > 0.999
    assert found["dms"] > 0.97
    assert found["clustering_efficiency"] > 0.88
    assert found["clustering_purity"] > 0.95


def test_published_sizes_in_integers_find_the_tracks_of_the_float_networks(tmp_path: Path) -> None:
    graphs = load_graphs(sample_graphs() / "hypertrack")[:2]
    in_float = tracks_found(graphs, NAME, MASKS, "float", tmp_path)
    in_integers = tracks_found(graphs, FULL, FULL_MASKS, "brevitas", tmp_path)
    assert in_integers["auc"] > in_float["auc"] - 5e-4
    assert in_integers["dms"] > in_float["dms"] - 0.01
    for name in (FULL, FULL_MASKS):
        checkpoint = load_checkpoint(path_of(name))
        model = integer_model(checkpoint)
        inputs = {value.name for value in checkpoint.description.inputs}
        assert max(fmt.bits for value, fmt in model.formats.items() if value not in inputs) <= 8


def test_the_compact_network_in_eight_bits_tells_pairs_of_events_that_it_has_not_seen() -> None:
    graphs = load_graphs(sample_graphs() / "hypertrack")[:2]
    config = load_config(QuantizeRunConfig, FOLDER / "hypertrack-mu2-quantised.yaml")
    quantised, start = (load_checkpoint(path_of(name)) for name in (config.name, config.checkpoint))
    assert not {*quantised.metrics["train_graphs"]} & {graph.name for graph in graphs}
    assert PrecisionRecipe.from_dict(quantised.recipe or {}) == config.recipe
    assert quantised.config["sha256"]["checkpoint"] == checkpoint_digest(start)
    model = integer_model(quantised)
    assert max(fmt.bits for fmt in model.formats.values()) <= 8
    logits = [model.logits(graph) for graph in graphs]
    found = evaluate_scores(graphs, logits, quantised.threshold, quantised.track_threshold).to_json()
    assert found["auc"] > 0.998
