"""Small graphs of pairs of hits and random HyperTrack networks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.network import HyperTrackNetwork, dense_layers
from edgetrack.models.rows import Rows, as_tensors, hit_rows


def pair_graph(seed: int = 0, nodes: int = 14, edges: int = 40) -> HitGraph:
    """Random hits; the last one has no edge. Each pair at most once."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 1, nodes), rng.uniform(-1, 1, nodes), rng.uniform(-1, 1, nodes)])
    pairs = np.stack(np.triu_indices(nodes - 1, 1))
    edge_index = pairs[:, rng.permutation(pairs.shape[1])[:edges]]
    return HitGraph(x.astype(np.float32), edge_index)


def tensors(graph: HitGraph, config: HyperTrackConfig) -> Rows[Tensor]:
    return as_tensors(hit_rows(graph, config.inputs))


def random_network(config: HyperTrackConfig, seed: int = 0) -> HyperTrackNetwork:
    """In evaluation mode, with batch norms that do something."""
    torch.manual_seed(seed)
    network = HyperTrackNetwork(config)
    for layer in dense_layers(network):
        for value in (layer.norm.weight, layer.norm.bias, layer.norm.running_mean, layer.norm.running_var):
            assert value is not None
            value.data.uniform_(0.5, 1.5)
    return network.eval()
