"""The quantised network: a `NetworkDescription` run by Brevitas, whose values are the integer contract's."""

from __future__ import annotations

import math
from collections.abc import Mapping

import brevitas.nn as qnn
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor, nn

from edgetrack.models.description import NetworkDescription
from edgetrack.models.functions import function
from edgetrack.models.named_modules import NamedModules
from edgetrack.models.network import degree, scatter_max, scatter_sum
from edgetrack.models.operations import operation
from edgetrack.models.rows import Rows, check_inputs
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Step, Table, keeps_codes, refuse_step
from edgetrack.quantize.exact import reciprocal_bits
from edgetrack.quantize.quantizers import (
    Quantizer,
    exponent_of,
    format_of,
    linear,
    relu_quantizer,
    set_threshold_exponent,
    signed_quantizer,
    threshold_parameter,
)
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.quantize.tables import table_codes

Values = dict[str, IntQuantTensor]


class QuantizedNetwork(nn.Module):
    """Runs a description with the formats of the integer contract.

    Each input, layer, map, table, sum and mean has one power-of-two format; gathers, concatenations and maxima are
    exact, and an MLP reads a concatenation on the finest grid of its parts. MLPs that share weights share their scales,
    and have activations of their own. In evaluation mode the float arithmetic is exact, hence equal to the
    `IntegerModel`'s, for every network that `extract_integer_model` accepts.

    Cost: time O(rows) times the sizes of the MLPs; memory O(E × widest layer).
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
                value.name: signed_quantizer(recipe.value_bits(description, value.name))
                for value in description.formatted
                if not isinstance(value, Mlp)
            }
        )
        self.linears = NamedModules(
            {name: _linears(description, mlp, recipe) for name, mlp in description.parameters.items()}
        )
        self.activations = NamedModules({mlp.name: _activations(description, mlp, recipe) for mlp in description.mlps})
        for value in description.inputs:
            if recipe.input_range is not None:
                set_threshold_exponent(self.quantisers[value.name], math.ceil(math.log2(recipe.input_range)))
        _hold_fixed_scales(self, None)
        # Brevitas replaces the parameters of its scales whenever a state is loaded, and the new ones would learn.
        self.register_load_state_dict_post_hook(_hold_fixed_scales)  # type: ignore[no-untyped-call]

    def extra_repr(self) -> str:
        """The recipe, of which PyTorch's repr would show nothing: it names a training."""
        return repr(self.recipe)

    def layers(self) -> dict[str, nn.Module]:
        """All that has a scale: quantisers by value or layer ("phi_r1.0"), linears by weights ("phi_r1.0.weight")."""
        found: dict[str, nn.Module] = dict(self.quantisers.items())
        for name, linears in self.linears.items():
            found |= {f"{name}.{index}.weight": layer for index, layer in enumerate(_each(linears))}
        for name, activations in self.activations.items():
            found |= {f"{name}.{index}": activation for index, activation in enumerate(_each(activations))}
        return found

    def weight_matrices(self) -> dict[str, nn.Parameter]:
        """Float matrices (outputs, inputs) behind the codes by weights and layer, as pruning names them ("phi_o.1")."""
        return {
            f"{name}.{index}": layer.weight
            for name, linears in self.linears.items()
            for index, layer in enumerate(_each(linears))
        }

    def mlp_layers(self, step: Mlp) -> tuple[list[Quantizer], list[Quantizer]]:
        """Linear layers of an MLP, and the quantiser that follows each; the last one makes the MLP's value."""
        return _each(self.linears[step.parameters]), _each(self.activations[step.name])

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        """The output on its grid: (E,) float32 logits of an edge classifier, (rows, width) where it is wider."""
        return self.values(rows)[self.description.output].squeeze(1)

    def values(self, rows: Rows[Tensor], hidden: bool = False) -> dict[str, Tensor]:
        """Every named value of the description, in order, each (rows of its domain, width), real numbers on its grid.

        With `hidden`, also each MLP's hidden activations, "phi_r1.0", "phi_r1.1", …, as `IntegerModel.run` names them.
        """
        check_inputs(self.description.inputs, rows)
        values: Values = {}
        shown: dict[str, Tensor] = {}
        for value in self.description.inputs:
            scaled = rows.features[value.name] * self.get_buffer(f"scale_{value.name}")
            values[value.name] = self.quantisers[value.name](scaled)
        for step in self.description.steps:
            for name, result in self.step_values(step, values, rows).items():
                if name == step.name:
                    values[name] = result
                elif hidden:
                    shown[name] = result.value
            shown[step.name] = values[step.name].value
        return {value.name: values[value.name].value for value in self.description.inputs} | shown

    def step_values(self, step: Step, values: Values, rows: Rows[Tensor] | None = None) -> Values:
        """What one step makes of the values before it; of an MLP every layer's result. `rows` is for ends."""
        match step:
            case Gather():
                assert rows is not None
                whole = values[step.source]
                result = _with_value(whole, whole.value.index_select(0, rows.ends[step.end]))
            case Concat():
                result = concatenate([values[part] for part in step.parts])
            case Mlp():
                return self._mlp_values(step, values[step.source])
            case Map():
                exact = operation(step.operation).apply(*(values[part].value for part in step.parts))
                result = self.quantisers[step.name](exact)
            case Table():
                result = self._looked_up(step, values[step.source])
            case Scatter():
                assert rows is not None
                result = self._scattered(step, values[step.source], rows)
            case _:
                refuse_step(step, "Brevitas network")
        return {step.name: result}

    def quantizer_of(self, name: str) -> Quantizer:
        """The quantiser whose format a value has. Raises ValueError for columns of several formats."""
        step = self.description.step(name)
        if isinstance(step, Mlp):
            return self.mlp_layers(step)[1][-1]
        if not keeps_codes(step):
            return self.quantisers[name]
        if len(step.sources) > 1:
            raise ValueError(f"{name!r} joins values of several formats, wanted one format; join values later")
        return self.quantizer_of(step.sources[0])

    def finest_exponent(self, name: str) -> int:
        """Exponent of the grid of a value: for a concatenation the finest of its parts'."""
        step = self.description.step(name)
        if keeps_codes(step):
            return min(self.finest_exponent(source) for source in step.sources)
        return exponent_of(self.quantizer_of(name))

    def _mlp_values(self, step: Mlp, value: IntQuantTensor) -> Values:
        layers: Values = {}
        for index, (linear_, activation) in enumerate(zip(*self.mlp_layers(step), strict=True)):
            value = activation(linear_(value))
            layers[f"{step.name}.{index}"] = value
        layers.popitem()
        return layers | {step.name: value}

    def _looked_up(self, step: Table, source: IntQuantTensor) -> IntQuantTensor:
        """Contents of the table, with the gradient of the quantised function."""
        smooth = self.quantisers[step.name](function(step.function)(source.value))
        taken, given = format_of(self.quantizer_of(step.source)), format_of(self.quantisers[step.name])
        contents = torch.from_numpy(given.dequantize(table_codes(step, taken, given))).float().to(smooth.value.device)
        codes = torch.round(source.value.detach() * 2.0**-taken.exponent).long() - taken.lowest
        exact = contents[codes.clamp(0, len(contents) - 1)]
        return _with_value(smooth, smooth.value + (exact - smooth.value).detach() if self.training else exact)

    def _scattered(self, step: Scatter, source: IntQuantTensor, rows: Rows[Tensor]) -> IntQuantTensor:
        index, count = rows.ends[step.end], rows.counts[rows.domain_at(step.end)]
        if step.reduce == "max":
            return _with_value(source, scatter_max(source.value, index, count))
        total = scatter_sum(source.value, index, count)
        if step.reduce == "sum":
            return self.quantisers[step.name](total)
        # float64: the product has more digits than float32 keeps
        mean = self.quantisers[step.name](total.double() * reciprocals(index, count, self.recipe.max_degree))
        return _with_value(mean, mean.value.float())

    def load_float(self, state: Mapping[str, Tensor]) -> None:
        """Take over weights and biases of a `GraphNetwork` of the same description; scales stay as they are.

        Raises ValueError where `state` has other names or shapes.
        """
        targets = {}
        for name, linears in self.linears.items():
            for index, linear_ in enumerate(_each(linears)):
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
    for quantizer in network.layers().values() if network.recipe.scales == "fixed" else inputs:
        threshold_parameter(quantizer).requires_grad_(False)


