"""What is trained for a named network, and what its checkpoint holds."""

from __future__ import annotations

import pytest
import torch
from integer_networks import random_graph
from torch import nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.models.first_network import continued_network, first_network, trained_network
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.interaction_network import InteractionNetworkConfig
from edgetrack.models.named_networks import NetworkConfig
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows, rows_of

IN = InteractionNetworkConfig(hidden=4)
HYPERTRACK = HyperTrackConfig(layers=1, hidden=4, message=3, latent=4)


def output(network: nn.Module, graph: HitGraph, config: NetworkConfig) -> torch.Tensor:
    inputs = config.inputs if isinstance(config, HyperTrackConfig) else ()
    logits: torch.Tensor = network(as_tensors(hit_rows(graph, inputs)))
    return logits


@pytest.mark.parametrize("config", [IN, HYPERTRACK])
def test_a_training_goes_on_from_its_own_checkpoint_as_the_same_function(config: NetworkConfig) -> None:
    graph = random_graph(12, 30)
    network = first_network(config, seed=3).eval()
    description, state = trained_network(config, network)
    kept = GraphNetwork(description)
    kept.load_state_dict(state)
    wanted = output(network, graph, config)
    torch.testing.assert_close(kept(as_tensors(rows_of(graph, description))), wanted, atol=1e-5, rtol=1e-4)
    again = continued_network(config, Checkpoint("float", description, state, 0.0), [graph])
    torch.testing.assert_close(output(again, graph, config), wanted, atol=1e-4, rtol=1e-3)


def test_first_weights_follow_from_the_seed() -> None:
    first, same, other = (first_network(HYPERTRACK, seed).state_dict() for seed in (1, 1, 2))
    name = "layers.0.first.linear.weight"
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])
    assert isinstance(first_network(HYPERTRACK, 0), HyperTrackNetwork)


def test_a_checkpoint_of_another_shape_is_refused() -> None:
    description, state = trained_network(HYPERTRACK, first_network(HYPERTRACK, 0))
    with pytest.raises(ValueError, match="another shape than this config's"):
        continued_network(HyperTrackConfig(layers=2), Checkpoint("float", description, state, 0.0), [])
