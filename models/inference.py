"""Edge logits of a network on hit graphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.rows import Rows, as_tensors, hit_rows, rows_of


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Run the block with that many PyTorch threads: results then do not depend on OMP_NUM_THREADS."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def edge_logits(
    network: nn.Module, graphs: Sequence[HitGraph], device: torch.device | str = "cpu", threads: int = 1
) -> list[NDArray[np.float32]]:
    """Logits (E,) float32 of each graph, with `network` on `device`, in evaluation mode meanwhile.

    `network(rows)` gives (E,) logits. O(N + E) a graph.
    """
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
