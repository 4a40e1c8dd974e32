"""Rounding into a format with its gradients in a few passes over memory: what retraining spends most of its time on."""

from __future__ import annotations

from typing import Any

import torch
from brevitas.core.quant import IntQuant
from torch import Tensor


class FusedIntQuant(IntQuant):  # type: ignore[misc]
    """Brevitas' integer quantisation of one scale and zero zero-point: the same numbers, the same gradients.

    Brevitas rounds by a dozen differentiable operations, each of which reads and writes the whole tensor, forwards and
    backwards; here are six, and three.
    """

    def forward(self, scale: Tensor, zero_point: Tensor, bit_width: Tensor, x: Tensor) -> Tensor:
        lowest, highest = float(self.min_int(bit_width)), float(self.max_int(bit_width))
        rounded: Tensor = _Rounded.apply(x, scale, lowest, highest)  # type: ignore[no-untyped-call]
        return rounded


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
