"""Transformers as mask models, as the clustering loop asks them: the float module, and whatever runs rows of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hit_features import cartesian
from edgetrack.models.hypertrack.padded_tokens import batches_of_similar_size, padded_tokens, token_indices
from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.micrographs import MaskModel, Micrographs
from edgetrack.models.rows import Rows
from edgetrack.models.threads import torch_threads


def hit_tokens(graph: HitGraph, latent: NDArray[Any]) -> NDArray[np.float32]:
    """(N, L + 3) float32: the latent (N, L) of each hit beside its x, y, z in m.

    Raises ValueError for a latent of another number of hits.
    """
    if latent.ndim != 2 or len(latent) != graph.num_nodes:
        raise ValueError(f"{graph.name}: latent has shape {latent.shape}, wanted ({graph.num_nodes}, L), a row a hit")
    return np.column_stack([latent, cartesian(graph)]).astype(np.float32)


def mask_logits(module: nn.Module, tokens: Tensor, micrographs: Micrographs) -> Tensor:
    """(T,) logits of tokens (T, W), one for each of `micrographs.nodes`, by a `SetTransformer`.

    Micrographs of similar size share a dense batch, so that padding costs little. Gradients flow. Time O(Σ n² W).
    """
    parts, rows = [tokens.new_zeros(0)], [np.zeros(0, np.int64)]
    for which in batches_of_similar_size(micrographs.sizes):
        padded = padded_tokens(tokens, micrographs, which)
        parts.append(module(*padded)[padded.token_mask])
        rows.append(token_indices(micrographs, which))
    return torch.cat(parts)[torch.from_numpy(np.argsort(np.concatenate(rows))).to(tokens.device)]


def float_mask_model(module: nn.Module, device: torch.device | str = "cpu", threads: int = 1) -> MaskModel:
    """A `SetTransformer` that reads [latent, x, y, z in m] of each hit, in evaluation mode, as a mask model."""
    module = module.eval().to(device)

    def logits(graph: HitGraph, latent: NDArray[np.floating[Any]], micrographs: Micrographs) -> NDArray[np.float32]:
        tokens = torch.from_numpy(hit_tokens(graph, latent)[micrographs.nodes]).to(device)
        with torch_threads(threads), torch.inference_mode():
            result: NDArray[np.float32] = mask_logits(module, tokens, micrographs).float().cpu().numpy()
        return result

    return logits


def rows_mask_model(run: Callable[[Rows[NDArray[Any]]], NDArray[Any]]) -> MaskModel:
    """Whatever gives (T,) or (T, 1) logits of rows of tokens as a mask model: a network in steps, an integer model, a
    form. Its tokens are [latent, x, y, z in m].
    """

    def logits(graph: HitGraph, latent: NDArray[np.floating[Any]], micrographs: Micrographs) -> NDArray[np.floating]:
        tokens = hit_tokens(graph, latent)[micrographs.nodes]
        return run(token_rows(tokens, micrographs, graph.name)).reshape(len(tokens))

    return logits
