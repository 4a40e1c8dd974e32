"""Fused rounding gives Brevitas' numbers and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from brevitas.core.function_wrapper import Identity
from brevitas.core.quant import IntQuant
from torch import Tensor

from edgetrack.quantize.quantizers import relu_quantizer, signed_quantizer
from edgetrack.quantize.rounding import FusedIntQuant


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
