"""The Brevitas forward against the integer model: every value, hop by hop, 0 LSB."""

import numpy as np
import pytest
import torch
from brevitas.quant_tensor import IntQuantTensor
from integer_networks import random_graph, toy_description
from quantized_networks import layer, network_values, random_network

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows, as_tensors, hit_rows
from edgetrack.models.steps import NODE, Input, Mlp
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe


def interaction(hidden: int) -> NetworkDescription:
    return interaction_network(
        InteractionNetworkConfig(hidden=hidden, node_scale=(4.0, 1.0, 0.5), edge_scale=(4.0, 32.0, 0.5, 0.125))
    )


DESCRIPTIONS = {"in_8": interaction(8), "in_16": interaction(16), "in_40": interaction(40), "toy": toy_description()}

GRAPHS = {
    "small": random_graph(30, 90, seed=1),
    "large": random_graph(400, 3000, seed=2),
    "saturating": random_graph(50, 400, seed=3, spread=40.0),
    "one hub": HitGraph(random_graph(40, 0, seed=4).x, np.stack([np.arange(40).repeat(20), np.zeros(800, int)])),
    "isolated nodes": HitGraph(random_graph(40, 0, seed=5).x, np.array([[0, 1, 1], [2, 2, 3]])),
    "no edges": random_graph(7, 0),
    "empty": random_graph(0, 0),
}


def exponents_of(model: IntegerModel) -> dict[str, int]:
    """Exponent of the grid of every value and every hidden activation."""
    hidden = {
        f"{name}.{index}": layer.activation.exponent
        for name, layers in model.layers.items()
        for index, layer in enumerate(layers)
    }
    return hidden | {name: model.exponent(name) for name in model.description.names}


def differing(network: QuantizedNetwork, model: IntegerModel, graph: HitGraph) -> list[str]:
    """Names of the values that differ; asserts that both sides name the same ones."""
    got = network_values(network, graph)
    wanted = model.run_graph(graph, hidden=True)
    assert list(got) == list(wanted)
    exponents = exponents_of(model)
    return [name for name in got if not np.array_equal(got[name] * 2.0 ** -exponents[name], wanted[name])]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_brevitas_forward_equals_integer_model_at_every_hop(name: str) -> None:
    for seed in range(3):
        network = random_network(DESCRIPTIONS[name], seed=seed)
        model = extract_integer_model(network)
        for label, graph in GRAPHS.items():
            assert differing(network, model, graph) == [], (label, seed)
        logits = model.run_graph(GRAPHS["large"])[model.description.output]
        assert len(np.unique(logits)) > 8  # not a constant


@pytest.mark.parametrize("name", ["in_8", "toy"])
def test_one_lsb_of_one_weight_is_noticed(name: str) -> None:
    network = random_network(DESCRIPTIONS[name])
    model = extract_integer_model(network)
    for mlp in model.layers:
        linear = layer(network.linears, mlp, 0)
        step = float(linear.quant_weight().scale.detach())
        before = linear.weight.detach().clone()
        with torch.no_grad():
            linear.weight.copy_(linear.quant_weight().value)
            linear.weight[0, 0] += step if linear.weight[0, 0] <= 0 else -step
        found = differing(network, model, GRAPHS["large"])
        assert found[:1] == [f"{mlp}.0" if len(model.layers[mlp]) > 1 else mlp]
        with torch.no_grad():
            linear.weight.copy_(before)
    assert differing(network, model, GRAPHS["large"]) == []


@pytest.mark.parametrize("name", ["in_16", "toy"])
def test_equality_holds_after_training_moved_the_scales(name: str) -> None:
    torch.manual_seed(0)
    network = random_network(DESCRIPTIONS[name]).train()
    before = extract_integer_model(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    graph = GRAPHS["large"]
    assert graph.y is not None
    for _ in range(40):
        logits = network(as_tensors(hit_rows(graph)))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(graph.y).float())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    after = extract_integer_model(network)
    assert network.training
    assert exponents_of(after) != exponents_of(before)
    for label, other in GRAPHS.items():
        assert differing(network.eval(), after, other) == [], label
    assert differing(network, before, graph) != []


