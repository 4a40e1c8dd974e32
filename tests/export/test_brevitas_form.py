"""Brevitas' own float32 forward gives the integers of the golden model, value by value."""

from dataclasses import replace

import pytest
import torch
from integer_networks import flip_lsb, random_graph, toy_description

from edgetrack.export.brevitas_form import BrevitasForm
from edgetrack.export.cases import special_graphs
from edgetrack.export.form_comparison import verify_form
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe

DESCRIPTIONS = [interaction_network(InteractionNetworkConfig(hidden=8)), toy_description()]


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_brevitas_equals_integer_model_and_a_flipped_bit_does_not(description: NetworkDescription) -> None:
    torch.manual_seed(3)
    network = QuantizedNetwork(description, PrecisionRecipe())
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


def test_a_value_off_the_grid_is_a_failure_with_its_layer_and_other_graphs_are_compared() -> None:
    description = DESCRIPTIONS[0]
    torch.manual_seed(3)
    network = QuantizedNetwork(description, PrecisionRecipe()).eval()
    model = extract_integer_model(network)
    coarse = replace(model.formats["phi_r2"], exponent=model.formats["phi_r2"].exponent + 2)
    layers = (*model.layers["phi_r2"][:-1], replace(model.layers["phi_r2"][-1], activation=coarse))
    claimed = replace(model, formats={**model.formats, "phi_r2": coarse}, layers={**model.layers, "phi_r2": layers})
    graphs = [random_graph(0, 0), random_graph(30, 200)]
    result = verify_form(model, BrevitasForm(network, claimed), graphs, 500, 1, lambda *_: None)
    assert result.failed
    assert (result.graphs, result.mismatches) == (2, 2)  # the vectors, and the graph that has edges
    assert result.first is not None
    assert (result.first.layer, result.first.graph) == ("phi_r2", "vectors")
    assert len(result.first.index) == 2
    assert "is no multiple of" in str(result.first)
