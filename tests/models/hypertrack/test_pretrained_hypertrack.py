"""HyperTrack's weights that come with the package: made by the configs beside them, and as good as they must be."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from edgetrack.export.form_masks import hit_scorer, mask_model, masked
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.models.checkpoint import checkpoint_digest, load_checkpoint
from edgetrack.models.named_networks import describe
from edgetrack.models.pretrained_checkpoints import FOLDER, checkpoint_path
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.config import load_config
from edgetrack.scripts.quantize import QuantizeRunConfig
from edgetrack.scripts.train import TrainRunConfig
from edgetrack.scripts.train_masks import TrainMasksConfig
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores

NAME = "hypertrack-mu2-float"
MASKS = "hypertrack-mu2-transformer-float"


def test_the_network_was_made_by_the_config_beside_it() -> None:
    config = load_config(TrainRunConfig, FOLDER / f"{NAME}.yaml")
    checkpoint = load_checkpoint(checkpoint_path(NAME))
    assert TypeAdapter(TrainRunConfig).validate_python(checkpoint.config) == config
    assert checkpoint.description == describe(config.network)


def test_the_transformer_was_made_by_the_config_beside_it() -> None:
    config = load_config(TrainMasksConfig, FOLDER / f"{MASKS}.yaml")
    checkpoint = load_checkpoint(checkpoint_path(MASKS))
    own = {key: value for key, value in checkpoint.config.items() if key != "sha256"}
    assert TypeAdapter(TrainMasksConfig).validate_python(own) == config
    assert checkpoint.description == describe(config.transformer)


def test_events_that_it_has_not_seen_become_edges_and_tracks(tmp_path: Path) -> None:
    graphs = load_graphs(sample_graphs() / "hypertrack")
    network, masks = (load_checkpoint(checkpoint_path(name)) for name in (NAME, MASKS))
    for checkpoint in (network, masks):
        seen = {*checkpoint.metrics["train_graphs"], *checkpoint.metrics["validation_graphs"]}
        assert not seen & {graph.name for graph in graphs}
    settings = FormSettings()
    logits, masking = masked(
        hit_scorer(network, "float", tmp_path, settings),
        mask_model(masks, "float", tmp_path, settings),
        graphs,
    )
    config = EvaluationConfig(building=TrackBuildingConfig(method="hypertrack"))
    found = evaluate_scores(graphs, logits, network.threshold, network.track_threshold, config, masking).to_json()
    assert found["auc"] > 0.999
    assert found["dms"] > 0.97
    assert found["clustering_efficiency"] > 0.88
    assert found["clustering_purity"] > 0.95


def test_the_compact_network_in_eight_bits_tells_pairs_of_events_that_it_has_not_seen() -> None:
    graphs = load_graphs(sample_graphs() / "hypertrack")[:2]
    config = load_config(QuantizeRunConfig, FOLDER / "hypertrack-mu2-quantised.yaml")
    quantised, start = (load_checkpoint(checkpoint_path(name)) for name in (config.name, config.checkpoint))
    assert not {*quantised.metrics["train_graphs"]} & {graph.name for graph in graphs}
    assert PrecisionRecipe.from_dict(quantised.recipe or {}) == config.recipe
    assert quantised.config["sha256"]["checkpoint"] == checkpoint_digest(start)
    model = integer_model(quantised)
    assert max(fmt.bits for fmt in model.formats.values()) <= 8
    logits = [model.logits(graph) for graph in graphs]
    found = evaluate_scores(graphs, logits, quantised.threshold, quantised.track_threshold).to_json()
    assert found["auc"] > 0.996
