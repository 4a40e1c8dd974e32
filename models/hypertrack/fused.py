"""HyperTrack's graph network for inference on a processor: the published equations, nothing stored for all messages.

Batch norm is folded. A linear layer commutes with gathers, sums and differences, so it runs where the rows are fewest:
what reads one hit on the hits, what is symmetric on the pairs. Pairs go through in tiles that stay in the processor's
cache, from the gather to the sum at the hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _TilePairs:
    """The pairs in order of their sources, with their features."""

    order: NDArray[np.int64]  # (E,) where each stands among the rows given
    source: NDArray[np.int64]  # (E,) never falling
    target: NDArray[np.int64]
    symmetric: NDArray[np.float32]  # (E, S)
    antisymmetric: NDArray[np.float32]  # (E, A)

    def tiles(self) -> Iterator[slice]:
        for first in range(0, len(self.source), TILE):
            yield slice(first, min(first + TILE, len(self.source)))


class FusedHyperTrack:
    """`HyperTrackNetwork` in evaluation mode, equal up to float32 rounding; on the CPU, without gradients.

    Args: config, of SuperEdgeConv layers that reduce by mean, sum or max; state, the folded weights under the names of
    steps (`edgetrack.models.hypertrack.steps.folded`). Raises ValueError for other layers.

    Time O(E) with about a third of the multiplications of the equations as they stand; memory O(N + tile) beside what
    is given and returned. Deterministic; matrix products use PyTorch's threads.
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
        source, target = rows.ends["source"].numpy(), rows.ends["target"].numpy()
        order = np.argsort(source.astype(np.int32), kind="stable")
        count = rows.counts["edge"]
        symmetric = _joined(rows, self.config.symmetric_inputs, count).numpy()
        antisymmetric = _joined(rows, self.config.antisymmetric_inputs, count).numpy()
        return _TilePairs(order, source[order], target[order], symmetric[order], antisymmetric[order])

    @torch.inference_mode()
    def _encoded(self, rows: Rows[Tensor], pairs: _TilePairs) -> Tensor:
        count = rows.counts["node"]
        degree = np.bincount(pairs.source, minlength=count) + np.bincount(pairs.target, minlength=count)
        shares = torch.from_numpy((1 / np.maximum(degree, 1)).astype(np.float32))[:, None]
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
        product = torch.empty(TILE, first.shape[0])
        hidden, hidden_2 = torch.empty(TILE, first.shape[1]), torch.empty(TILE, second.shape[1])
        logits = torch.empty(len(pairs.source), 1)
        for tile in pairs.tiles():
            size = tile.stop - tile.start
            kernels.products(z.numpy(), pairs.source[tile], pairs.target[tile], product.numpy()[:size])
            _activated(torch.mm(product[:size], first, out=hidden[:size]), first_bias)
            _activated(torch.mm(hidden[:size], second, out=hidden_2[:size]), second_bias)
            torch.mm(hidden_2[:size], last, out=logits[tile])
        result = torch.empty(len(pairs.source))
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
    ends = torch.addmm(layer.ends_bias, h, layer.ends).numpy()
    result = torch.zeros(len(h), width)
    into: Callable[..., None] = kernels.add_messages
    if layer.reduce == "max":
        result.fill_(-torch.inf)
        into = kernels.raise_to_messages
    pair_in, both = torch.empty(TILE, layer.pair.shape[0]), torch.empty(TILE, width)
    first, second = torch.empty(2 * TILE, width), torch.empty(2 * TILE, width)
    for tile in pairs.tiles():
        size = tile.stop - tile.start
        hits = pairs.source[tile], pairs.target[tile]
        kernels.pair_products(h.numpy(), *hits, pairs.symmetric[tile], pair_in.numpy()[:size])
        torch.mm(pair_in[:size], layer.pair, out=both[:size])
        kernels.first_messages(
            both.numpy()[:size],
            ends,
            *hits,
            pairs.antisymmetric[tile],
            layer.antisymmetric,
            first.numpy()[: 2 * size],
        )
        torch.mm(first[: 2 * size], layer.second, out=second[: 2 * size])
        into(second.numpy()[: 2 * size], layer.second_bias, *hits, result.numpy())
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
