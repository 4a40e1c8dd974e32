"""The proof that a forward pass in floating point gives the model's integers: Brevitas' and both ONNX forms'."""

from __future__ import annotations

from edgetrack.models.steps import Scatter
from edgetrack.quantize.exact import FLOAT32_EXACT, FLOAT64_EXACT, Bound
from edgetrack.quantize.integer_model import IntegerModel

LEAST_EXPONENT = -126  # of a normal float32 number
LARGEST_EXPONENT = 127


def check_exact_in_float32(model: IntegerModel) -> None:
    """Raise ValueError with the layer's name where float32 cannot hold an integer of `model` on its grid.

    Up to 2^24 LSB, and where grids lie in float32's normal range, every sum and product of a forward pass in float32 is
    exact in any order. A mean's product with the reciprocal is taken in float64, and may reach 2^53 LSB.
    """
    for name in model.description.names:
        _check_grid(name, model.bound(name))
    for mlp, layers in model.layers.items():
        for index, layer in enumerate(layers):
            _check_grid(f"weights of {mlp}.{index}", Bound.of((layer.weight_format,)))
    for name, bound in model.bounds.items():
        step = model.description.step(name.partition(".")[0])
        if isinstance(step, Scatter) and step.reduce == "mean":
            _check_bound(f"{name}: means over {model.max_degree} neighbours reach", bound.largest, FLOAT64_EXACT)
            bound = model.sum_bound(step)
        what = f"sums over {model.max_degree} neighbours" if isinstance(step, Scatter) else "exact results"
        _check_bound(f"{name}: {what} reach", bound.largest, FLOAT32_EXACT)
        _check_grid(f"{name}: {what}", bound)


def _check_bound(what: str, bound: int, limit: int) -> None:
    if bound > limit:
        raise ValueError(
            f"{what} {bound:,}, wanted at most 2^{limit.bit_length() - 1}, the last of float's exact integers; "
            "use fewer bits, or a smaller max_degree where graphs allow it"
        )


def _check_grid(what: str, bound: Bound) -> None:
    highest = bound.largest.bit_length() + bound.exponent
    if bound.exponent < LEAST_EXPONENT or highest > LARGEST_EXPONENT:
        raise ValueError(
            f"{what}: multiples of 2^{bound.exponent} up to 2^{highest} leave float32's normal range, 2^-126 to 2^127; "
            "use scales nearer to 1"
        )
