"""Every integer of a run, hidden layers too: what two forms are compared by to find the first layer that differs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


def layer_codes(model: IntegerModel, mlp: str, codes: IntArray) -> list[IntArray]:
    """Codes of each layer's result, (n, widths[i]) each, of an MLP that reads `codes` (n, fan_in) on its grid."""
    step = model.description.step(mlp)
    exponent = model.exponent(getattr(step, "source", mlp))
    made = []
    for layer in model.layers[mlp]:
        codes = layer.activation.requantize(layer.accumulate(codes), exponent + layer.weight_format.exponent)
        exponent = layer.activation.exponent
        made.append(codes)
    return made


def trace(model: IntegerModel, inputs: Mapping[str, IntArray],
          edge_index: NDArray[np.int64] | None = None) -> dict[str, IntArray]:
    """`IntegerModel.run`, and the result of every layer of every MLP as "phi_r1.0", before the MLP's own value.

    Names and order are those of `QuantisedNetwork.values(..., hidden=True)`.
    """
    made: dict[str, IntArray] = {}
    for name, codes in model.run(inputs, edge_index).items():
        if name in model.layers:
            source = getattr(model.description.step(name), "source", name)
            for index, result in enumerate(layer_codes(model, name, made[source])):
                made[f"{name}.{index}"] = result
        made[name] = codes
    return made


def trace_exponents(model: IntegerModel) -> dict[str, int]:
    """Exponent of the grid of everything that `trace` names."""
    exponents: dict[str, int] = {}
    for name in model.description.names:
        for index, layer in enumerate(model.layers.get(name, ())):
            exponents[f"{name}.{index}"] = layer.activation.exponent
        exponents[name] = model.exponent(name)
    return exponents
