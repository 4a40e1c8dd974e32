"""The Brevitas quantisers of the integer contract: power-of-two scales, zero zero-point, half-even rounding.

Every scale is one learned parameter: the logarithm of the threshold, rounded up to an integer. Calibration sets it,
retraining may move it, and no running statistics stand between a saved network and a restored one.
"""

from __future__ import annotations

import math
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Int16Bias,
    Uint8ActPerTensorFixedPoint,
)
from torch import nn

from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.recipe import LayerBits
from edgetrack.quantize.rounding import FusedIntQuant, FusedRescalingIntQuant

INITIAL_THRESHOLD = 1.0

Quantizer = Any  # QuantIdentity, QuantReLU or QuantLinear: Brevitas has no types


class _Weight(Int8WeightPerTensorFixedPoint):
    scaling_impl_type = ScalingImplType.PARAMETER
    int_quant = FusedIntQuant
    tensor_quant = FusedRescalingIntQuant
    scaling_const = INITIAL_THRESHOLD


class _Signed(Int8ActPerTensorFixedPoint):
    scaling_impl_type = ScalingImplType.PARAMETER
    int_quant = FusedIntQuant
    tensor_quant = FusedRescalingIntQuant
    scaling_init = INITIAL_THRESHOLD


class _Unsigned(Uint8ActPerTensorFixedPoint):
    scaling_impl_type = ScalingImplType.PARAMETER
    int_quant = FusedIntQuant
    tensor_quant = FusedRescalingIntQuant
    scaling_init = INITIAL_THRESHOLD


def signed_quantizer(bits: int) -> qnn.QuantIdentity:
    """Brings a tensor to a signed format."""
    return qnn.QuantIdentity(act_quant=_Signed.let(bit_width=bits), return_quant_tensor=True)


def relu_quantizer(bits: int) -> qnn.QuantReLU:
    """ReLU into an unsigned format."""
    return qnn.QuantReLU(act_quant=_Unsigned.let(bit_width=bits), return_quant_tensor=True)


def linear(fan_in: int, fan_out: int, bits: LayerBits) -> qnn.QuantLinear:
    """A linear layer with narrow-range weights; its bias stands on the accumulator's grid."""
    return qnn.QuantLinear(
        fan_in,
        fan_out,
        bias=True,
        weight_quant=_Weight.let(bit_width=bits.weight),
        bias_quant=Int16Bias.let(bit_width=bits.bias),
        return_quant_tensor=False,
    )


def threshold_parameter(quantizer: Quantizer) -> nn.Parameter:
    """log2 of the threshold of a weight or activation quantiser: codes reach ± 2^ceil(parameter)."""
    if isinstance(quantizer, qnn.QuantLinear):
        value = quantizer.weight_quant.tensor_quant.scaling_impl.value
    else:
        value = quantizer.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value
    assert isinstance(value, nn.Parameter)
    return value


def set_threshold_exponent(quantizer: Quantizer, exponent: int) -> None:
    """Let codes reach ± 2^exponent; the parameter stands half-way between its neighbours, so that training settles."""
    with torch.no_grad():
        threshold_parameter(quantizer).fill_(exponent - 0.5)


def bits_of(quantizer: Quantizer) -> int:
    """Width of a weight or activation quantiser."""
    proxy = quantizer.weight_quant if isinstance(quantizer, qnn.QuantLinear) else quantizer.act_quant
    return int(proxy.bit_width())


def scale_of(quantizer: Quantizer) -> float:
    """LSB of a weight or activation quantiser."""
    proxy = quantizer.weight_quant if isinstance(quantizer, qnn.QuantLinear) else quantizer.act_quant
    return float(proxy.scale().detach())


def exponent_of(quantizer: Quantizer) -> int:
    """Exponent of the grid of a weight or activation quantiser that has a power-of-two scale."""
    return round(math.log2(scale_of(quantizer)))


def format_of(quantizer: Quantizer) -> Format:
    """Format of an activation quantiser that has a power-of-two scale."""
    signed = not isinstance(quantizer, qnn.QuantReLU)
    return Format(bits_of(quantizer), exponent_of(quantizer), signed, bool(quantizer.act_quant.is_narrow_range))