def concatenate(parts: list[IntQuantTensor]) -> IntQuantTensor:
    """Columns side by side, exactly: the grid is the finest of the parts', the width enough for the widest on it."""
    value = torch.cat([part.value for part in parts], dim=1)
    scale = torch.stack([part.scale.reshape(()) for part in parts]).min()
    bits = torch.stack(
        [part.bit_width + torch.log2(part.scale.detach() / scale.detach()).reshape(()) for part in parts]
    ).max()
    return IntQuantTensor(value, scale, parts[0].zero_point, bits, True, parts[0].training)


def reciprocals(index: Tensor, count: int, max_degree: int) -> Tensor:
    """(count, 1) float64 multiples of 2^-`reciprocal_bits` next to 1 / degree; 0 for an element without any."""
    bits = reciprocal_bits(max_degree)
    degrees = degree(index, count).double()
    rounded = torch.round(2.0**bits / degrees.clamp(min=1)) * 2.0**-bits
    return torch.where(degrees > 0, rounded, 0.0)


def _linears(description: NetworkDescription, step: Mlp, recipe: PrecisionRecipe) -> nn.ModuleList:
    return nn.ModuleList(
        linear(fan_in, fan_out, recipe.layer_bits(description, step.name, index))
        for index, (fan_in, fan_out) in enumerate(description.layer_widths(step))
    )


def _activations(description: NetworkDescription, step: Mlp, recipe: PrecisionRecipe) -> nn.ModuleList:
    """ReLU into unsigned formats between the layers, a signed format at the end."""
    bits = [recipe.layer_bits(description, step.name, index).activation for index in range(len(step.widths))]
    return nn.ModuleList([*(relu_quantizer(hidden) for hidden in bits[:-1]), signed_quantizer(bits[-1])])


def _each(modules: nn.Module) -> list[Quantizer]:
    assert isinstance(modules, nn.ModuleList)
    return list(modules)


def _with_value(like: IntQuantTensor, value: Tensor) -> IntQuantTensor:
    return IntQuantTensor(value, like.scale, like.zero_point, like.bit_width, like.signed, like.training)
