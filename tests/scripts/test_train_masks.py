"""`edgetrack train-masks`: from hit graphs and a graph network to a set transformer."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from straight_tracks import tracks

from edgetrack.events.splits import SplitConfig
from edgetrack.export.form_classifier import AUTO
from edgetrack.export.form_masks import hit_scorer, mask_model
from edgetrack.export.forms import FormSettings
from edgetrack.graphs.files import load_graph, save_graph
from edgetrack.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edgetrack.models.first_network import first_network, trained_network
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.mask_objective import HyperTrackMasks
from edgetrack.models.hypertrack.micrograph_files import load_micrographs
from edgetrack.models.hypertrack.set_transformer import SetTransformerConfig
from edgetrack.models.inference import edge_logits
from edgetrack.models.named_networks import NetworkConfig, describe
from edgetrack.models.network import GraphNetwork
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.scripts.console import Console
from edgetrack.scripts.quantize_masks import QuantizeMasksConfig, quantize_masks
from edgetrack.scripts.train_masks import TrainMasksConfig, train_masks
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig
from edgetrack.tracks.hypertrack.masking import pivot_majority, true_tokens
from edgetrack.tracks.hypertrack.pivots import PivotConfig

QUIET = Console(quiet=True)
SMALL = HyperTrackConfig(features="cylindrical", layers=1, hidden=8, message=8, latent=5)


def save_network(config: NetworkConfig, path: Path) -> str:
    """A checkpoint of random weights."""
    description, state = trained_network(config, first_network(config, 0).eval())
    save_checkpoint(Checkpoint("float", description, state, -3.0), path)
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> TrainMasksConfig:
    for seed in range(8):
        save_graph(tracks(seed), tmp_path / "graphs" / f"event{seed:09d}.npz")
    return TrainMasksConfig(
        graphs=str(tmp_path / "graphs"),
        checkpoint=save_network(SMALL, tmp_path / "float.safetensors"),
        transformer=SetTransformerConfig(width=8, heads=2, blocks=1),
        objective=HyperTrackMasks(set_loss="dice"),
        clustering=ClusteringConfig(min_graph=3, min_cluster_size=3, pivots=PivotConfig(diffuse_threshold=0.0)),
        training=TrainConfig(epochs=12, schedule=ScheduleConfig(optimizer="muon")),
        split=SplitConfig(train=0.5, validation=0.25, test=0.25),
    )


def test_masks_are_learnt_from_graphs_and_kept_in_steps(config: TrainMasksConfig, tmp_path: Path) -> None:
    result = train_masks(config, tmp_path / "run", QUIET)
    assert result["parameters"] == describe(config.transformer).num_parameters()
    with (tmp_path / "run" / "history.csv").open() as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 12
    assert result["validation_loss"] == pytest.approx(losses[-1])
    assert losses[-1] < losses[0]
    assert 0 < result["test_node_accuracy"] < 1
    assert len(result["train_graphs"]) == 4
    checkpoint = load_checkpoint(result["checkpoint"])
    assert checkpoint.description == describe(config.transformer)
    assert checkpoint.config["transformer"]["kind"] == "set_transformer"

    graph = load_graph(tmp_path / "graphs" / f"{result['test_graphs'][0]}.npz")
    event = load_micrographs(tmp_path / "run" / "micrographs" / f"{result['test_graphs'][0]}.npz")
    latent = event.tokens[:, :5]
    masks = mask_model(checkpoint, AUTO, tmp_path, FormSettings())(graph, latent, event.micrographs)
    dense = first_network(config.transformer, 1)  # other weights say something else
    other = replace(checkpoint, state=trained_network(config.transformer, dense)[1])
    assert masks.shape == event.micrographs.nodes.shape
    assert not np.allclose(masks, mask_model(other, AUTO, tmp_path, FormSettings())(graph, latent, event.micrographs))


def test_micrographs_are_made_once_with_the_networks_own_latent(config: TrainMasksConfig, tmp_path: Path) -> None:
    short = replace(config, training=TrainConfig(epochs=1))
    first = train_masks(short, tmp_path / "run", QUIET)
    files = sorted((tmp_path / "run" / "micrographs").glob("*.npz"))
    assert len(files) == 8
    times = [path.stat().st_mtime_ns for path in files]
    assert train_masks(short, tmp_path / "run", QUIET) == first
    assert [path.stat().st_mtime_ns for path in files] == times

    checkpoint, graph = load_checkpoint(config.checkpoint), load_graph(tmp_path / "graphs" / files[0].name)
    found = hit_scorer(checkpoint, AUTO, tmp_path, FormSettings())(graph)
    network = GraphNetwork(checkpoint.description)
    network.load_state_dict(checkpoint.state)
    assert np.array_equal(found.logits, edge_logits(network, [graph])[0])
    event = load_micrographs(files[0])
    assert np.array_equal(event.tokens[:, :5], found.latent)
    x, y, z = event.tokens[:, 5:].T
    assert np.allclose(np.hypot(x, y), graph.x[:, 0], atol=1e-6)
    assert np.array_equal(z, graph.x[:, 2])

    with pytest.raises(ValueError, match="holds micrographs of another network"):
        train_masks(replace(short, cut=-1.0), tmp_path / "run", QUIET)


def test_validation_graphs_may_have_a_folder_of_their_own(config: TrainMasksConfig, tmp_path: Path) -> None:
    save_graph(tracks(100), tmp_path / "validation" / "event000000100.npz")
    own = replace(config, validation_graphs=str(tmp_path / "validation"), training=TrainConfig(epochs=1))
    result = train_masks(own, tmp_path / "run", QUIET)
    assert result["validation_graphs"] == ["event000000100"]
    assert (len(result["train_graphs"]), result["test_graphs"]) == (8, [])
    with pytest.raises(ValueError, match="are training and validation graphs"):
        train_masks(replace(own, validation_graphs=config.graphs), tmp_path / "other", QUIET)


def test_the_compact_transformer_learns_from_the_compact_networks_latent(
    config: TrainMasksConfig, tmp_path: Path
) -> None:
    compact = CompactHyperTrackConfig(layers=1, latent=4)
    own = replace(
        config,
        checkpoint=save_network(compact, tmp_path / "compact.safetensors"),
        transformer=CompactTransformerConfig(latent=4, width=8, hidden=8),
        training=replace(config.training, epochs=2),
    )
    result = train_masks(own, tmp_path / "run", QUIET)
    assert load_checkpoint(result["checkpoint"]).description == describe(own.transformer)
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(history) == 3
    assert result["validation_loss"] < 1

    few_bits = QuantizeMasksConfig(
        own.graphs,
        own.checkpoint,
        clustering=own.clustering,
        split=own.split,
        transformer=result["checkpoint"],
        teacher=result["checkpoint"],
        training=TrainConfig(epochs=1, schedule=ScheduleConfig(learning_rate=1e-4)),
    )
    integers = quantize_masks(few_bits, tmp_path / "integers", QUIET)
    assert integers["node_accuracy"] == pytest.approx(result["node_accuracy"], abs=0.1)
    assert integers["test_graphs"] == result["test_graphs"]
    quantised = load_checkpoint(integers["checkpoint"])
    assert quantised.kind == "quantised"
    assert quantised.recipe is not None
    path = tmp_path / "integers" / "micrographs" / f"{result['test_graphs'][0]}.npz"
    event, graph = load_micrographs(path), load_graph(tmp_path / "graphs" / path.name)
    masks = mask_model(quantised, AUTO, tmp_path, FormSettings())(graph, event.tokens[:, :4], event.micrographs)
    truth = true_tokens(
        event.micrographs, event.particle_id, pivot_majority(event.particle_id[event.micrographs.pivots])
    )
    assert 0 < np.mean((masks > 0) == truth) <= 1
    assert len(np.unique(masks)) > 3


def test_what_does_not_fit_together_is_refused(config: TrainMasksConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"reads tokens of 16 numbers, but 'latent' of 'hypertrack' and .* are 8"):
        train_masks(replace(config, transformer=SetTransformerConfig(width=16)), tmp_path / "run", QUIET)
    masks = save_network(config.transformer, tmp_path / "masks.safetensors")
    with pytest.raises(ValueError, match="no value 'latent'"):
        train_masks(replace(config, checkpoint=masks), tmp_path / "run", QUIET)
    with pytest.raises(ValueError, match="does not read micrographs"):
        mask_model(load_checkpoint(config.checkpoint), AUTO, tmp_path, FormSettings())
    with pytest.raises(ValueError, match="transformer is empty"):
        QuantizeMasksConfig("graphs", "float")
    with pytest.raises(ValueError, match="shows logits of edges alone"):
        hit_scorer(load_checkpoint(config.checkpoint), "onnx", tmp_path, FormSettings())
