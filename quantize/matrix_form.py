"""The integer model on incidence matrices: `models.matrix_form` in int64, where it equals message passing exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from edgetrack.models.rows import Rows
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Step, Table, refuse_step
from edgetrack.quantize.exact import Exact
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


def matrix_codes(model: IntegerModel, inputs: Mapping[str, IntArray], rows: Rows[NDArray[Any]]) -> dict[str, IntArray]:
    """Codes of every value of `IntegerModel.run`, each on its own grid, by products with incidence matrices.

    Sums of integers have no order: the codes are the same to the last bit. Takes the steps of the Interaction Network;
    others raise ValueError. Cost: O(N + E) times widths and the sizes of the MLPs.
    """
    incidence = {
        end: csr_array(
            (np.ones(len(index), np.int64), (index, np.arange(len(index)))),
            shape=(rows.counts[rows.domain_at(end)], len(index)),
        )
        for end, index in rows.ends.items()
    }
    values = {value.name: np.asarray(inputs[value.name], np.int64) for value in model.description.inputs}
    for step in model.description.steps:
        values[step.name] = _codes(model, step, values, incidence)
    return values


def _codes(model: IntegerModel, step: Step, values: Mapping[str, IntArray], incidence: Mapping[str, Any]) -> IntArray:
    match step:
        case Gather():
            gathered: IntArray = incidence[step.end].T @ values[step.source]
            return gathered
        case Scatter(reduce="sum"):
            summed: IntArray = incidence[step.end] @ values[step.source]
            return model.formats[step.name].requantize(summed, model.exponent(step.source))
        case Concat():
            exponent = model.exponent(step.name)
            return np.concatenate([_exact(model, part, values).on(exponent) for part in step.parts], axis=1)
        case Mlp():
            value = _exact(model, step.source, values)
            for layer in model.layers[step.name]:
                accumulated = value.codes @ layer.weight.T + layer.bias
                codes = layer.activation.requantize(accumulated, value.exponent + layer.weight_format.exponent)
                value = Exact(codes, layer.activation.exponent)
            result: IntArray = value.codes
            return result
        case Scatter() | Map() | Table():
            raise ValueError(
                f"matrix form: step {step.name!r} is a {type(step).__name__} that is no product with an incidence "
                "matrix; wanted gathers, concatenations, MLPs and sums, as in the Interaction Network"
            )
        case _:
            refuse_step(step, "matrix form of the integer model")


def _exact(model: IntegerModel, name: str, values: Mapping[str, IntArray]) -> Exact:
    return Exact(values[name], model.exponent(name))
