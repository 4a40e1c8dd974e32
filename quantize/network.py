"""The quantised network: a `NetworkDescription` run by Brevitas, whose values are the integer contract's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import brevitas.nn as qnn
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor, nn

from edgetrack.models.description import Add, Concat, Gather, Mlp, NetworkDescription, ScatterMean, ScatterSum
from edgetrack.models.named_modules import NamedModules
from edgetrack.models.network import degree, scatter_sum
from edgetrack.quantize.integer_model import RECIPROCAL_BITS
from edgetrack.quantize.quantizers import (
    exponent_of,
    linear,
    relu_quantizer,
    set_threshold_exponent,
    signed_quantizer,
    threshold_parameter,
)
from edgetrack.quantize.recipe import PrecisionRecipe


class QuantizedMlp(nn.Module):
    """Linear layers with quantised weights and biases; ReLU into unsigned formats between them.

    `activations[i]` follows `linears[i]`; the last one is signed and makes the MLP's value.
    """

    def __init__(self, description: NetworkDescription, step: Mlp, recipe: PrecisionRecipe) -> None:
        super().__init__()
        widths = (description.shape(step.source).width, *step.widths)
        bits = [recipe.layer_bits(description, step.name, index) for index in range(len(step.widths))]
        self.linears = nn.ModuleList(
            linear(fan_in, fan_out, layer) for (fan_in, fan_out), layer in zip(pairwise(widths), bits, strict=True)
        )
        hidden: list[nn.Module] = [relu_quantizer(layer.activation) for layer in bits[:-1]]
        self.activations = nn.ModuleList([*hidden, signed_quantizer(bits[-1].activation)])

    def forward(self, value: IntQuantTensor) -> list[IntQuantTensor]:
        """(n, fan_in) → each layer's result (n, widths[i]), the MLP's own value last."""
        made = []
        for linear_, activation in zip(self.linears, self.activations, strict=True):
            value = activation(linear_(value))
            made.append(value)
        return made


class QuantizedNetwork(nn.Module):
    """Runs a description with the formats of the integer contract.

    Each input, layer, sum, mean and add has one power-of-two format; gathers and concatenations are exact, and an MLP
    reads a concatenation on the finest grid of its parts. In evaluation mode the float32 arithmetic is exact, hence
    equal to the `IntegerModel`'s, for every network that `extract_integer_model` accepts.

    Cost: time O(N + E) times the sizes of the MLPs; memory O(E × widest layer).
    """

    def __init__(self, description: NetworkDescription, recipe: PrecisionRecipe) -> None:
        super().__init__()
        recipe.check(description)
        self.description = description
        self.recipe = recipe
        for value in description.inputs:
            self.register_buffer(f"scale_{value.name}", torch.tensor(value.scale), persistent=False)
        self.quantisers = NamedModules(
            {
                step.name: signed_quantizer(recipe.value_bits(description, step.name))
                for step in (*description.inputs, *description.steps)
                if not isinstance(step, Gather | Concat | Mlp)
            }
        )
        self.mlps = NamedModules({mlp.name: QuantizedMlp(description, mlp, recipe) for mlp in description.mlps})
        for value in description.inputs:
            if recipe.input_range is not None:
                set_threshold_exponent(self.quantisers[value.name], math.ceil(math.log2(recipe.input_range)))
        _hold_fixed_scales(self, None)
        # Brevitas replaces the parameters of its scales whenever a state is loaded, and the new ones would learn.
        self.register_load_state_dict_post_hook(_hold_fixed_scales)

    def extra_repr(self) -> str:
        """The recipe, of which PyTorch's repr would show nothing: it names a training."""
        return repr(self.recipe)

    def layers(self) -> dict[str, nn.Module]:
        """Everything that has a scale: quantisers by value or layer name ("phi_r1.0"), linears as "phi_r1.0.weight"."""
        found: dict[str, nn.Module] = dict(self.quantisers.items())
        for name, mlp in self.mlps.items():
            assert isinstance(mlp, QuantizedMlp)
            for index, (linear_, activation) in enumerate(zip(mlp.linears, mlp.activations, strict=True)):
                found[f"{name}.{index}.weight"] = linear_
                found[f"{name}.{index}"] = activation
        return found

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Logit of each edge, on the output's grid.

        Args: x (N, 3) float32 node features; edge_index (2, E) int64 source → target; edge_attr (E, 4) float32.
        Returns: (E,) float32, or (E, width) for a wider output.
        """
        return self.values({"x": x, "edge_attr": edge_attr}, edge_index)[self.description.output].squeeze(1)

    def values(self, inputs: Mapping[str, Tensor], edge_index: Tensor, hidden: bool = False) -> dict[str, Tensor]:
        """Every named value of the description, in order, each (N or E, width), real numbers on its grid.

        With `hidden`, also each MLP's hidden activations, "phi_r1.0", "phi_r1.1", …, as `IntegerModel.run` names them.
        """
        made: dict[str, IntQuantTensor] = {}
        for value in self.description.inputs:
            made[value.name] = self.quantisers[value.name](inputs[value.name] * self.get_buffer(f"scale_{value.name}"))
        num_nodes = next((made[v.name].value.shape[0] for v in self.description.inputs if v.domain == "node"), 0)
        ends = {"source": edge_index[0], "target": edge_index[1]}
        for step in self.description.steps:
            match step:
                case Gather():
                    whole = made[step.source]
                    made[step.name] = _with_value(whole, whole.value.index_select(0, ends[step.end]))
                case Concat():
                    made[step.name] = concatenate([made[part] for part in step.parts])
                case Mlp():
                    results = self.mlps[step.name](made[step.source])
                    if hidden:
                        made |= {f"{step.name}.{index}": result for index, result in enumerate(results[:-1])}
                    made[step.name] = results[-1]
                case ScatterSum():
                    total = scatter_sum(made[step.source].value, ends[step.end], num_nodes)
                    made[step.name] = self.quantisers[step.name](total)
                case ScatterMean():
                    total = scatter_sum(made[step.source].value, ends[step.end], num_nodes)
                    made[step.name] = self.quantisers[step.name](total * reciprocals(ends[step.end], num_nodes))
                case Add():
                    total = made[step.parts[0]].value + made[step.parts[1]].value
                    made[step.name] = self.quantisers[step.name](total)
        return {name: value.value for name, value in made.items()}

    def finest_exponent(self, name: str) -> int:
        """Exponent of the grid of a value: for a concatenation the finest of its parts'."""
        step = self.description.step(name)
        match step:
            case Gather():
                return self.finest_exponent(step.source)
            case Concat():
                return min(self.finest_exponent(part) for part in step.parts)
            case Mlp():
                return exponent_of(self.layers()[f"{name}.{len(step.widths) - 1}"])
            case _:
                return exponent_of(self.quantisers[name])

    def load_float(self, state: Mapping[str, Tensor]) -> None:
        """Take over weights and biases of a `GraphNetwork` of the same description; scales stay as they are.

        Raises ValueError where `state` has other names or shapes.
        """
        targets = {}
        for name, mlp in self.mlps.items():
            assert isinstance(mlp, QuantizedMlp)
            for index, linear_ in enumerate(mlp.linears):
                assert isinstance(linear_, qnn.QuantLinear)
                # a float MLP is Linear, ReLU, Linear, …: its layers have every second index
                targets[f"mlps.{name}.{2 * index}.weight"] = linear_.weight
                targets[f"mlps.{name}.{2 * index}.bias"] = linear_.bias
        if set(state) != set(targets):
            different = sorted(set(state) ^ set(targets))
            raise ValueError(
                f"float weights and description {self.description.name!r} differ in {different}; "
                f"wanted the state of a GraphNetwork of this description"
            )
        with torch.no_grad():
            for key, target in targets.items():
                if state[key].shape != target.shape:
                    raise ValueError(
                        f"float weight {key} has shape {tuple(state[key].shape)}, "
                        f"wanted {tuple(target.shape)}: the networks have different sizes"
                    )
                target.copy_(state[key])


