"""Calibration: thresholds from data, and what it refuses."""

import re
from typing import Any

import pytest
import torch
from integer_networks import random_graph, toy_description
from quantized_networks import layer, network_values

from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.quantize.calibration import CalibrationConfig, calibrate, calibrate_one, threshold_exponent
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import signed_quantizer
from edgetrack.quantize.recipe import WIDEST, PrecisionRecipe

IN = interaction_network(
    InteractionNetworkConfig(hidden=12, node_scale=(4.0, 1.0, 0.5), edge_scale=(4.0, 1.0, 0.5, 0.125))
)
GRAPHS = [random_graph(80, 400, seed=seed) for seed in range(4)]


def float_network(gain: float = 3.0) -> GraphNetwork:
    torch.manual_seed(1)
    network = GraphNetwork(IN)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(gain)
    return network


def error(network: QuantizedNetwork, reference: GraphNetwork) -> float:
    """RMS error of the scores, on a graph that calibration has not seen."""
    graph = random_graph(100, 500, seed=99)
    with torch.no_grad():
        wanted = reference(as_tensors(hit_rows(graph)))
    got = torch.from_numpy(network_values(network, graph)[IN.output][:, 0])
    return float((got.sigmoid() - wanted.sigmoid()).square().mean().sqrt())


@pytest.mark.parametrize("method", ["error", "percentile"])
def test_calibration_brings_the_quantised_network_near_its_float_one(method: Any) -> None:
    reference = float_network()
    network = QuantizedNetwork(IN, PrecisionRecipe(weight_bits=8, bias_bits=20)).eval()
    network.load_float(reference.state_dict())
    before = error(network, reference)
    calibrate(network, GRAPHS[:2], CalibrationConfig(method=method))
    after = error(network, reference)
    assert after < 0.05 < 0.2 < before


def test_calibration_says_what_it_chose() -> None:
    network = QuantizedNetwork(IN, PrecisionRecipe(bias_bits=20))
    network.load_float(float_network().state_dict())
    chosen = calibrate(network, GRAPHS, CalibrationConfig())
    assert network.training
    assert set(chosen) == set(network.layers()) - {"x", "edge_attr"}
    model = extract_integer_model(network)
    assert chosen["aggregate"].exponent == model.formats["aggregate"].exponent
    assert chosen["phi_r1.0.weight"].exponent == model.layers["phi_r1"][0].weight_format.exponent
    assert chosen["phi_r1.2"].exponent == model.formats["phi_r1"].exponent
    assert all(scale.saturated < 0.01 for name, scale in chosen.items() if name != "phi_r2.2")


def test_inputs_keep_their_range_unless_the_recipe_has_them_calibrated() -> None:
    fixed = QuantizedNetwork(IN, PrecisionRecipe(input_range=2.0))
    calibrated = QuantizedNetwork(IN, PrecisionRecipe(input_range=None))
    wide = [random_graph(80, 400, seed=0, spread=5.0)]
    for network in (fixed, calibrated):
        calibrate(network, wide, CalibrationConfig(method="percentile", percentile=100.0))
    assert extract_integer_model(fixed).formats["x"].exponent == -6
    assert extract_integer_model(calibrated).formats["x"].exponent == -4  # φ up to 5: codes reach 8


def test_calibration_works_on_any_description_and_repeats_itself() -> None:
    def once() -> dict[str, Any]:
        torch.manual_seed(2)
        return calibrate(QuantizedNetwork(toy_description(), PrecisionRecipe()), GRAPHS, CalibrationConfig(graphs=2))

    assert once() == once()


@pytest.mark.parametrize(
    ("values", "bits", "signed", "exponent"),
    [
        ([0.0, 0.0], 8, True, 0),
        ([0.3, -1.0], 8, True, 0),
        ([0.3, 1.01], 8, False, 1),
        ([0.06] * 1000 + [1.0], 4, True, -1),  # one outlier is worth clipping at 4 bits …
        ([0.06] * 1000 + [1.0], 12, True, 0),  # … and not at 12
    ],
)
def test_threshold_balances_saturation_and_rounding(
    values: list[float], bits: int, signed: bool, exponent: int
) -> None:
    chosen = threshold_exponent(torch.tensor(values).double(), bits, signed, CalibrationConfig())
    assert chosen == exponent


def test_bias_that_does_not_fit_is_refused_with_the_bits_it_needs() -> None:
    network = QuantizedNetwork(IN, PrecisionRecipe(bias_bits=8))
    with torch.no_grad():
        layer(network.linears, "phi_o", 0).bias[3] = 100.0
    with pytest.raises(ValueError, match=r"layer phi_\w+\.0: bias .* needs \d+ bits, the recipe gives 8"):
        calibrate(network, GRAPHS, CalibrationConfig())


def test_graphs_without_edges_do_not_calibrate() -> None:
    with pytest.raises(ValueError, match="no graph with edges"):
        calibrate(QuantizedNetwork(IN, PrecisionRecipe()), [random_graph(5, 0)], CalibrationConfig())


def test_large_tensors_are_sampled_in_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second number of rows of two would be one column only."""
    monkeypatch.setattr("edgetrack.quantize.calibration.MAX_VALUES", 100)
    values = torch.ones(1000, 2)
    values[:, 1] = 7.9
    quantizer = signed_quantizer(8)
    chosen = calibrate_one(quantizer, values, CalibrationConfig(), is_output=False)
    assert chosen.largest == pytest.approx(7.9)
    assert chosen.exponent == -4


@pytest.mark.parametrize("layer", ["phi_r1.4", "phi_r1.0", "phi_o.2", "phi_r2.4"])
@pytest.mark.parametrize("factor", [0.0, 1e-6, 1e-12, 1e-22, 1e-44])
def test_a_nearly_dead_layer_is_exact_or_told_with_advice_that_can_be_followed(layer: str, factor: float) -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=6))
    state = seeded_network(description, 1).state_dict()
    state = {name: value * (factor if name.startswith(f"mlps.{layer}") else 1) for name, value in state.items()}
    network = QuantizedNetwork(description, PrecisionRecipe(bias_bits=WIDEST["bias_bits"]))
    network.load_float(state)
    said = refusal(network)
    if factor == 0.0:
        assert said == ""
    elif said or layer == "phi_o.2":
        assert re.search(r"^layer phi_.*nearly dead.*set it to 0 in the float checkpoint", said)


def refusal(network: QuantizedNetwork) -> str:
    try:
        calibrate(network, [random_graph(40, 160)], CalibrationConfig(graphs=1))
        extract_integer_model(network)
    except ValueError as error:
        return str(error)
    return ""
