"""Rounding into a format with its gradients in a few passes over memory: what retraining spends most of its time on."""

from __future__ import annotations

import math
from typing import Any

import torch
from brevitas.core.quant import IntQuant, RescalingIntQuant
from torch import Tensor

LOG_2 = math.log(2.0)


class FusedIntQuant(IntQuant):  # type: ignore[misc]
    """Brevitas' integer quantisation of one scale and zero zero-point: the same numbers, the same gradients.

    Brevitas rounds by a dozen differentiable operations, each of which reads and writes the whole tensor, forwards and
    backwards; here are six, and three.
    """

    def forward(self, scale: Tensor, zero_point: Tensor, bit_width: Tensor, x: Tensor) -> Tensor:
        lowest, highest = float(self.min_int(bit_width)), float(self.max_int(bit_width))
        rounded: Tensor = _Rounded.apply(x, scale, lowest, highest)  # type: ignore[no-untyped-call]
        return rounded


class FusedRescalingIntQuant(RescalingIntQuant):  # type: ignore[misc]
    """Brevitas' quantisation by a learned power-of-two scale of one number: the same numbers, the same gradients.

    Brevitas finds scale and limits by some forty small modules in every pass; for networks of this size that takes
    longer than the arithmetic. The limits follow from a constant width, and are found once.
    """

    _limits: tuple[float, float, float, float] | None = None  # of codes; codes to the threshold; least threshold

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        bits = self.msb_clamp_bit_width_impl()
        if self._limits is None:
            least = float(self.scaling_impl.restrict_clamp_scaling.clamp_ste.min_val)
            quant = self.int_quant
            self._limits = (
                float(quant.min_int(bits)),
                float(quant.max_int(bits)),
                float(self.int_scaling_impl(bits)),
                least,
            )
        lowest, highest, codes, least = self._limits
        scale: Tensor = _PowerOfTwo.apply(self.scaling_impl.value, codes, least)  # type: ignore[no-untyped-call]
        rounded: Tensor = _Rounded.apply(x, scale, lowest, highest)  # type: ignore[no-untyped-call]
        return rounded, scale, self.zero_point_impl(x, scale, bits), bits


class _PowerOfTwo(torch.autograd.Function):
    """max(2^ceil(v), least) / codes; straight through the ceiling and the maximum."""

    @staticmethod
    def forward(ctx: Any, exponent: Tensor, codes: float, least: float) -> Tensor:
        power = torch.exp2(exponent.ceil())
        ctx.save_for_backward(power)
        ctx.codes = codes
        return power.clamp(min=least) / codes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,), (power,) = gradients, ctx.saved_tensors
        return gradient / ctx.codes * (power * LOG_2), None, None


class _Rounded(torch.autograd.Function):
    """clip(round(x / s)) · s; straight through the rounding, nothing through the clip."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, lowest: float, highest: float) -> Tensor:
        steps = x / scale
        nearest = steps.round()
        codes = nearest.clamp(lowest, highest)
        ctx.save_for_backward(steps, codes, nearest == codes)
        ctx.scale_shape = scale.shape
        return codes * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        """d/dx = 1 inside the format; d/ds = code − x / s inside, the code itself where it is clipped."""
        (gradient,) = gradients
        steps, codes, inside = ctx.saved_tensors
        through = gradient * inside
        of_scale = None
        if ctx.needs_input_grad[1]:
            whole, part = (torch.dot(a.flatten(), b.flatten()) for a, b in ((gradient, codes), (through, steps)))
            of_scale = (whole - part).reshape(ctx.scale_shape)
        return through, of_scale, None, None