def _hold_fixed_scales(network: nn.Module, _: object) -> None:
    """Let no training move the inputs' scales, nor any where the recipe says that they are fixed."""
    assert isinstance(network, QuantizedNetwork)
    inputs = [network.quantisers[value.name] for value in network.description.inputs]
    for quantiser in network.layers().values() if network.recipe.scales == "fixed" else inputs:
        threshold_parameter(quantiser).requires_grad_(False)


def concatenate(parts: list[IntQuantTensor]) -> IntQuantTensor:
    """Columns side by side, exactly: the grid is the finest of the parts', the width enough for the widest on it."""
    value = torch.cat([part.value for part in parts], dim=1)
    scale = torch.stack([part.scale.reshape(()) for part in parts]).min()
    bits = torch.stack(
        [part.bit_width + torch.log2(part.scale.detach() / scale.detach()).reshape(()) for part in parts]
    ).max()
    return IntQuantTensor(value, scale, parts[0].zero_point, bits, True, parts[0].training)


def reciprocals(index: Tensor, num_nodes: int) -> Tensor:
    """(num_nodes, 1) float32 multiples of 2^-RECIPROCAL_BITS next to 1 / degree; 0 for a node without edges.

    The float32 quotient rounds as the exact one: 2^12 / degree lies at least a part in 8,192 from any tie it is not on.
    """
    count = degree(index, num_nodes)
    rounded = torch.round(2.0**RECIPROCAL_BITS / count.clamp(min=1)) * 2.0**-RECIPROCAL_BITS
    return torch.where(count > 0, rounded, 0.0)


def _with_value(like: IntQuantTensor, value: Tensor) -> IntQuantTensor:
    return IntQuantTensor(value, like.scale, like.zero_point, like.bit_width, like.signed, like.training)
