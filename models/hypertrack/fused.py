"""HyperTrack's graph network for inference on a processor: the published equations, nothing stored for all messages.

Batch norm is folded. A linear layer commutes with gathers, sums and differences, so it runs where the rows are fewest:
what reads one hit on the hits, what is symmetric on the pairs. Pairs go through in tiles that stay in the processor's
cache, from the gather to the sum at the hits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.models.hypertrack import fused_kernels as kernels
from edgetrack.models.hypertrack.config import Aggregation, HyperTrackConfig, width_of
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.hypertrack.steps import config_of, folded
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows

TILE = 1024  # pairs

FUSED_AGGREGATIONS = ("mean", "sum", "max")


@dataclass(frozen=True)
class FusedLayer:
    """Weights of one SuperEdgeConv, each (inputs, outputs), split by what they read."""

    pair: Tensor  # (W + 1 + S, M) h_i ⊙ h_j with ⟨h_i, h_j⟩, ‖h_i − h_j‖, symmetric features
    ends: Tensor  # (W, 2M) a hit as receiver, as sender
    ends_bias: Tensor  # (2M,)
    antisymmetric: NDArray[np.float32]  # (A, M)
    second: Tensor  # (M, M)
    second_bias: NDArray[np.float32]  # (M,)
    update_own: Tensor  # (W, H)
    update_received: Tensor  # (M, H)
    update: Tensor  # (H, H)
    update_biases: tuple[NDArray[np.float32], NDArray[np.float32]]  # (H,), (H,)
    reduce: Aggregation
    residual: bool


class _Tile(NamedTuple):
    """Some pairs, in order of their sources."""

    source: NDArray[np.int64]  # (P,) never falling
    target: NDArray[np.int64]  # (P,)
    symmetric: NDArray[np.float32]  # (P, S)
    antisymmetric: NDArray[np.float32]  # (P, A)


@dataclass(frozen=True)
class _TilePairs:
    """All pairs, in tiles."""

    order: NDArray[np.int64]  # (E,) where each stands among the rows given
    degree: NDArray[np.int64]  # (N,)
    tiles: list[_Tile]  # all of one size, but for the last


class _Buffer:
    """Rows for one tile, as PyTorch and as NumPy have them: `[P]` gives the first P."""

    def __init__(self, rows: int, width: int) -> None:
        self.whole = torch.empty(rows, width)
        self.views = {rows: (self.whole, self.whole.numpy())}

    def __getitem__(self, rows: int) -> tuple[Tensor, NDArray[np.float32]]:
        if rows not in self.views:
            self.views[rows] = self.whole[:rows], self.whole.numpy()[:rows]
        return self.views[rows]


class FusedHyperTrack:
    """`HyperTrackNetwork` in evaluation mode, equal up to float32 rounding; on the CPU, without gradients.

    Args: config, of SuperEdgeConv layers that reduce by mean, sum or max; state, the folded weights under the names of
    steps (`edgetrack.models.hypertrack.steps.folded`). Raises ValueError for other layers.

    Time O(E) with about a third of the multiplications of the equations as they stand; memory O(N + tile) beside what
    is given and returned, or sorted. Deterministic; matrix products use PyTorch's threads.
    """

    def __init__(self, config: HyperTrackConfig, state: Mapping[str, Tensor]) -> None:
        if not can_be_fused(config):
            raise ValueError(
                f"fused inference got {config.convolution} layers that reduce by {', '.join(config.aggregations)}, "
                f"wanted super_edge and {', '.join(FUSED_AGGREGATIONS)}: run the module itself"
            )
        self.config = config
        self.layers = [_layer(config, index, state) for index in range(1, config.layers + 1)]
        fusion, self._fusion_1_bias = _linear(state, "fusion_1")
        self._fusion_1 = [part.contiguous() for part in torch.split(fusion, config.hidden)]
        self._fusion_2, self._latent_bias = _linear(state, "fusion_2")
        self._decoder = [_linear(state, name) for name in ("edge_1", "edge_2", "logit")]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Features of hit graphs that it reads, by name."""
        return self.config.inputs

    def __call__(self, rows: Rows[Tensor]) -> Tensor:
        """(E,) logits."""
        return self.latent_and_logits(rows)[1]

    def encode(self, rows: Rows[Tensor]) -> Tensor:
        """z (N, latent)."""
        return self._encoded(rows, self._pairs(rows))

    def latent_and_logits(self, rows: Rows[Tensor]) -> tuple[Tensor, Tensor]:
        """z (N, latent) and the logits (E,) of both hits of an edge being of one particle."""
        pairs = self._pairs(rows)
        z = self._encoded(rows, pairs)
        return z, self._decoded(z, pairs)

    def _pairs(self, rows: Rows[Tensor]) -> _TilePairs:
        ends, count = [rows.ends[end].numpy() for end in ("source", "target")], rows.counts["edge"]
        order = np.argsort(ends[0].astype(np.int32), kind="stable")
        symmetric, antisymmetric = (
            _joined(rows, names, count).numpy()[order]
            for names in (self.config.symmetric_inputs, self.config.antisymmetric_inputs)
        )
        source, target = (end[order] for end in ends)
        parts = [slice(first, first + TILE) for first in range(0, count, TILE)]
        tiles = [_Tile(source[one], target[one], symmetric[one], antisymmetric[one]) for one in parts]
        nodes = rows.counts["node"]
        degree = np.bincount(source, minlength=nodes) + np.bincount(target, minlength=nodes)
        return _TilePairs(order, degree, tiles)

    @torch.inference_mode()
    def _encoded(self, rows: Rows[Tensor], pairs: _TilePairs) -> Tensor:
        count = rows.counts["node"]
        shares = torch.from_numpy((1 / np.maximum(pairs.degree, 1)).astype(np.float32))[:, None]
        h = _joined(rows, self.config.node_inputs, count).contiguous()
        fused = torch.zeros(count, self.config.hidden)
        for layer, fusion in zip(self.layers, self._fusion_1, strict=True):
            received = _received(layer, h, pairs)
            if layer.reduce == "mean":
                received.mul_(shares)
            updated = torch.mm(h, layer.update_own).addmm_(received, layer.update_received)
            updated = torch.mm(_activated(updated, layer.update_biases[0]), layer.update)
            _activated(updated, layer.update_biases[1])
            h = updated.add_(h) if layer.residual else updated
            fused.addmm_(h, fusion)
        return _activated(torch.mm(_activated(fused, self._fusion_1_bias), self._fusion_2), self._latent_bias)

    @torch.inference_mode()
    def _decoded(self, z: Tensor, pairs: _TilePairs) -> Tensor:
        (first, first_bias), (second, second_bias), (last, last_bias) = self._decoder
        product, hidden, hidden_2 = (_Buffer(TILE, layer.shape[0]) for layer in (first, second, last))
        logits, done, latent = torch.empty(len(pairs.order), 1), 0, z.numpy()
        for tile in pairs.tiles:
            size = len(tile.source)
            kernels.products(latent, tile.source, tile.target, product[size][1])
            _activated(torch.mm(product[size][0], first, out=hidden[size][0]), first_bias)
            _activated(torch.mm(hidden[size][0], second, out=hidden_2[size][0]), second_bias)
            torch.mm(hidden_2[size][0], last, out=logits[done : done + size])
            done += size
        result = torch.empty(len(pairs.order))
        result[torch.from_numpy(pairs.order)] = logits[:, 0] + float(last_bias[0])
        return result


