"""Edge logits of a network on hit graphs, and the threshold that balances both kinds of error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgetrack.graphs.hitgraph import HitGraph


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

    `network(x, edge_index, edge_attr)` gives (E,) logits. O(N + E) a graph.
    """
    was_training = network.training
    network.eval()
    try:
        with torch_threads(threads), torch.inference_mode():
            return [
                network(
                    torch.from_numpy(graph.x).to(device),
                    torch.from_numpy(graph.edge_index).to(device),
                    torch.from_numpy(graph.edge_attr).to(device),
                )
                .float()
                .cpu()
                .numpy()
                for graph in graphs
            ]
    finally:
        network.train(was_training)


def balanced_threshold(logits: NDArray[np.floating], y: NDArray[np.bool_]) -> float:
    """The logit δ* for which `logit > δ*` gives TPR = TNR as nearly as can be.

    TPR = true edges above / true edges; TNR = false edges not above / false edges. The threshold lies in the middle
    between two neighbouring logits, so a last-bit difference of a logit changes no decision. O(E log E).

    Raises ValueError where only true or only false edges are there.
    """
    y = np.asarray(y, bool)
    logits = np.asarray(logits, np.float64)
    if y.all() or not y.any():
        raise ValueError(f"{len(y)} edges, {int(y.sum())} of them true: δ* needs true and false ones; give more graphs")
    values, inverse = np.unique(logits, return_inverse=True)
    true_at_most = np.cumsum(np.bincount(inverse, weights=y))  # true edges with logit ≤ values[i]
    false_at_most = np.cumsum(np.bincount(inverse, weights=~y))
    imbalance = np.abs(1.0 - true_at_most / true_at_most[-1] - false_at_most / false_at_most[-1])
    best = int(np.argmin(imbalance))
    following = values[best + 1] if best + 1 < len(values) else values[best] + 1.0
    return float((values[best] + following) / 2.0)


def edge_accuracy(logits: NDArray[np.floating], y: NDArray[np.bool_], threshold: float) -> float:
    """Edges whose `logit > threshold` equals their label / all edges."""
    return float(np.mean((logits > threshold) == y))
