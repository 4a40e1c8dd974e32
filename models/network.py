"""The float network: a `NetworkDescription` run by PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgetrack.models.description import NetworkDescription
from edgetrack.models.functions import function
from edgetrack.models.named_modules import NamedModules
from edgetrack.models.operations import operation
from edgetrack.models.rows import Rows, check_inputs
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Step, Table, refuse_step


class GraphNetwork(nn.Module):
    """Runs a description in float.

    Cost: time O(rows of all domains) times the sizes of the MLPs; memory O(E × widest layer).
    """

    def __init__(self, description: NetworkDescription) -> None:
        super().__init__()
        self.description = description
        for value in description.inputs:
            self.register_buffer(f"scale_{value.name}", torch.tensor(value.scale), persistent=False)
        self.mlps = NamedModules(
            {
                name: multilayer_perceptron(description.shape(mlp.source).width, mlp.widths)
                for name, mlp in description.parameters.items()
            }
        )

    def weight_matrices(self) -> dict[str, nn.Parameter]:
        """Matrices (outputs, inputs) by weights and layer, "phi_r1.0", as pruning names them."""
        return {
            # an MLP is Linear, ReLU, Linear, …: its layers have every second index
            f"{name}.{index // 2}": layer.get_parameter("weight")
            for name, mlp in self.mlps.items()
            for index, layer in enumerate(mlp.children())
            if isinstance(layer, nn.Linear)
        }

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        """The output: (E,) float32 logits of an edge classifier, (rows, width) where it is wider than one column."""
        return self.values(rows)[self.description.output].squeeze(1)

    def values(self, rows: Rows[Tensor]) -> dict[str, Tensor]:
        """Every named value of the description, in order, each (rows of its domain, width).

        Raises ValueError for rows that are not what the network reads.
        """
        check_inputs(self.description.inputs, rows)
        values = {
            value.name: rows.features[value.name] * self.get_buffer(f"scale_{value.name}")
            for value in self.description.inputs
        }
        for step in self.description.steps:
            values[step.name] = self._value(step, values, rows)
        return values

    def _value(self, step: Step, values: dict[str, Tensor], rows: Rows[Tensor]) -> Tensor:
        match step:
            case Gather():
                return values[step.source].index_select(0, rows.ends[step.end])
            case Concat():
                return torch.cat([values[part] for part in step.parts], dim=1)
            case Mlp():
                result: Tensor = self.mlps[step.parameters](values[step.source])
                return result
            case Map():
                result = operation(step.operation).apply(*(values[part] for part in step.parts))
                return result
            case Table():
                return function(step.function)(values[step.source])
            case Scatter():
                return scatter(step, values[step.source], rows)
            case _:
                refuse_step(step, "float network")


def seeded_network(description: NetworkDescription, seed: int) -> GraphNetwork:
    """The network with random first weights that follow from `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GraphNetwork(description)


def multilayer_perceptron(width: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Linear layers with ReLU between them: input (…, width) → output (…, widths[-1])."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip((width, *widths), widths, strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def scatter(step: Scatter, value: Tensor, rows: Rows[Tensor]) -> Tensor:
    """(elements, width) values → (elements at the step's end, width). O(elements × width)."""
    index, count = rows.ends[step.end], rows.counts[rows.domain_at(step.end)]
    match step.reduce:
        case "sum":
            return scatter_sum(value, index, count)
        case "mean":
            return scatter_sum(value, index, count) / degree(index, count).clamp(min=1)
        case "max":
            return scatter_max(value, index, count)


def scatter_sum(value: Tensor, index: Tensor, count: int) -> Tensor:
    """(E, width) values summed into (count, width) by `index` (E,)."""
    out = value.new_zeros(count, value.shape[1])
    return out.scatter_add(0, index.unsqueeze(1).expand(-1, value.shape[1]), value)


def scatter_max(value: Tensor, index: Tensor, count: int) -> Tensor:
    """(E, width) → (count, width): the largest by `index` (E,), zero for an index that does not occur."""
    out = value.new_zeros(count, value.shape[1])
    columns = index.unsqueeze(1).expand(-1, value.shape[1])
    return out.scatter_reduce(0, columns, value, reduce="amax", include_self=False)


def degree(index: Tensor, count: int) -> Tensor:
    """(count, 1) float32 number of times that each row occurs in `index`."""
    return scatter_sum(torch.ones(index.shape[0], 1, device=index.device), index, count)
