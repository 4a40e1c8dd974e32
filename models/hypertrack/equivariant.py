"""The E(3)-equivariant alternative to SuperEdgeConv: hits move, and what they are told knows distances only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from edgetrack.models.hypertrack.config import Aggregation
from edgetrack.models.hypertrack.dense import Dense, dense
from edgetrack.models.hypertrack.edge_convolution import Pairs, aggregated
from edgetrack.models.network import scatter_sum


class EquivariantEdgeConv(nn.Module):
    """One layer of Satorras et al., "E(n) equivariant graph neural networks" (2021), equations 3–6.

    m_ij = MLP[h_i, h_j, ‖x_i − x_j‖², a_ij, s_ij], with features a_ij = −a_ji and s_ij = s_ji of the pair;
    x_i' = x_i + ⟨(x_i − x_j) MLP(m_ij)⟩ over the neighbours j; h_i' = MLP[h_i, ⊕_j m_ij], plus h_i where `residual`.

    A rotation, reflection or translation of all x gives the same h' and the x' that are moved along, if the features
    are invariant. Without `moves` x stays, for a last layer. As in `SuperEdgeConv`, distances and features are worked
    out once a pair, and what reads h alone once a hit. O(N + E) time and memory.
    """

    def __init__(
        self,
        width: int,
        features: tuple[int, int],
        message: int,
        hidden: int,
        reduce: Aggregation,
        residual: bool,
        moves: bool = True,
    ) -> None:
        super().__init__()
        symmetric, antisymmetric = features
        self.parts = [width, width, 1, antisymmetric, symmetric]
        self.reduce = reduce
        self.residual = residual
        self.first = Dense(sum(self.parts), message)
        self.second = Dense(message, message)
        self.update = dense(width + message, (hidden, hidden))
        self.pull = nn.Sequential(Dense(message, message), gentle(message)) if moves else None

    def forward(self, h: Tensor, x: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """h (N, width) invariant, x (N, 3) coordinates → h' (N, hidden), x' (N, 3)."""
        apart = x.index_select(0, pairs.target) - x.index_select(0, pairs.source)
        message = self.second(self.first.activated(self.before_first(h, apart, pairs)))
        updated: Tensor = self.update(torch.cat([h, aggregated(message, pairs, self.reduce)], 1))
        if self.pull is not None:
            shift = torch.cat([apart, -apart]) * self.pull(message)  # x of the receiver minus x of the sender
            x = x + scatter_sum(shift, pairs.receiver, len(x)) / pairs.degree
        return h + updated if self.residual else updated, x

    def before_first(self, h: Tensor, apart: Tensor, pairs: Pairs) -> Tensor:
        """(2E, message) the first linear layer of the message MLP on its concatenated inputs."""
        own, other, squared, antisymmetric, symmetric = torch.split(self.first.linear.weight, self.parts, 1)
        distance = apart.square().sum(dim=1, keepdim=True)
        both = linear(torch.cat([distance, pairs.symmetric], 1), torch.cat([squared, symmetric], 1))
        signed = linear(pairs.antisymmetric, antisymmetric)
        sender = torch.cat([pairs.source, pairs.target])
        return (
            torch.cat([both + signed, both - signed])
            + linear(h, own, self.first.linear.bias).index_select(0, pairs.receiver)
            + linear(h, other).index_select(0, sender)
        )


def gentle(width: int) -> nn.Linear:
    """One output that starts near zero, so that hits hardly move before training wants them to."""
    layer = nn.Linear(width, 1)
    nn.init.xavier_uniform_(layer.weight, gain=1e-3)
    nn.init.zeros_(layer.bias)
    return layer
