"""HyperTrack's graph network for training: encoder, fusion of all layers, symmetric edge logit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgetrack.models.hypertrack.config import Aggregation, HyperTrackConfig, width_of
from edgetrack.models.hypertrack.dense import Dense, dense
from edgetrack.models.hypertrack.edge_convolution import Pairs, SuperEdgeConv
from edgetrack.models.hypertrack.equivariant import EquivariantEdgeConv
from edgetrack.models.rows import Rows


class HyperTrackNetwork(nn.Module):
    """arXiv:2309.14113, equations 1–4; 160,244 parameters in the published sizes.

    `edgetrack.models.hypertrack.steps.folded` gives the same function in steps. Reads rows of hit graphs whose edges
    are unordered pairs of hits, each once, with the features `config.inputs`.
    """

    def __init__(self, config: HyperTrackConfig) -> None:
        super().__init__()
        self.config = config
        features = width_of(config.symmetric_inputs), width_of(config.antisymmetric_inputs)
        width, layers = width_of(config.node_inputs), []
        for index, reduce in enumerate(config.aggregations):
            layers.append(_layer(config, index, width, features, reduce))
            width = config.hidden
        self.layers = nn.ModuleList(layers)
        self.fusion = dense(config.layers * config.hidden, (config.hidden, config.latent))
        half = config.latent // 2
        self.edge = nn.Sequential(*dense(config.latent, (half, half)), nn.Linear(half, 1))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Features of hit graphs that it reads, by name."""
        return self.config.inputs

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        """(E,) logits that both hits of an edge are of one particle; the edge's direction plays no part."""
        return self.decode(self.encode(rows), rows)

    def encode(self, rows: Rows[Tensor]) -> Tensor:
        """z (N, latent), equation 3."""
        pairs = Pairs.of(
            rows.ends["source"],
            rows.ends["target"],
            rows.counts["node"],
            _joined(rows, self.config.symmetric_inputs, rows.counts["edge"]),
            _joined(rows, self.config.antisymmetric_inputs, rows.counts["edge"]),
        )
        h = _joined(rows, self.config.node_inputs, rows.counts["node"])
        outputs = []
        x = _joined(rows, self.config.position_inputs, rows.counts["node"])
        for layer in self.layers:
            if isinstance(layer, EquivariantEdgeConv):
                h, x = layer(h, x, pairs)
            else:
                h = layer(h, pairs)
            outputs.append(h)
        z: Tensor = self.fusion(torch.cat(outputs, 1))
        return z

    def decode(self, z: Tensor, rows: Rows[Tensor]) -> Tensor:
        """(E,) logits of z (N, latent), equation 4: an MLP of z_i ⊙ z_j."""
        product = z.index_select(0, rows.ends["source"]) * z.index_select(0, rows.ends["target"])
        logits: Tensor = self.edge(product).squeeze(1)
        return logits


def _layer(
    config: HyperTrackConfig, index: int, width: int, features: tuple[int, int], reduce: Aggregation
) -> SuperEdgeConv | EquivariantEdgeConv:
    sizes = (width, features, config.message, config.hidden, reduce, index > 0)
    if config.convolution == "equivariant":
        return EquivariantEdgeConv(*sizes, moves=index < config.layers - 1)
    return SuperEdgeConv(*sizes)


def dense_layers(network: HyperTrackNetwork) -> list[Dense]:
    """All layers with batch norm."""
    return [module for module in network.modules() if isinstance(module, Dense)]


def _joined(rows: Rows[Tensor], names: tuple[str, ...], count: int) -> Tensor:
    """(count, columns) the named features side by side; no column without names."""
    if not names:
        return next(iter(rows.features.values())).new_zeros(count, 0)
    return torch.cat([rows.features[name] for name in names], 1)
