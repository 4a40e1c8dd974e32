"""What a search of precisions varies: widths of weights, activations and inputs, and the sparsity of weights.

A point of the space is a mapping from the names of its choices ("weight_bits phi_r1.0") to values; it makes a recipe
and a pruning for the retraining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edgetrack.models.description import NetworkDescription
from edgetrack.models.pruning import PruningConfig
from edgetrack.models.steps import Mlp
from edgetrack.quantize.recipe import PrecisionOverride, PrecisionRecipe

Point = Mapping[str, int | float]
Grain = Literal["network", "mlp", "layer"]
WEIGHTS, ACTIVATIONS, INPUTS, SPARSITY = "weight_bits", "activation_bits", "input_bits", "sparsity"


@dataclass(frozen=True)
class SearchSpace:
    """Narrowest and widest of each kind of width, and the sparsities to choose from.

    `grain`: one choice for the whole network, for each MLP, or for each layer; values that no MLP makes (inputs, sums,
    maps) have one each, but with `network`. The network's result keeps the recipe's `output_bits`. A search begins with
    `uniform` widths, all layers alike: with the least sparsity, and up to `pruned_to` bits with each of the others.
    """

    weight_bits: tuple[int, int] = (2, 8)
    activation_bits: tuple[int, int] = (2, 8)
    input_bits: tuple[int, int] = (4, 8)
    sparsity: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7)
    grain: Grain = "layer"
    uniform: tuple[int, ...] = (8, 6, 5, 4, 3, 2)
    pruned_to: int = 5

    def __post_init__(self) -> None:
        for name in (WEIGHTS, ACTIVATIONS, INPUTS):
            low, high = getattr(self, name)
            if not 2 <= low <= high <= 16:
                raise ValueError(f"search: {name} is {[low, high]}, wanted the narrowest and the widest, 2 to 16")
        if not self.sparsity or not all(0.0 <= one < 1.0 for one in self.sparsity):
            raise ValueError(f"search: sparsity is {list(self.sparsity)}, wanted fractions in [0, 1), at least one")

    def choices(self, description: NetworkDescription) -> dict[str, tuple[int | float, ...]]:
        """Name of each choice → what it chooses from, in the order of the network's values."""
        found: dict[str, tuple[int | float, ...]] = {}
        for name in _layers(description):
            found[self._name(WEIGHTS, name)] = _span(self.weight_bits)
            found[self._name(SPARSITY, name)] = tuple(sorted(self.sparsity))
        for name in _activations(description):
            found[self._name(ACTIVATIONS, name)] = _span(self.activation_bits)
        for value in description.inputs:
            found[self._name(INPUTS, value.name)] = _span(self.input_bits)
        return found

    def recipe(self, point: Point, description: NetworkDescription, base: PrecisionRecipe) -> PrecisionRecipe:
        """`base` with the widths of `point`."""
        overrides = dict(base.overrides)
        for name in dict.fromkeys([*_layers(description), *_activations(description)]):
            before = overrides.get(name, PrecisionOverride())
            weight = point.get(self._name(WEIGHTS, name)) if name in _layers(description) else before.weight_bits
            activation = point.get(self._name(ACTIVATIONS, name)) if name in _activations(description) else None
            overrides[name] = replace(
                before,
                weight_bits=None if weight is None else int(weight),
                activation_bits=before.activation_bits if activation is None else int(activation),
            )
        for value in description.inputs:
            overrides[value.name] = PrecisionOverride(activation_bits=int(point[self._name(INPUTS, value.name)]))
        return replace(base, overrides=overrides)

    def pruning(self, point: Point, description: NetworkDescription, base: PruningConfig) -> PruningConfig | None:
        """The schedule of `base` with the sparsities of `point`; None where all are 0."""
        layers = {
            weights: float(point[self._name(SPARSITY, layer)]) for layer, weights in _weights(description).items()
        }
        return replace(base, sparsity=0.0, overrides=layers) if any(layers.values()) else None

    def beginning(self, description: NetworkDescription) -> list[dict[str, int | float]]:
        """The points that a search begins with: `uniform` widths, then pruned ones; inputs keep the widest."""
        choices = self.choices(description)
        least, *more = sorted(self.sparsity)
        pruned = [(bits, share) for share in more for bits in self.uniform if bits <= self.pruned_to]
        return [_uniform(choices, bits, share) for bits, share in (*((bits, least) for bits in self.uniform), *pruned)]

    def _name(self, kind: str, place: str) -> str:
        match self.grain:
            case "network":
                return kind
            case "mlp":
                return f"{kind} {place.partition('.')[0]}"
            case "layer":
                return f"{kind} {place}"


def _uniform(choices: Mapping[str, Sequence[int | float]], bits: int, share: float) -> dict[str, int | float]:
    """Every width `bits`, or the nearest that there is, every sparsity `share`, inputs as wide as they can be."""
    point: dict[str, int | float] = {}
    for name, values in choices.items():
        kind = name.partition(" ")[0]
        widest = values[-1]
        point[name] = share if kind == SPARSITY else widest if kind == INPUTS else min(max(bits, values[0]), widest)
    return point


def _span(ends: tuple[int, int]) -> tuple[int, ...]:
    return tuple(range(ends[0], ends[1] + 1))


def _weights(description: NetworkDescription) -> dict[str, str]:
    """Layer of the first MLP that has the weights, as recipes name it → as pruning names it."""
    return {
        f"{mlp.name}.{index}": f"{name}.{index}"
        for name, mlp in description.parameters.items()
        for index in range(len(mlp.widths))
    }


def _layers(description: NetworkDescription) -> list[str]:
    return list(_weights(description))


def _activations(description: NetworkDescription) -> list[str]:
    """Layers and values with a width of their own, but inputs and the network's result."""
    found: list[str] = []
    for step in description.formatted:
        if isinstance(step, Mlp):
            found += [
                f"{step.name}.{index}" for index in range(len(step.widths) - int(step.name == description.output))
            ]
        elif step not in description.inputs and step.name != description.output:
            found.append(step.name)
    return found
