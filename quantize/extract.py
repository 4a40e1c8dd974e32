"""Brevitas network → integer model: the quantisers are read, checked against the contract, never approximated."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor

from edgetrack.models.description import Add, Concat, Gather, NetworkDescription, ScatterMean, ScatterSum
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import RECIPROCAL_BITS, IntegerLayer, IntegerModel
from edgetrack.quantize.network import QuantizedMlp, QuantizedNetwork
from edgetrack.quantize.quantizers import Quantizer

MAX_DEGREE = 4096  # neighbours of one node for which Brevitas' float32 sums are proved exact
EXACT = 1 << 24  # float32 holds every integer below


def extract_integer_model(network: QuantizedNetwork, max_degree: int = MAX_DEGREE) -> IntegerModel:
    """The integers of `network`, equal to its evaluation forward on graphs of at most `max_degree` edges a node.

    Raises ValueError with the layer's name for a scale that is no power of two or not per tensor, a zero point, a
    width that is no whole number, or integers that float32 cannot hold exactly.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            formats = {name: _activation_format(quantiser, name) for name, quantiser in network.quantisers.items()}
            layers: dict[str, tuple[IntegerLayer, ...]] = {}
            for step in network.description.mlps:
                mlp = network.mlps[step.name]
                assert isinstance(mlp, QuantizedMlp)
                exponent = _finest_exponent(network.description, formats, step.source)
                layers[step.name] = _extract_mlp(mlp, step.name, exponent)
                formats[step.name] = layers[step.name][-1].activation
    finally:
        network.train(was_training)
    model = IntegerModel(network.description, formats, layers)
    check_exact_in_float32(model, max_degree)
    return model


def check_exact_in_float32(model: IntegerModel, max_degree: int) -> None:
    """Raise ValueError with the layer's name where an integer of `model` can reach 2^24, float32's limit.

    Below it, every sum of products of the Brevitas forward is exact in any order.
    """
    remedy = "use fewer bits, or a smaller max_degree where graphs allow it"
    for mlp in model.layers:
        for index, bound in enumerate(model.accumulator_bounds(mlp)):
            if bound >= EXACT:
                raise ValueError(
                    f"layer {mlp}.{index}: accumulators reach {bound:,}, wanted below 2^24, float32's "
                    f"exact integers; {remedy}"
                )
    for step in model.description.steps:
        if isinstance(step, ScatterSum | ScatterMean):
            largest = int(model.magnitudes(step.source).max())
            # a mean multiplies by round(2^12 / degree), at most 2^12 / degree + 1/2
            bound = largest * max_degree
            if isinstance(step, ScatterMean):
                bound = largest * ((1 << RECIPROCAL_BITS) + max_degree // 2 + 1)
        elif isinstance(step, Add):
            exponent = min(model.exponent(part) for part in step.parts)
            bound = sum(int(model.magnitudes(part).max()) << (model.exponent(part) - exponent) for part in step.parts)
        else:
            continue
        if bound >= EXACT:
            raise ValueError(
                f"{step.name}: sums over {max_degree} neighbours reach {bound:,}, wanted below 2^24, "
                f"float32's exact integers; {remedy}"
            )


def _extract_mlp(mlp: QuantizedMlp, name: str, exponent: int) -> tuple[IntegerLayer, ...]:
    layers = []
    for index, (linear, activation) in enumerate(zip(mlp.linears, mlp.activations, strict=True)):
        layer = f"{name}.{index}"
        fmt = _activation_format(activation, layer)
        last = index == len(mlp.linears) - 1
        if fmt.signed != last:
            raise ValueError(
                f"layer {layer}: activation is {'signed' if fmt.signed else 'unsigned'}, wanted "
                f"{'signed (an MLP ends without ReLU)' if last else 'unsigned (ReLU)'}"
            )
        layers.append(_extract_linear(linear, layer, exponent, fmt))
        exponent = fmt.exponent
    return tuple(layers)


def _extract_linear(linear: Quantizer, layer: str, exponent: int, activation: Format) -> IntegerLayer:
    """One `QuantLinear` that reads integers on the grid 2^exponent."""
    if not (linear.weight_quant.is_quant_enabled and linear.bias_quant.is_quant_enabled):
        raise ValueError(f"layer {layer}: weight or bias is not quantised; give it a fixed-point quantiser")
    weight = linear.quant_weight()
    weight_format = _format(weight, f"{layer}.weight", bool(linear.weight_quant.is_narrow_range))
    grid = exponent + weight_format.exponent
    reads = IntQuantTensor(
        torch.zeros(1, linear.in_features),
        torch.tensor(2.0**exponent),
        torch.tensor(0.0),
        torch.tensor(8.0),
        True,
        False,
    )
    bias = linear.bias_quant(linear.bias, reads, weight)
    bias_exponent = _exponent(bias.scale, f"{layer}.bias")
    if bias_exponent != grid:
        raise ValueError(
            f"layer {layer}: bias stands on 2^{bias_exponent}, its accumulator on 2^{grid}; use a bias "
            f"quantiser with the accumulator's scale (Int16Bias)"
        )
    return IntegerLayer(
        _codes(weight.value, weight_format.exponent, f"{layer}.weight"),
        weight_format,
        _codes(bias.value, grid, f"{layer}.bias"),
        activation,
    )


def _activation_format(quantiser: Quantizer, name: str) -> Format:
    proxy = quantiser.act_quant
    if not proxy.is_quant_enabled:
        raise ValueError(f"layer {name}: activation is not quantised; give it a fixed-point quantiser")
    probe = quantiser(torch.zeros(1, 1))
    return _format(probe, name, bool(proxy.is_narrow_range))


def _format(value: IntQuantTensor, name: str, narrow: bool) -> Format:
    bits = float(value.bit_width)
    if bits != round(bits) or not 2 <= bits <= 32:
        raise ValueError(f"layer {name}: {bits} bits, wanted a whole number from 2 to 32")
    if bool((value.zero_point != 0).any()):
        raise ValueError(
            f"layer {name}: zero point {value.zero_point.flatten().tolist()}, wanted 0; use a symmetric quantiser"
        )
    return Format(int(bits), _exponent(value.scale, name), bool(value.signed), narrow)


def _exponent(scale: Tensor, name: str) -> int:
    if scale.numel() != 1:
        raise ValueError(f"layer {name}: {scale.numel()} scales, one a channel; wanted one a tensor")
    mantissa, exponent = math.frexp(float(scale))
    if mantissa != 0.5:
        raise ValueError(
            f"layer {name}: scale {float(scale)!r} is no power of two; use a fixed-point quantiser "
            f"(restrict_scaling_type POWER_OF_TWO)"
        )
    return exponent - 1


def _codes(value: Tensor, exponent: int, name: str) -> IntArray:
    scaled = value.detach().cpu().numpy().astype(np.float64) * 2.0**-exponent
    codes = np.rint(scaled).astype(np.int64)
    if not np.array_equal(codes, scaled):
        raise ValueError(f"layer {name}: values are off the grid 2^{exponent}; quantise with zero zero-point")
    return codes


def _finest_exponent(description: NetworkDescription, formats: Mapping[str, Format], source: str) -> int:
    """Grid of the value that an MLP reads, formats of everything before it being known."""
    step = description.step(source)
    if isinstance(step, Gather):
        return _finest_exponent(description, formats, step.source)
    if isinstance(step, Concat):
        return min(_finest_exponent(description, formats, part) for part in step.parts)
    return formats[source].exponent