def fused(network: nn.Module) -> FusedHyperTrack | None:
    """The network for inference where it is HyperTrack's, as a module or in steps, and of layers that can be fused."""
    if isinstance(network, HyperTrackNetwork):
        return FusedHyperTrack(network.config, folded(network)[1]) if can_be_fused(network.config) else None
    config = config_of(network.description) if isinstance(network, GraphNetwork) else None
    return FusedHyperTrack(config, network.state_dict()) if config is not None and can_be_fused(config) else None


def can_be_fused(config: HyperTrackConfig) -> bool:
    """Whether `FusedHyperTrack` computes such a network."""
    return config.convolution == "super_edge" and set(config.aggregations) <= set(FUSED_AGGREGATIONS)


def _received(layer: FusedLayer, h: Tensor, pairs: _TilePairs) -> Tensor:
    """(N, M) sums, or maxima, of the messages to each hit; zero where there are none."""
    width = layer.second.shape[0]
    hits, ends = h.numpy(), torch.addmm(layer.ends_bias, h, layer.ends).numpy()
    result = torch.zeros(len(h), width)
    received = result.numpy()
    into: Callable[..., None] = kernels.add_messages
    if layer.reduce == "max":
        result.fill_(-torch.inf)
        into = kernels.raise_to_messages
    pair_in, both = _Buffer(TILE, layer.pair.shape[0]), _Buffer(TILE, width)
    first, second = _Buffer(2 * TILE, width), _Buffer(2 * TILE, width)
    for tile in pairs.tiles:
        source, target, symmetric, antisymmetric = tile
        size, messages = len(source), 2 * len(source)
        kernels.pair_products(hits, source, target, symmetric, pair_in[size][1])
        torch.mm(pair_in[size][0], layer.pair, out=both[size][0])
        kernels.first_messages(
            both[size][1], ends, source, target, antisymmetric, layer.antisymmetric, first[messages][1]
        )
        torch.mm(first[messages][0], layer.second, out=second[messages][0])
        into(second[messages][1], layer.second_bias, source, target, received)
    return result.masked_fill_(result == -torch.inf, 0.0) if layer.reduce == "max" else result


