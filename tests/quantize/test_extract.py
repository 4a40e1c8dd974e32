"""What the integer contract cannot carry is refused with the layer's name."""

from dataclasses import replace

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8BiasPerTensorFixedPointInternalScaling,
    Int8WeightPerTensorFloat,
    Int16Bias,
    ShiftedUint8ActPerTensorFixedPoint,
)
from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint
from integer_networks import toy_description
from quantized_networks import random_network, set_layer

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Input, Map
from edgetrack.quantize.exact_in_float import check_exact_in_float32
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import Quantizer, set_threshold_exponent, signed_quantizer
from edgetrack.quantize.recipe import PrecisionOverride, PrecisionRecipe

IN = interaction_network(InteractionNetworkConfig(hidden=8))


def collected(quantizer: Quantizer) -> Quantizer:
    """A quantiser with statistics of its own, after it has seen something that no power of two fits."""
    for _ in range(3):
        quantizer(torch.linspace(-0.3, 0.7, 50)[:, None])
    return quantizer.eval()


def with_linear(weight_quant: type, bias_quant: type) -> QuantizedNetwork:
    network = random_network(IN)
    changed = qnn.QuantLinear(8, 8, bias=True, weight_quant=weight_quant, bias_quant=bias_quant)
    set_layer(network.linears, "phi_o", 1, changed.eval())
    return network


def test_scale_that_is_no_power_of_two_is_refused() -> None:
    network = random_network(IN)
    network.quantisers["aggregate"] = collected(
        qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, return_quant_tensor=True)
    )
    with pytest.raises(ValueError, match=r"layer aggregate: scale .* is no power of two"):
        extract_integer_model(network)
    with pytest.raises(ValueError, match=r"layer phi_o\.1\.weight: scale .* is no power of two"):
        extract_integer_model(with_linear(Int8WeightPerTensorFloat, Int16Bias))


def test_zero_point_is_refused() -> None:
    network = random_network(IN)
    shifted = qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFixedPoint, return_quant_tensor=True)
    set_layer(network.activations, "phi_r1", 2, collected(shifted))
    with pytest.raises(ValueError, match=r"layer phi_r1\.2: zero point .* wanted 0"):
        extract_integer_model(network)


def test_scale_per_channel_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layer phi_o\.1\.weight: 8 scales, one a channel"):
        extract_integer_model(with_linear(Int8WeightPerChannelFixedPoint, Int16Bias))


def test_bias_off_the_accumulators_grid_is_refused() -> None:
    from edgetrack.quantize.quantizers import _Weight

    network = with_linear(_Weight, Int8BiasPerTensorFixedPointInternalScaling)
    with pytest.raises(ValueError, match=r"layer phi_o\.1: bias stands on"):
        extract_integer_model(network)


def test_missing_quantiser_and_missing_relu_are_refused() -> None:
    network = random_network(IN)
    set_layer(network.linears, "phi_r2", 0, qnn.QuantLinear(10, 8, bias=True, weight_quant=None))
    with pytest.raises(ValueError, match=r"layer phi_r2\.0: weight or bias is not quantised"):
        extract_integer_model(network)
    network = random_network(IN)
    set_layer(network.activations, "phi_r2", 0, signed_quantizer(8))
    with pytest.raises(ValueError, match=r"layer phi_r2\.0: activation is signed, wanted unsigned"):
        extract_integer_model(network)


def test_width_that_is_no_whole_number_is_refused() -> None:
    network = random_network(IN)
    quantizer: Quantizer = network.quantisers["aggregate"]
    proxy = quantizer.act_quant.fused_activation_quant_proxy
    proxy.tensor_quant.msb_clamp_bit_width_impl.bit_width.value = torch.tensor(7.5)
    with pytest.raises(ValueError, match=r"layer aggregate: 7\.5 bits"):
        extract_integer_model(network)


def test_accumulators_beyond_float32_are_refused() -> None:
    wide = PrecisionRecipe(weight_bits=12, activation_bits=12, bias_bits=24)
    with pytest.raises(ValueError, match=r"phi_r1\.1: exact results reach .* at most 2\^24"):
        extract_integer_model(random_network(IN, wide))
    network = random_network(IN)
    set_threshold_exponent(network.quantisers["x"], 14)  # a grid 2^14 coarser than the edge features'
    with pytest.raises(ValueError, match=r"phi_r1\.0: exact results reach"):
        extract_integer_model(network)


@pytest.mark.parametrize("description", [IN, toy_description()], ids=lambda d: d.name)
def test_sums_beyond_float32_are_refused(description: NetworkDescription) -> None:
    model = extract_integer_model(random_network(description))
    check_exact_in_float32(replace(model, max_degree=1 << 17))  # 128 · 2^17 = 2^24, which float32 still holds
    name = "aggregate" if description is IN else "mean"
    with pytest.raises(ValueError, match=f"{name}: sums over 131073 neighbours reach 16,777,344, wanted at most 2.24"):
        check_exact_in_float32(replace(model, max_degree=(1 << 17) + 1))


def test_extraction_reports_the_recipes_widths() -> None:
    recipe = PrecisionRecipe(
        input_bits=7,
        weight_bits=5,
        activation_bits=6,
        aggregation_bits=9,
        output_bits=10,
        bias_bits=20,
        overrides={
            "phi_r1": PrecisionOverride(weight_bits=4, activation_bits=7),
            "phi_r1.1": PrecisionOverride(weight_bits=3),
            "phi_r2.0": PrecisionOverride(activation_bits=3),
        },
    )
    model = extract_integer_model(random_network(IN, recipe))
    assert {name: fmt.bits for name, fmt in model.formats.items()} == {
        "x": 7,
        "edge_attr": 7,
        "phi_r1": 7,
        "aggregate": 9,
        "phi_o": 6,
        "phi_r2": 10,
    }
    assert [(layer.weight_format.bits, layer.activation.bits) for layer in model.layers["phi_r1"]] == [
        (4, 7),
        (3, 7),
        (4, 7),
    ]
    assert [(layer.weight_format.bits, layer.activation.bits) for layer in model.layers["phi_r2"]] == [
        (5, 3),
        (5, 6),
        (5, 10),
    ]
    assert all(layer.weight_format.narrow for layers in model.layers.values() for layer in layers)
    assert all(
        np.abs(layer.weight).max() <= 2 ** (layer.weight_format.bits - 1) - 1
        for layers in model.layers.values()
        for layer in layers
    )


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ({"x": Format(8, -127)}, r"x: multiples of 2\^-127 up to 2\^-119 leave float32's normal range"),
        ({"x": Format(8, 121)}, r"x: multiples of 2\^121 up to 2\^129 leave"),
        ({"x": Format(8, -70)}, r"product: exact results: multiples of 2\^-140 up to 2\^-125 leave"),
        ({"product": Format(8, 121)}, r"product: multiples of 2\^121 up to 2\^129 leave"),
    ],
)
def test_grids_outside_float32s_normal_range_are_refused(formats: dict[str, Format], message: str) -> None:
    description = NetworkDescription(
        "product", (Input("x", "node", (1.0,)),), (Map("product", "multiply", ("x", "x")),), "product"
    )
    near = {"x": Format(8, -7), "product": Format(8, -7)}
    check_exact_in_float32(IntegerModel(description, near, {}))
    with pytest.raises(ValueError, match=message):
        check_exact_in_float32(IntegerModel(description, near | formats, {}))
