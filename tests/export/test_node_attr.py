"""A network of further hit features is proven in the forms like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph
from quantized_networks import random_network, source_of

from edgetrack.events.progress import no_progress
from edgetrack.export.cases import special_graphs, with_node_attr
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

WIDE = interaction_network(InteractionNetworkConfig(hidden=4, node_attr_scale=(1.0, 0.5)))
CONFIG = VerifyConfig(number=1, vectors=1000, streamed=24)


def graph_with_cells(seed: int) -> HitGraph:
    cells = np.random.default_rng(seed).normal(size=(60, 2)).astype(np.float32)
    return replace(random_graph(60, 240, seed=seed), node_attr=cells)


@pytest.mark.parametrize("name", ["qcdq", pytest.param("accelerator", marks=pytest.mark.slow)])
def test_further_features_give_the_integers_of_the_golden_model(name: str, tmp_path: Path) -> None:
    network = random_network(WIDE, seed=2, graph=graph_with_cells(1))
    result = verify_by_name(name, source_of(network), [graph_with_cells(0)], CONFIG, tmp_path, no_progress)
    assert (result.error, result.mismatches, result.special_graphs) == ("", 0, 7)
    assert result.distinct_outputs > 20


def test_made_up_graphs_get_what_the_network_reads_and_stay_as_they_are_otherwise() -> None:
    graphs = special_graphs(20, 60, 0)
    for before, after in zip(graphs, with_node_attr(graphs, WIDE, 0), strict=True):
        assert after.node_attr is not None
        assert after.node_attr.shape == (before.num_nodes, 2)
        assert np.array_equal(after.x, before.x)
    assert with_node_attr(graphs, interaction_network(InteractionNetworkConfig()), 0) == graphs