def _layer(config: HyperTrackConfig, index: int, state: Mapping[str, Tensor]) -> FusedLayer:
    width = width_of(config.node_inputs) if index == 1 else config.hidden
    parts = [width, width, width, 1, 1, width_of(config.antisymmetric_inputs), width_of(config.symmetric_inputs)]
    weight, bias = _linear(state, f"layer_{index}_message_1")
    own, product, change, dot, norm, antisymmetric, symmetric = torch.split(weight, parts)
    second, second_bias = _linear(state, f"layer_{index}_message_2")
    update, update_bias = _linear(state, f"layer_{index}_update_1")
    last, last_bias = _linear(state, f"layer_{index}_update_2")
    as_sender = torch.zeros(config.message)
    return FusedLayer(
        pair=torch.cat([product + dot, norm, symmetric]),  # ⟨h_i, h_j⟩ is the sum of the products
        ends=torch.cat([own - change, change], 1),
        ends_bias=torch.cat([torch.from_numpy(bias), as_sender]),
        antisymmetric=antisymmetric.contiguous().numpy(),
        second=second,
        second_bias=second_bias,
        update_own=update[:width].contiguous(),
        update_received=update[width:].contiguous(),
        update=last,
        update_biases=(update_bias, last_bias),
        reduce=config.aggregations[index - 1],
        residual=index > 1,
    )


def _linear(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, NDArray[np.float32]]:
    """Weight (inputs, outputs) and bias (outputs,) of a step."""
    weight, bias = (state[f"mlps.{name}.0.{part}"].detach().float().cpu() for part in ("weight", "bias"))
    return weight.T.contiguous(), bias.contiguous().numpy()


def _activated(rows: Tensor, bias: NDArray[np.float32]) -> Tensor:
    """SiLU(rows + bias), in place."""
    kernels.activate(rows.numpy(), bias)
    return rows


def _joined(rows: Rows[Tensor], names: tuple[str, ...], count: int) -> Tensor:
    """(count, columns) the named features side by side; no column without names."""
    return torch.cat([torch.zeros(count, 0), *(rows.features[name] for name in names)], 1)
