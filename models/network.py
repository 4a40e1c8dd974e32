"""The float network: a `NetworkDescription` run by PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgetrack.models.description import Add, Concat, Gather, Mlp, NetworkDescription, ScatterMean, ScatterSum
from edgetrack.models.named_modules import NamedModules


class GraphNetwork(nn.Module):
    """Runs a description in float.

    Cost: time O(N + E) times the sizes of the MLPs; memory O(E × widest layer).
    """

    def __init__(self, description: NetworkDescription) -> None:
        super().__init__()
        self.description = description
        for value in description.inputs:
            self.register_buffer(f"scale_{value.name}", torch.tensor(value.scale), persistent=False)
        self.mlps = NamedModules(
            {
                mlp.name: multilayer_perceptron(description.shape(mlp.source).width, mlp.widths)
                for mlp in description.mlps
            }
        )

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Logit of each edge.

        Args: x (N, 3) float32 node features; edge_index (2, E) int64 source → target; edge_attr (E, 4) float32.
        Returns: (E,) float32, or (E, width) for a wider output.
        """
        return self.values({"x": x, "edge_attr": edge_attr}, edge_index)[self.description.output].squeeze(1)

    def values(self, inputs: Mapping[str, Tensor], edge_index: Tensor) -> dict[str, Tensor]:
        """Every named value of the description, in order, each (N or E, width)."""
        made = {
            value.name: inputs[value.name] * self.get_buffer(f"scale_{value.name}") for value in self.description.inputs
        }
        num_nodes = next(made[v.name].shape[0] for v in self.description.inputs if v.domain == "node")
        ends = {"source": edge_index[0], "target": edge_index[1]}
        for step in self.description.steps:
            match step:
                case Gather():
                    value = made[step.source].index_select(0, ends[step.end])
                case Concat():
                    value = torch.cat([made[part] for part in step.parts], dim=1)
                case Mlp():
                    value = self.mlps[step.name](made[step.source])
                case ScatterSum():
                    value = scatter_sum(made[step.source], ends[step.end], num_nodes)
                case ScatterMean():
                    value = scatter_sum(made[step.source], ends[step.end], num_nodes)
                    value = value / degree(ends[step.end], num_nodes).clamp(min=1)
                case Add():
                    value = made[step.parts[0]] + made[step.parts[1]]
            made[step.name] = value
        return made


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


def scatter_sum(value: Tensor, index: Tensor, num_nodes: int) -> Tensor:
    """(E, width) edge values summed into (num_nodes, width) by `index` (E,)."""
    out = value.new_zeros(num_nodes, value.shape[1])
    return out.scatter_add(0, index.unsqueeze(1).expand(-1, value.shape[1]), value)


def degree(index: Tensor, num_nodes: int) -> Tensor:
    """(num_nodes, 1) float count of edges at each node."""
    return scatter_sum(torch.ones(index.shape[0], 1, device=index.device), index, num_nodes)
