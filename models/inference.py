"""Edge logits of a network on hit graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.fused import fused
from edgetrack.models.rows import Rows, as_tensors, hit_rows, rows_of
from edgetrack.models.threads import torch_threads


def edge_logits(
    network: nn.Module, graphs: Sequence[HitGraph], device: torch.device | str = "cpu", threads: int = 1
) -> list[NDArray[np.float32]]:
    """Logits (E,) float32 of each graph, with `network` on `device`, in evaluation mode meanwhile.

    `network(rows)` gives (E,) logits. HyperTrack's runs fused on the CPU, equal up to rounding. O(N + E) a graph.
    """
    fast = fused(network) if torch.device(device).type == "cpu" else None
    if fast is not None:
        with torch_threads(threads):
            return [fast(as_tensors(hit_rows(graph, fast.inputs))).numpy() for graph in graphs]
    was_training = network.training
    network.eval()
    try:
        with torch_threads(threads), torch.inference_mode():
            rows = (as_tensors(_rows(network, graph)).to(device) for graph in graphs)
            return [network(one).float().cpu().numpy() for one in rows]
    finally:
        network.train(was_training)


def _rows(network: nn.Module, graph: HitGraph) -> Rows[NDArray[Any]]:
    """What a network reads; one without a description is given the features that every hit graph has."""
    description = getattr(network, "description", None)
    return hit_rows(graph) if description is None else rows_of(graph, description)
