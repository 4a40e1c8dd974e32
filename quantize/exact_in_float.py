"""The proof that a forward pass in floating point gives the model's integers: Brevitas' and both ONNX forms'."""

from __future__ import annotations

from edgetrack.models.steps import Scatter
from edgetrack.quantize.exact import FLOAT32_EXACT, FLOAT64_EXACT
from edgetrack.quantize.integer_model import IntegerModel


def check_exact_in_float32(model: IntegerModel) -> None:
    """Raise ValueError with the layer's name where an integer of `model` can pass 2^24, which float32 cannot hold.

    Up to there, every sum and product of a forward pass in float32 is exact in any order. A mean's product with the
    reciprocal is taken in float64, and may reach 2^53.
    """
    for name, bound in model.bounds.items():
        step = model.description.step(name.partition(".")[0])
        if isinstance(step, Scatter):
            over = f"{name}: sums over {model.max_degree} neighbours reach"
            _check_bound(over, model.sum_bound(step).largest, FLOAT32_EXACT)
            if step.reduce == "mean":
                _check_bound(f"{name}: means over {model.max_degree} neighbours reach", bound.largest, FLOAT64_EXACT)
        else:
            _check_bound(f"layer {name}: accumulators reach", bound.largest, FLOAT32_EXACT)


def _check_bound(what: str, bound: int, limit: int) -> None:
    if bound > limit:
        raise ValueError(
            f"{what} {bound:,}, wanted at most 2^{limit.bit_length() - 1}, the last of float's exact integers; "
            "use fewer bits, or a smaller max_degree where graphs allow it"
        )
