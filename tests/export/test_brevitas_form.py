"""Brevitas' own float32 forward gives the integers of the golden model, value by value."""

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb, toy_description

from edgetrack.export.brevitas_form import BrevitasForm, exact_codes
from edgetrack.export.cases import special_graphs
from edgetrack.export.verify import verify_form
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.network import QuantisedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe

DESCRIPTIONS = [interaction_network(InteractionNetworkConfig(hidden=8)), toy_description()]


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_brevitas_equals_integer_model_and_a_flipped_bit_does_not(description: NetworkDescription) -> None:
    torch.manual_seed(3)
    network = QuantisedNetwork(description, PrecisionRecipe())
    network.eval()
    model = extract_integer_model(network)
    graphs = special_graphs(15, 60, seed=2)
    result = verify_form(model, BrevitasForm(network, model), graphs, 3000, 1, lambda *_: None)
    assert (result.mismatches, result.first, result.graphs) == (0, None, len(graphs))
    mlp = description.mlps[0].name
    twin = verify_form(flip_lsb(model, mlp), BrevitasForm(network, model), graphs, 3000, 1, lambda *_: None)
    assert twin.failed
    assert twin.first is not None
    assert twin.first.layer.startswith(mlp)


def test_a_value_off_the_grid_is_refused() -> None:
    np.testing.assert_array_equal(exact_codes("v", np.array([0.5, -1.0]), -1), [1, -2])
    with pytest.raises(ValueError, match=r"v is .*0\.3.* not a multiple of 2\^-1"):
        exact_codes("v", np.array([0.5, 0.3]), -1)
