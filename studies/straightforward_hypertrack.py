"""HyperTrack as it is written down: the forms that the speed of the product's is measured against."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise

import networkx
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.edge_convolution import SuperEdgeConv
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig
from edgetrack.tracks.hypertrack.random_numbers import below, mixed

Mask = Callable[[list[int], list[int]], NDArray[np.floating]]  # hits of a micrograph, its pivots → logits


class MessagePassingNetwork(nn.Module):
    """Layers on directed edges, fusion of all of them, symmetric logit."""

    def __init__(self, layers: nn.ModuleList, network: HyperTrackNetwork) -> None:
        super().__init__()
        self.layers, self.fusion, self.edge = layers, network.fusion, network.edge

    def encode(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """z (N, latent) of x (N, features), edge_index (2, A), edge_attr (A, features)."""
        outputs = []
        for layer in self.layers:
            x = layer(x, edge_index, edge_attr)
            outputs.append(x)
        z: Tensor = self.fusion(torch.cat(outputs, dim=1))
        return z

    def decode(self, z: Tensor, edge_index: Tensor) -> Tensor:
        """(A,) logits."""
        logits: Tensor = self.edge(z[edge_index[0]] * z[edge_index[1]])
        return logits.squeeze(1)


def pyg_network(network: HyperTrackNetwork) -> MessagePassingNetwork:
    """Equations 1–4 on PyTorch Geometric's MessagePassing, of the same layers and weights as `network`.

    Called with x (N, 3), edge_index (2, A) of directed edges, each pair in both directions, and edge_attr (A, features)
    of the message from source to target. `encode` gives z (N, latent), `decode` logits (A,). All inputs of a message
    are concatenated, for each directed edge.
    Raises ModuleNotFoundError without torch_geometric, ValueError for other layers than SuperEdgeConv that take means.
    """
    try:
        with warnings.catch_warnings():  # its import scripts a class, which PyTorch now deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch_geometric.nn import MessagePassing
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("torch_geometric is missing: pip install 'edgetrack[peers]'") from error
    config = network.config
    if config.convolution != "super_edge" or set(config.aggregations) != {"mean"}:
        raise ValueError(f"the straightforward form got {config}, wanted super_edge layers that take means")

    class Convolution(MessagePassing):  # type: ignore[misc]  # it has no types
        def __init__(self, layer: SuperEdgeConv) -> None:
            super().__init__(aggr="mean")
            self.mlp, self.update_mlp = nn.Sequential(layer.first, layer.second), layer.update
            self.residual = layer.residual

        def forward(self, h: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
            received = self.propagate(edge_index, h=h, edge_attr=edge_attr)
            updated: Tensor = self.update_mlp(torch.cat([h, received], dim=1))
            return h + updated if self.residual else updated

        def message(self, h_i: Tensor, h_j: Tensor, edge_attr: Tensor) -> Tensor:
            dot = (h_i * h_j).sum(dim=1, keepdim=True)
            norm = torch.linalg.vector_norm(h_i - h_j, dim=1, keepdim=True)
            message: Tensor = self.mlp(torch.cat([h_i, h_i * h_j, h_j - h_i, dot, norm, edge_attr], dim=1))
            return message

    layers = (Convolution(layer) for layer in network.layers if isinstance(layer, SuperEdgeConv))
    return MessagePassingNetwork(nn.ModuleList(layers), network).eval()


def networkx_candidates(
    graph: HitGraph, logits: NDArray[np.floating], mask: Mask, cut: float, config: ClusteringConfig
) -> list[list[int]]:
    """Hits of each candidate: components by networkx, then one subgraph behind the other, one micrograph at a time.

    The clustering loop of arXiv:2309.14113, table 1, with greedy walks and linked micrographs; starting hits are drawn
    as `edgetrack.tracks.hypertrack` draws them, so that the candidates are the same. Each pair of hits is an edge once.
    """
    pivots = config.pivots
    if pivots.random_paths or pivots.micrograph != "linked" or pivots.hits_per_path or config.mask.method != "fixed":
        raise ValueError(f"the straightforward loop got {config}, wanted greedy walks, one a round, and a fixed mask")
    linked = networkx.Graph()
    keep = np.flatnonzero(logits > cut)
    ends = graph.edge_index[:, keep].tolist()
    linked.add_weighted_edges_from(zip(*ends, logits[keep].astype(float).tolist(), strict=True))
    subgraphs = [sorted(hits) for hits in networkx.connected_components(linked) if len(hits) >= config.min_graph]
    candidates = []
    for number, hits in enumerate(sorted(subgraphs, key=lambda hits: (len(hits), hits[0]))):
        candidates += list(_of_subgraph(linked.subgraph(hits), hits, number, mask, config))
    return candidates


def _of_subgraph(
    linked: networkx.Graph, hits: list[int], number: int, mask: Mask, config: ClusteringConfig
) -> Iterator[list[int]]:
    """Candidates of one subgraph: a path of pivots, its micrograph, its mask, until too few hits are active."""
    failures, active, iteration = dict.fromkeys(hits, 0), set(hits), 0
    needed = math.log(config.mask.score / (1 - config.mask.score))
    while len(active) >= config.pivots.pivots:
        pool = [hit for hit in hits if hit in active]
        walks = [_walk(linked, seed, active, config) for seed in _seeds(pool, number, iteration, config)]
        path = max(walks, key=lambda walk: _sum_of_logits(linked, walk))  # of equals the first
        failed = path
        if len(path) == config.pivots.pivots:
            micrograph = sorted({*path, *(hit for pivot in path for hit in linked[pivot] if hit in active)})
            chosen = [hit for hit, value in zip(micrograph, mask(micrograph, path), strict=True) if value > needed]
            if len(chosen) >= config.min_cluster_size:
                yield chosen
                active -= set(chosen)
                failed = []
        for hit in failed:
            failures[hit] += 1
            if failures[hit] >= config.max_failures:
                active.discard(hit)
        iteration += 1


def _seeds(pool: list[int], number: int, iteration: int, config: ClusteringConfig) -> list[int]:
    """Starting hits: different ones of `pool`, by Floyd's algorithm."""
    key = np.uint64(config.pivots.seed)
    for part in (0, number, iteration):
        key = np.uint64(mixed(key ^ np.uint64(part)))
    key, seeds = np.uint64(mixed(key)), list[int]()
    for draw in range(min(config.pivots.seeds, len(pool))):
        last = len(pool) - min(config.pivots.seeds, len(pool)) + draw
        hit = pool[below(key, draw, last + 1)]
        seeds.append(pool[last] if hit in seeds else hit)
    return seeds


def _walk(linked: networkx.Graph, seed: int, active: set[int], config: ClusteringConfig) -> list[int]:
    """Greedily along the highest log-odds to hits that are not yet on the path."""
    threshold, path = config.pivots.diffuse_threshold, [seed]
    least = math.log(threshold / (1 - threshold)) if threshold > 0 else -math.inf
    while len(path) < config.pivots.pivots:
        steps = [
            (edge["weight"], -hit)
            for hit, edge in linked[path[-1]].items()
            if hit in active and hit not in path and edge["weight"] > least
        ]
        if not steps:
            break
        path.append(-max(steps)[1])
    return path


def _sum_of_logits(linked: networkx.Graph, path: list[int]) -> float:
    return sum((linked[a][b]["weight"] for a, b in pairwise(path)), 0.0)
