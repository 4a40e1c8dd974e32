"""An integer network of stated size and widths with random weights, as retraining would give: to size before training.

The shift-and-add pipelines cost what the weights' digits cost, so the weights are drawn like trained ones: magnitudes
with the exponential tails and the share of zeros that the package's quantised checkpoints have, layer by layer, and
activation ranges as wide against their inputs as theirs. What that leaves is measured by `bench resources`.
"""

from __future__ import annotations

from itertools import pairwise
from math import floor, log2, sqrt
from typing import NamedTuple

import numpy as np

from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import operation
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Table, keeps_codes, refuse_step
from edgetrack.quantize.exact import Bound
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel, columns_of
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.quantize.tables import table_codes


class LayerStatistics(NamedTuple):
    """How the weights and results of one layer lie in their formats."""

    zeros: float  # share of weights that are zero
    spread: float  # standard deviation of the weights, in units of the largest code
    range_: float  # largest activation, in standard deviations of the accumulator


# Averages over the MLPs of in-2gev-quantised, in-1p5gev-quantised and in-1gev-quantised, taken with inputs whose
# standard deviation is a third of their largest code.
FIRST = LayerStatistics(0.19, 0.32, 3.6)
INNER = LayerStatistics(0.07, 0.37, 1.1)
LAST = LayerStatistics(0.045, 0.36, 1.4)
BIAS = 0.1  # mean absolute bias, in standard deviations of the accumulator


def representative_model(description: NetworkDescription, recipe: PrecisionRecipe, seed: int = 0) -> IntegerModel:
    """The network with drawn weights, in the widths of `recipe`. Same seed, same model; milliseconds."""
    rng = np.random.default_rng(seed)
    formats: dict[str, Format] = {}
    layers: dict[str, tuple[IntegerLayer, ...]] = {}

    tables: dict[str, IntArray] = {}

    for value in description.inputs:
        bits = recipe.value_bits(description, value.name)
        formats[value.name] = Format(bits, 1 - bits)
    for step in description.steps:
        if isinstance(step, Gather | Concat) or keeps_codes(step):
            continue
        if isinstance(step, Mlp):
            layers[step.name] = _mlp(description, recipe, step, columns_of(description, formats, step.source), rng)
            formats[step.name] = layers[step.name][-1].activation
            continue
        bits = recipe.value_bits(description, step.name)
        sources = [columns_of(description, formats, source) for source in step.sources]
        formats[step.name] = Format(bits, _highest(step, sources) - bits)
        if isinstance(step, Table):
            tables[step.name] = table_codes(step, sources[0][0], formats[step.name])
    return IntegerModel(description, formats, layers, tables, recipe.max_degree)


def _highest(step: Map | Table | Scatter, sources: list[tuple[Format, ...]]) -> int:
    """Integer bits of a value: of a sum or mean over a few neighbours, two more than what is summed has."""
    match step:
        case Scatter():
            return max(fmt.integer_bits for fmt in sources[0]) + 2
        case Map():
            bound: Bound = operation(step.operation).apply(*(Bound.of(columns) for columns in sources))
            return bound.largest.bit_length() + 1 + bound.exponent
        case Table():
            return 1
        case _:
            refuse_step(step, "representative model")


def _mlp(
    description: NetworkDescription,
    recipe: PrecisionRecipe,
    step: Mlp,
    columns: tuple[Format, ...],
    rng: np.random.Generator,
) -> tuple[IntegerLayer, ...]:
    bound = Bound.of(columns)
    exponent, magnitudes = bound.exponent, bound.codes[0].astype(np.int64)
    layers = []
    last = len(step.widths) - 1
    for index, (fan_in, fan_out) in enumerate(pairwise((len(columns), *step.widths))):
        bits = recipe.layer_bits(description, step.name, index)
        statistics = FIRST if index == 0 else LAST if index == last else INNER
        weight_format = Format(bits.weight, -bits.weight // 2, narrow=True)
        weight = _weights(weight_format, (fan_out, fan_in), statistics, rng)
        exponent += weight_format.exponent
        spread = sqrt(float(np.mean((weight.astype(float) ** 2) @ (magnitudes / 3.0) ** 2)))
        bias = np.rint(rng.laplace(0, BIAS * spread, fan_out)).astype(np.int64)
        signed = index == last
        highest = exponent + round(log2(statistics.range_ * spread))
        activation = Format(bits.activation, highest - bits.activation + int(signed), signed)
        layers.append(IntegerLayer(weight, weight_format, bias, activation))
        exponent, magnitudes = activation.exponent, np.full(fan_out, activation.magnitude)
    return tuple(layers)


def _weights(fmt: Format, shape: tuple[int, int], statistics: LayerStatistics, rng: np.random.Generator) -> IntArray:
    """Codes with exponential tails; those that rounding leaves above the share of zeros are set to zero too."""
    scale = statistics.spread * fmt.highest / sqrt(2)
    codes = np.clip(np.rint(rng.laplace(0, scale, shape)), fmt.lowest, fmt.highest).astype(np.int64)
    wanted = floor(statistics.zeros * codes.size) - int((codes == 0).sum())
    if wanted > 0:
        alive = np.flatnonzero(codes)
        codes.flat[rng.choice(alive, min(wanted, len(alive)), replace=False)] = 0
    if not codes.any():
        codes.flat[rng.integers(codes.size)] = 1
    return codes
