"""Other input scales for the same function: what a float network reads in any unit, few bits read in one that fits.

A column's scale decides where it saturates and how fine it is. Float training does not care; a quantised network does:
ΔR of true edges is mostly below 0.04 and of false ones above 1, so 8 bits should resolve the former and saturate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Table, refuse_step

Column = tuple[str, int]  # input and its column


def with_input_scales(description: NetworkDescription, scales: Mapping[str, Sequence[float]]) -> NetworkDescription:
    """`description` with other scales of the inputs that `scales` names.

    Raises ValueError for an unknown input, a wrong number of columns, or a scale that is no power of two.
    """
    names = [value.name for value in description.inputs]
    for name in scales:
        if name not in names:
            raise ValueError(f"input scales name {name!r}, but network {description.name!r} has inputs {names}")
    inputs = []
    for value in description.inputs:
        scale = tuple(float(s) for s in scales.get(value.name, value.scale))
        if len(scale) != value.width or any(math.frexp(s)[0] != 0.5 for s in scale):
            raise ValueError(f"input {value.name!r}: scales {scale}, wanted {value.width} powers of two, one a column")
        inputs.append(replace(value, scale=scale))
    return replace(description, inputs=tuple(inputs))


def rescaled_state(
    state: Mapping[str, Tensor], before: NetworkDescription, after: NetworkDescription
) -> dict[str, Tensor]:
    """Weights of a `GraphNetwork` of `before` such that it computes the same with the input scales of `after`, exactly.

    Raises ValueError where an input whose scale changes is summed or added before an MLP has read it.
    """
    factor = {
        (old.name, column): old.scale[column] / new.scale[column]
        for old, new in zip(before.inputs, after.inputs, strict=True)
        for column in range(old.width)
    }
    moved = {column for column, change in factor.items() if change != 1.0}
    rescaled = dict(state)
    seen: dict[str, list[float]] = {}
    for mlp in before.mlps:
        factors = [1.0 if origin is None else factor[origin] for origin in _origins(before, mlp.source, moved)]
        if seen.setdefault(mlp.parameters, factors) != factors:
            raise ValueError(f"{mlp.name!r} shares its weights with an MLP that reads other inputs; keep their scales")
        weight = f"mlps.{mlp.parameters}.0.weight"
        rescaled[weight] = state[weight] * torch.tensor(factors)
    return rescaled


def _origins(description: NetworkDescription, name: str, moved: set[Column]) -> list[Column | None]:
    """For each column of a value the input column that it is; None for what a network computed.

    Raises ValueError where it computes with a column that is in `moved`.
    """
    step = description.step(name)
    match step:
        case Input():
            return [(step.name, column) for column in range(step.width)]
        case Gather():
            return _origins(description, step.source, moved)
        case Concat():
            return [origin for part in step.parts for origin in _origins(description, part, moved)]
        case Mlp():
            return [None] * description.shape(name).width
        case Map() | Table() | Scatter():
            if any(origin in moved for source in step.sources for origin in _origins(description, source, moved)):
                raise ValueError(f"{name!r} computes with an input itself; its scales cannot change after training")
            return [None] * description.shape(name).width
        case _:
            refuse_step(step, "input scales")
