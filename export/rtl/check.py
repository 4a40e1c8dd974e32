"""A traced kernel against the golden model, before any Verilog is written from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgetrack.export.cases import kernel_vectors
from edgetrack.models.steps import Mlp
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

VECTORS = 4096

Trace = Callable[[IntegerModel, str], Any]


def check_kernel(model: IntegerModel, name: str, parts: Sequence[str], graph: Any, trace: Trace) -> None:
    """Raises ValueError, naming the step, its layer and the vector, where alkaid's `graph` of it and `model` differ.

    `parts` are the values that the graph's inputs hold; `trace` makes such a graph, to find the layer. The vectors hold
    corner cases and ties; see `edgetrack.export.cases.kernel_vectors`. Cost: about a tenth of a second.
    """
    part = model.submodel(name)
    vectors = kernel_vectors(model, name, VECTORS, seed=0)
    wanted = part.run(vectors)[name]
    got = kernel_codes(part, parts, graph, vectors)
    if np.array_equal(got, wanted):
        return
    row, column = (int(index) for index in np.argwhere(got != wanted)[0])
    layer = f", layer {_first_wrong_layer(part, name, parts, vectors, trace)}" if name in model.layers else ""
    codes = {value: rows[row].tolist() for value, rows in vectors.items()}
    raise ValueError(
        f"rtl: {name}{layer}: the traced kernel differs from the integer model in {np.count_nonzero(got != wanted)} of "
        f"{got.size} values; column {column} of vector {row}, {codes}, gives {got[row, column]}, "
        f"wanted {wanted[row, column]}. Nothing was written; another number of bits may avoid it"
    )


def kernel_codes(part: IntegerModel, parts: Sequence[str], graph: Any, vectors: Mapping[str, IntArray]) -> IntArray:
    """(n, width) codes that alkaid's own interpreter computes from codes of the inputs of a `submodel`."""
    finest = min(part.exponent(name) for name in parts)
    rows = np.concatenate([vectors[name] << (part.exponent(name) - finest) for name in parts], axis=1)
    return np.asarray(np.rint(graph.predict(rows.astype(np.float64))), np.int64)


def _first_wrong_layer(
    part: IntegerModel, mlp: str, parts: Sequence[str], vectors: Mapping[str, IntArray], trace: Trace
) -> int:
    """Index of the first layer after which the MLP, cut there and traced again, differs; the last one if none does."""
    *before, step = part.description.steps
    assert isinstance(step, Mlp)
    hidden = part.run(vectors, hidden=True)
    layers = part.layers[mlp]
    for index in range(len(layers) - 1):
        cut = replace(part.description, steps=(*before, replace(step, widths=step.widths[: index + 1])))
        formats = {**part.formats, mlp: layers[index].activation}
        graph = trace(IntegerModel(cut, formats, {mlp: layers[: index + 1]}), mlp)
        if not np.array_equal(kernel_codes(part, parts, graph, vectors), hidden[f"{mlp}.{index}"]):
            return index
    return len(layers) - 1
