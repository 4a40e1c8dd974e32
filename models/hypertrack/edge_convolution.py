"""SuperEdgeConv: HyperTrack's message passing, with each pair of hits once wherever the equation is symmetric."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from edgetrack.models.hypertrack.config import Aggregation
from edgetrack.models.hypertrack.dense import Dense, dense
from edgetrack.models.network import scatter_max, scatter_sum


@dataclass(frozen=True)
class Pairs:
    """The unordered pairs of hits of a graph, and the messages along them: first source → target, then back."""

    source: Tensor  # (E,) int64
    target: Tensor  # (E,) int64
    receiver: Tensor  # (2E,) int64: target, then source
    degree: Tensor  # (N, 1) float, at least 1: messages that a hit receives
    symmetric: Tensor  # (E, S) features that both directions see alike
    antisymmetric: Tensor  # (E, A) features of the message to the target; the one to the source sees them negated

    @staticmethod
    def of(source: Tensor, target: Tensor, nodes: int, symmetric: Tensor, antisymmetric: Tensor) -> Pairs:
        receiver = torch.cat([target, source])
        degree = torch.bincount(receiver, minlength=nodes).clamp(min=1).to(antisymmetric.dtype)[:, None]
        return Pairs(source, target, receiver, degree, symmetric, antisymmetric)


class SuperEdgeConv(nn.Module):
    """One layer (arXiv:2309.14113, equations 1–3): h (N, width) → (N, hidden).

    m_ij = MLP[h_i, h_i ⊙ h_j, h_j − h_i, ⟨h_i, h_j⟩, ‖h_i − h_j‖, a_ij, s_ij], with features a_ij = −a_ji and
    s_ij = s_ji of the pair; h_i' = MLP[h_i, ⊕_j m_ij], plus h_i where `residual`.

    The first linear layer of the message MLP is split by its inputs: what reads h_i and h_j − h_i runs on the N hits,
    what is symmetric on the E pairs, and only sums of both on the 2E messages; nothing is concatenated. 2.7 times fewer
    multiplications than the equation as it stands. O(N + E) time and memory.
    """

    def __init__(
        self, width: int, features: tuple[int, int], message: int, hidden: int, reduce: Aggregation, residual: bool
    ) -> None:
        super().__init__()
        symmetric, antisymmetric = features
        self.parts = [width, width, width, 1, 1, antisymmetric, symmetric]
        self.reduce = reduce
        self.residual = residual
        self.first = Dense(sum(self.parts), message)
        self.second = Dense(message, message)
        self.update = dense(width + message, (hidden, hidden))

    def forward(self, h: Tensor, pairs: Pairs) -> Tensor:
        message = self.second(self.first.activated(self.before_first(h, pairs)))
        updated: Tensor = self.update(torch.cat([h, aggregated(message, pairs, self.reduce)], 1))
        return h + updated if self.residual else updated

    def before_first(self, h: Tensor, pairs: Pairs) -> Tensor:
        """(2E, message) the first linear layer of the message MLP on its concatenated inputs."""
        own, product, change, dot, norm, antisymmetric, symmetric = torch.split(self.first.linear.weight, self.parts, 1)
        to_receiver, to_sender = linear(h, own - change, self.first.linear.bias), linear(h, change)
        at_source, at_target = h.index_select(0, pairs.source), h.index_select(0, pairs.target)
        both = linear(at_source * at_target, product + dot)  # ⟨h_i, h_j⟩ is the sum of the products
        distance = torch.linalg.vector_norm(at_target - at_source, dim=1, keepdim=True)
        both = both + linear(torch.cat([distance, pairs.symmetric], 1), torch.cat([norm, symmetric], 1))
        signed = linear(pairs.antisymmetric, antisymmetric)
        sender = torch.cat([pairs.source, pairs.target])
        return (
            torch.cat([both + signed, both - signed])
            + to_receiver.index_select(0, pairs.receiver)
            + to_sender.index_select(0, sender)
        )


def aggregated(message: Tensor, pairs: Pairs, reduce: Aggregation) -> Tensor:
    """(N, message) messages (2E, message) reduced at their receivers; zero where there are none."""
    count = len(pairs.degree)
    match reduce:
        case "mean":
            return scatter_sum(message, pairs.receiver, count) / pairs.degree
        case "sum":
            return scatter_sum(message, pairs.receiver, count)
        case "max":
            return scatter_max(message, pairs.receiver, count)
        case "softmax":
            return _softmax_sum(message, pairs.receiver, count)


def _softmax_sum(message: Tensor, receiver: Tensor, count: int) -> Tensor:
    """Σ_j softmax_j(m_ij) m_ij, column by column."""
    largest = scatter_max(message.detach(), receiver, count).index_select(0, receiver)
    weight = torch.exp(message - largest)
    total = scatter_sum(weight, receiver, count).clamp(min=1.0)
    return scatter_sum(weight * message, receiver, count) / total