def test_many_vectors_through_each_mlp_agree() -> None:
    network = random_network(DESCRIPTIONS["in_8"], seed=4)
    model = extract_integer_model(network)
    rng = np.random.default_rng(0)
    for mlp in model.layers:
        alone = model.submodel(mlp)
        inputs = {
            value.name: rng.choice(alone.formats[value.name].codes(), (20_000, value.width))
            for value in alone.description.inputs
        }
        wanted = alone.run(inputs)
        (source,) = alone.description.step(mlp).sources
        exponent = alone.exponent(source)
        reads = IntQuantTensor(
            torch.from_numpy(wanted[source] * 2.0**exponent).float(),
            torch.tensor(2.0**exponent),
            torch.tensor(0.0),
            torch.tensor(8.0),
            True,
            False,
        )
        with torch.no_grad():
            step = alone.description.step(mlp)
            assert isinstance(step, Mlp)
            got = network.step_values(step, {source: reads})[mlp].value.double().numpy()
        assert np.array_equal(got * 2.0 ** -model.exponent(mlp), wanted[mlp])


def test_ties_round_to_even_and_weights_are_narrow() -> None:
    description = NetworkDescription("line", (Input("x", "node", (1.0,)),), (Mlp("f", "x", (1,)),), "f")
    network = QuantizedNetwork(description, PrecisionRecipe(weight_bits=2, activation_bits=8, output_bits=7)).eval()
    with torch.no_grad():
        layer(network.linears, "f", 0).weight.fill_(-5.0)  # saturates at −1 · 2^-1, not at −2 · 2^-1
        layer(network.linears, "f", 0).bias.zero_()
    model = extract_integer_model(network)
    first = model.layers["f"][0]
    assert first.weight.tolist() == [[-1]]
    assert (first.weight_format.lowest, first.weight_format.highest, first.weight_format.exponent) == (-1, 1, -1)
    codes = np.arange(-8, 9)
    x = torch.from_numpy(codes[:, None] * 2.0**-7).float()
    rows = Rows((NODE,), {"node": len(x)}, {"x": x}, {})
    got = network.values(rows)["f"].double().detach().numpy()[:, 0] * 64
    # −c/2 on the accumulator's grid 2^-8, result on 2^-6: −c / 4, ties (c = ±2, ±6) to even
    assert got.tolist() == [2, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, -1, -1, -1, -2, -2, -2]
    assert np.array_equal(got, model.run({"x": codes[:, None]})["f"][:, 0])


def test_forward_has_the_float_networks_signature_and_its_weights() -> None:
    description = DESCRIPTIONS["in_8"]
    float_network = GraphNetwork(description)
    network = QuantizedNetwork(description, PrecisionRecipe())
    network.load_float(float_network.state_dict())
    assert torch.equal(layer(network.linears, "phi_o", 1).weight, layer(float_network.mlps, "phi_o", 2).weight)
    assert torch.equal(layer(network.linears, "phi_r2", 2).bias, layer(float_network.mlps, "phi_r2", 4).bias)
    graph = GRAPHS["small"]
    rows = as_tensors(hit_rows(graph))
    assert network(rows).shape == float_network(rows).shape == (90,)


def test_float_weights_of_another_network_are_refused() -> None:
    network = QuantizedNetwork(DESCRIPTIONS["in_8"], PrecisionRecipe())
    with pytest.raises(ValueError, match=r"phi_r1\.0\.weight has shape \(16, 10\), wanted \(8, 10\)"):
        network.load_float(GraphNetwork(DESCRIPTIONS["in_16"]).state_dict())
    with pytest.raises(ValueError, match="differ in"):
        network.load_float({})


def test_fixed_scales_do_not_train() -> None:
    learned = QuantizedNetwork(DESCRIPTIONS["in_8"], PrecisionRecipe(scales="learned"))
    fixed = QuantizedNetwork(DESCRIPTIONS["in_8"], PrecisionRecipe(scales="fixed"))
    trained = {name for name, value in learned.named_parameters() if value.requires_grad}
    scales = trained - {name for name, value in fixed.named_parameters() if value.requires_grad}
    assert scales
    assert all("scaling_impl" in name for name in scales)
    assert not any(name.startswith(("quantisers.x.", "quantisers.edge_attr.")) for name in trained)
