"""How many bits each value, weight and bias of a quantised network has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Mlp, Scatter, keeps_codes

MOST_NEIGHBOURS = 1 << 24  # float32 counts them exactly
WIDEST = {"weight_bits": 16, "activation_bits": 16, "bias_bits": 24}


class LayerBits(NamedTuple):
    """Widths of one linear layer; `activation` is that of its result."""

    weight: int
    bias: int
    activation: int


@dataclass(frozen=True)
class PrecisionOverride:
    """Widths that differ from the recipe's for one value or one layer; `None` keeps the recipe's."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    weight_bits: int | None = None
    activation_bits: int | None = None
    bias_bits: int | None = None

    def __post_init__(self) -> None:
        for name in WIDEST:
            value = getattr(self, name)
            if value is not None:
                _check_bits(name, value)


@dataclass(frozen=True)
class PrecisionRecipe:
    """Widths of a quantised network, all scales powers of two.

    `input_bits` for inputs; `weight_bits`, `activation_bits` (hidden layers, results of MLPs, maps and tables) and
    `bias_bits` for MLPs; `aggregation_bits` for sums and means over neighbours; `output_bits` for the network's result.
    `overrides` goes by value ("phi_r1": all its layers, and its result) or by layer ("phi_r1.0"); a layer's beats its
    MLP's. Activations above 8 bits cannot be exported as QCDQ.

    `input_range` is the largest absolute value that an input can stand for after the description's scales; `None` has
    it calibrated. `scales` says whether retraining learns the exponents or keeps the calibrated ones. `max_degree` is
    the largest number of neighbours for which sums are exact and the reciprocals of means precise (2^-11).
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    input_bits: int = 8
    weight_bits: int = 6
    activation_bits: int = 8
    aggregation_bits: int = 8
    output_bits: int = 8
    bias_bits: int = 16
    input_range: float | None = 1.0
    scales: Literal["learned", "fixed"] = "learned"
    max_degree: int = 4096
    overrides: dict[str, PrecisionOverride] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("input_bits", "activation_bits", "aggregation_bits", "output_bits"):
            _check_bits(name, getattr(self, name), WIDEST["activation_bits"])
        _check_bits("weight_bits", self.weight_bits)
        _check_bits("bias_bits", self.bias_bits)
        if not 1 <= self.max_degree <= MOST_NEIGHBOURS:
            raise ValueError(f"max_degree is {self.max_degree}, wanted 1 to {MOST_NEIGHBOURS:,}")
        if self.input_range is not None and not 0.0 < self.input_range < float("inf"):
            raise ValueError(f"input_range is {self.input_range}, wanted a positive number or null to calibrate it")

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as a checkpoint keeps them."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> PrecisionRecipe:
        """What `to_dict` gave. Raises ValueError for an unknown key or a wrong type."""
        known = set(PrecisionRecipe.__dataclass_fields__)
        for key in values:
            if key not in known:
                raise ValueError(f"precision recipe: unknown key {key!r}{_nearest(key, known)}")
        try:
            return TypeAdapter(PrecisionRecipe).validate_python(dict(values))
        except ValidationError as error:
            raise ValueError(f"precision recipe: {error}") from error

    def check(self, description: NetworkDescription) -> None:
        """Raise ValueError for an override of something that `description` lacks or that has no such width."""
        layers = {f"{mlp.name}.{index}" for mlp in description.mlps for index in range(len(mlp.widths))}
        mlps = {mlp.name for mlp in description.mlps}
        exact = {step.name for step in description.steps if keeps_codes(step)}
        known = (set(description.names) - exact) | layers
        for name, override in self.overrides.items():
            if name in exact:
                raise ValueError(
                    f"override {name!r}: a gather, concatenation or maximum is exact and has no width of its own; "
                    f"override what feeds it, or remove this"
                )
            if name not in known:
                raise ValueError(
                    f"override {name!r}: network {description.name!r} has no such value or layer{_nearest(name, known)}"
                )
            mlp = name.partition(".")[0]
            shared = mlp in mlps and mlp not in {first.name for first in description.parameters.values()}
            if shared and (override.weight_bits or override.bias_bits):
                raise ValueError(
                    f"override {name!r}: its weights are another MLP's; override them at the first of both"
                )
            if name not in mlps | layers and (override.weight_bits or override.bias_bits):
                raise ValueError(f"override {name!r}: only an MLP has weights and biases; give activation_bits alone")

    def value_bits(self, description: NetworkDescription, name: str) -> int:
        """Width of an input or of the result of an MLP, map, table, sum or mean."""
        step = description.step(name)
        if isinstance(step, Mlp):
            return self.layer_bits(description, name, len(step.widths) - 1).activation
        override = self.overrides.get(name, PrecisionOverride())
        if override.activation_bits is not None:
            return override.activation_bits
        if name == description.output:
            return self.output_bits
        if isinstance(step, Scatter):
            return self.aggregation_bits
        if step in description.inputs:
            return self.input_bits
        return self.activation_bits

    def layer_bits(self, description: NetworkDescription, mlp: str, index: int) -> LayerBits:
        """Widths of layer `index` of an MLP."""
        step = description.step(mlp)
        assert isinstance(step, Mlp)
        last = index == len(step.widths) - 1
        by_layer = self.overrides.get(f"{mlp}.{index}", PrecisionOverride())
        by_value = self.overrides.get(mlp, PrecisionOverride())
        activation = self.output_bits if last and mlp == description.output else self.activation_bits
        return LayerBits(
            _first(by_layer.weight_bits, by_value.weight_bits, self.weight_bits),
            _first(by_layer.bias_bits, by_value.bias_bits, self.bias_bits),
            _first(by_layer.activation_bits, by_value.activation_bits, activation),
        )


def _first(*candidates: int | None) -> int:
    return next(value for value in candidates if value is not None)


def _check_bits(name: str, bits: int, widest: int | None = None) -> None:
    widest = widest or WIDEST[name]
    if not 2 <= bits <= widest:
        raise ValueError(f"{name} is {bits}, wanted 2 to {widest}")


def _nearest(name: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"; did you mean {nearest[0]!r}? Known: {sorted(known)}" if nearest else ""
