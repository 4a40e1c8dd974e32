"""Quantised checkpoints give back the same network and the same integers."""

from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_graph, toy_description
from quantized_networks import network_values, random_network

from edgetrack.models.checkpoint import Checkpoint, float_network, load_checkpoint, save_checkpoint
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.quantize.checkpoint import integer_model, quantized_checkpoint, quantized_network
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.recipe import PrecisionOverride, PrecisionRecipe

IN = interaction_network(InteractionNetworkConfig(hidden=8))


@pytest.mark.parametrize("description", [IN, toy_description()], ids=lambda d: d.name)
def test_checkpoint_gives_the_network_back(description: NetworkDescription, tmp_path: Path) -> None:
    mlp = description.mlps[0].name
    recipe = PrecisionRecipe(weight_bits=5, bias_bits=20, overrides={f"{mlp}.0": PrecisionOverride(weight_bits=7)})
    network = random_network(description, recipe, seed=5)
    save_checkpoint(quantized_checkpoint(network, 0.25, 0.5, {"a": 1}, {"b": 2.0}), tmp_path / "q.safetensors")
    checkpoint = load_checkpoint(tmp_path / "q.safetensors")
    assert (checkpoint.threshold, checkpoint.logit_for_tracks) == (0.25, 0.5)
    restored = quantized_network(checkpoint)
    assert restored.recipe == recipe
    assert not restored.training
    graph = random_graph(30, 100, seed=1)
    got, wanted = network_values(restored, graph), network_values(network, graph)
    assert all(np.array_equal(got[name], wanted[name]) for name in wanted)
    model, original = integer_model(checkpoint), extract_integer_model(network)
    assert model.formats == original.formats
    assert all(
        np.array_equal(a.weight, b.weight) and np.array_equal(a.bias, b.bias)
        for name in original.layers
        for a, b in zip(model.layers[name], original.layers[name], strict=True)
    )


def test_kinds_are_not_mixed_up() -> None:
    quantised = quantized_checkpoint(random_network(IN), 0.0)
    with pytest.raises(ValueError, match="wanted a float checkpoint"):
        float_network(quantised)
    with pytest.raises(ValueError, match="wanted a quantised checkpoint, got a float one"):
        quantized_network(Checkpoint("float", IN, GraphNetwork(IN).state_dict(), 0.0))


def test_weights_of_another_size_are_refused() -> None:
    checkpoint = quantized_checkpoint(random_network(IN), 0.0)
    other = interaction_network(InteractionNetworkConfig(hidden=9))
    with pytest.raises(ValueError, match="weights, recipe and description of the checkpoint differ"):
        quantized_network(Checkpoint("quantised", other, checkpoint.state, 0.0, recipe=checkpoint.recipe))
