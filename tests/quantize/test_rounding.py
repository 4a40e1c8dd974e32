"""Fused rounding gives Brevitas' numbers and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from brevitas.core.function_wrapper import Identity
from brevitas.core.quant import IntQuant, RescalingIntQuant
from torch import Tensor

from edgetrack.quantize.quantizers import Quantizer, linear, relu_quantizer, signed_quantizer
from edgetrack.quantize.recipe import LayerBits
from edgetrack.quantize.rounding import FusedIntQuant, FusedRescalingIntQuant


def made(kind: type[IntQuant], narrow: bool, signed: bool, values: Tensor, scale: float) -> tuple[Tensor, ...]:
    """Output, and gradients by the values and by the scale of a weighted sum of it."""
    quantizer = kind(narrow_range=narrow, signed=signed, input_view_impl=Identity())
    x, s = values.clone().requires_grad_(True), torch.tensor(scale, requires_grad=True)
    out = quantizer(s, torch.tensor(0.0), torch.tensor(5.0), x)
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=values.shape)).float()
    by_values, by_scale = torch.autograd.grad((out * weights).sum(), (x, s))
    return out.detach(), by_values, by_scale


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_numbers_and_gradients_are_those_of_brevitas(narrow: bool, signed: bool) -> None:
    rng = np.random.default_rng(0)
    values = (
        torch.from_numpy(np.concatenate([rng.normal(size=400) * 3, np.arange(-40, 41) / 8])).float().reshape(-1, 13)
    )
    ours, theirs = (made(kind, narrow, signed, values, 0.25) for kind in (FusedIntQuant, IntQuant))
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    torch.testing.assert_close(ours[2], theirs[2], rtol=1e-4, atol=1e-3)  # sums of 481 numbers in another order
    assert 0 < int((ours[1] == 0).sum()) < values.numel()  # some are clipped, some are not


def test_quantizers_use_it_and_their_thresholds_learn() -> None:
    for quantizer in (signed_quantizer(4), relu_quantizer(4)):
        inner = quantizer.act_quant.fused_activation_quant_proxy.tensor_quant
        assert isinstance(inner.int_quant, FusedIntQuant)
        quantizer(torch.linspace(-3.0, 3.0, 50)).value.square().sum().backward()
        assert float(inner.scaling_impl.value.grad.abs()) > 0.0


def scaled(quantizer: Quantizer, values: Tensor, exponent: float, fused: bool) -> tuple[Tensor, ...]:
    """Numbers, scale, zero point and width of a quantiser, and gradients by values and by the scale's parameter."""
    weights = hasattr(quantizer, "weight_quant")
    holder = quantizer.weight_quant if weights else quantizer.act_quant.fused_activation_quant_proxy
    inner = holder.tensor_quant
    inner.scaling_impl.value.data.fill_(exponent)
    forward = inner if fused else lambda x: RescalingIntQuant.forward(inner, x)
    x = values.clone().requires_grad_(True)
    out, scale, zero, bits = forward(x)
    by_values, by_scale = torch.autograd.grad(
        (out * torch.linspace(-1, 2, values.numel())).sum(), (x, inner.scaling_impl.value)
    )
    return out.detach(), scale.detach(), zero, bits, by_values, by_scale


@pytest.mark.parametrize("bits", [2, 3, 8, 16])
@pytest.mark.parametrize("exponent", [-40.0, -17.0, -2.5, 0.0, 1.25])
@pytest.mark.parametrize("kind", ["signed", "relu", "weight"])
def test_scales_and_their_gradients_are_those_of_brevitas(bits: int, exponent: float, kind: str) -> None:
    """From below the least scale, which is no power of two, up; whole exponents and others."""
    made_ = {
        "signed": signed_quantizer(bits),
        "relu": relu_quantizer(bits),
        "weight": linear(2, 2, LayerBits(bits, 16, 8)),
    }[kind]
    values = torch.from_numpy(np.random.default_rng(0).normal(size=500)).float() * 2.0**exponent
    ours, theirs = (scaled(made_, values, exponent, fused) for fused in (True, False))
    for one, other in zip(ours[:5], theirs[:5], strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(ours[5], theirs[5], rtol=1e-6, atol=0.0)
    if kind != "weight":
        assert isinstance(made_.act_quant.fused_activation_quant_proxy.tensor_quant, FusedRescalingIntQuant)
