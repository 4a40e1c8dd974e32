"""Rows: node features of any width go from the graph into every form of a network, and what does not fit is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from integer_networks import random_graph
from quantized_networks import random_network

from edgetrack.export.onnx.float_network import FloatOnnx, export_float_onnx
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.augmentation import Augmentation
from edgetrack.models.description import NetworkDescription
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.inference import edge_logits
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.rows import as_tensors, check_inputs, disjoint_union, hit_rows
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.steps import Input, Mlp
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit
from edgetrack.quantize.extract import extract_integer_model

WIDE = interaction_network(InteractionNetworkConfig(hidden=8, node_attr_scale=(1.0, 0.5)))
TURNS = EdgeClassification(augmentation=Augmentation(reflect_z=False, reflect_phi=False))


def with_cells(seed: int, width: int = 2) -> HitGraph:
    """A graph whose edges are true where both hits have a first further feature above 0: x says nothing about it."""
    graph, rng = random_graph(50, 300, seed=seed), np.random.default_rng(seed)
    cells = rng.uniform(-1, 1, (50, width)).astype(np.float32)
    return replace(graph, node_attr=cells, y=(cells[graph.edge_index, 0] > 0).all(axis=0), name=f"cells{seed}")


def test_a_network_of_further_features_learns_from_them(tmp_path: Path) -> None:
    graphs = [with_cells(seed) for seed in range(8)]
    config = TrainConfig(epochs=25, schedule=ScheduleConfig(learning_rate=0.03))
    wide = fit(seeded_network(WIDE, 1), TURNS, graphs[:6], graphs[6:], config, tmp_path / "wide", progress=False)
    narrow_network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=8)), 1)
    narrow = fit(narrow_network, TURNS, graphs[:6], graphs[6:], config, tmp_path / "narrow", progress=False)
    assert wide.figures["validation_accuracy"] > 0.95 > 0.8 > narrow.figures["validation_accuracy"]


def test_every_hop_takes_further_features(tmp_path: Path) -> None:
    graph = with_cells(0)
    network = seeded_network(WIDE, 1)
    onnx = FloatOnnx(export_float_onnx(network, tmp_path / "wide.onnx"), WIDE)
    np.testing.assert_allclose(onnx.logits(graph), edge_logits(network, [graph])[0], rtol=1e-4, atol=1e-5)
    quantised = random_network(WIDE, seed=2, graph=with_cells(9))
    logits = extract_integer_model(quantised).logits(graph)
    assert np.array_equal(logits, edge_logits(quantised, [graph])[0])
    assert len(np.unique(logits)) > 10
    other = replace(graph, node_attr=-graph.node_attr)  # type: ignore[operator]
    assert not np.array_equal(logits, extract_integer_model(quantised).logits(other))


def test_a_network_without_them_reads_the_same_graph_as_before() -> None:
    network, graph = seeded_network(interaction_network(InteractionNetworkConfig(hidden=5)), 1), with_cells(0)
    first, second = edge_logits(network, [graph, replace(graph, node_attr=None)])
    assert np.array_equal(first, second)


def test_features_that_do_not_fit_the_network_are_named_in_every_arithmetic() -> None:
    quantised = random_network(WIDE, seed=2, graph=with_cells(9))
    runs = (seeded_network(WIDE, 1), quantised)
    wrong = r"cells0: node_attr has shape \(50, 3\), wanted \(50, 2\), .* give 3 of them"
    missing = r"cells0: has no 'node_attr', which the network reads; it has \['edge_attr', 'x'\]"
    for graph, message in ((with_cells(0, width=3), wrong), (replace(with_cells(0), node_attr=None), missing)):
        for network in runs:
            with pytest.raises(ValueError, match=message):
                edge_logits(network, [graph])
        with pytest.raises(ValueError, match=message):
            extract_integer_model(quantised).logits(graph)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_scale_of_another_width_is_refused_and_not_spread_over_the_columns(width: int) -> None:
    description = NetworkDescription("n", (Input("x", "node", (1.0,) * width),), (Mlp("out", "x", (1,)),), "out")
    with pytest.raises(ValueError, match=rf"x has shape \(50, 3\), wanted \(50, {width}\)"):
        seeded_network(description, 0)(as_tensors(hit_rows(with_cells(0))))


def test_features_of_other_elements_are_refused() -> None:
    rows = hit_rows(with_cells(0))
    with pytest.raises(ValueError, match=r"x has shape \(50, 3\), wanted \(300, 3\), one row for each edge"):
        check_inputs((Input("x", "edge", (1.0,) * 3),), rows)


def test_graphs_with_and_without_further_features_make_no_batch() -> None:
    graphs = [as_tensors(hit_rows(graph)) for graph in (with_cells(0), replace(with_cells(1), node_attr=None))]
    with pytest.raises(ValueError, match=r"cells1 has \['edge_attr', 'x'\], cells0 has .*: wanted the same features"):
        disjoint_union(graphs)


def test_further_features_turn_with_their_hits_and_are_not_reflected_unasked() -> None:
    sample = TURNS.sample(with_cells(0))
    assert sample is not None
    turned = TURNS.augmented(sample, np.random.default_rng(0))
    assert torch.equal(turned.rows.features["node_attr"], sample.rows.features["node_attr"])
    assert not torch.equal(turned.rows.features["x"], sample.rows.features["x"])
    with pytest.raises(ValueError, match="cells0: cannot reflect a graph with node_attr"):
        EdgeClassification().augmented(sample, np.random.default_rng(0))
