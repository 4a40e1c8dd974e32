"""The module that is trained for a named network, and the network in steps that a training leaves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import Checkpoint, float_network
from edgetrack.models.description import NetworkDescription
from edgetrack.models.named_networks import NETWORKS, NetworkConfig, describe
from edgetrack.models.network import seeded_network
from edgetrack.models.rows import as_tensors, rows_of

GRAPHS_FOR_STATISTICS = 8


def first_network(config: NetworkConfig, seed: int) -> nn.Module:
    """The module to be trained, with random first weights that follow from `seed` alone."""
    form = NETWORKS[config.kind].training
    if form is None:
        return seeded_network(describe(config), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return form.make(config)


def continued_network(config: NetworkConfig, start: Checkpoint, graphs: Sequence[HitGraph]) -> nn.Module:
    """The module to be trained, with the weights of a float checkpoint: it begins as the same function.

    Batch norms are made again from what some of `graphs` send through the network.
    Raises ValueError for a checkpoint of another network than `config`'s.
    """
    description = describe(config)
    if start.description != description:
        raise ValueError(
            "the checkpoint to start from holds a network of another shape than this config's; start from one that "
            "has the same `network` section"
        )
    form = NETWORKS[config.kind].training
    if form is None:
        return float_network(start)
    rows = [as_tensors(rows_of(graph, description)) for graph in graphs[:GRAPHS_FOR_STATISTICS]]
    return form.unfold(config, start.state, rows)


def trained_network(config: NetworkConfig, network: nn.Module) -> tuple[NetworkDescription, dict[str, Tensor]]:
    """Description and state of `GraphNetwork` for what was trained: what a checkpoint holds."""
    form = NETWORKS[config.kind].training
    return (describe(config), network.state_dict()) if form is None else form.fold(network)
