"""The float set transformer as a mask model: what decides in the clustering loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import COORDINATE_SCALE, HitGraph
from edgetrack.models.hypertrack.padded_tokens import batches_of_similar_size, padded_tokens, token_indices
from edgetrack.models.inference import torch_threads
from edgetrack.models.micrographs import MaskModel, Micrographs


def hit_tokens(graph: HitGraph, latent: NDArray[Any]) -> NDArray[np.float32]:
    """(N, L + 3) float32: the latent (N, L) of each hit beside its x, y, z in m.

    Raises ValueError for a latent of another number of hits.
    """
    if latent.ndim != 2 or len(latent) != graph.num_nodes:
        raise ValueError(f"{graph.name}: latent has shape {latent.shape}, wanted ({graph.num_nodes}, L), a row a hit")
    r, phi, z = (graph.x.astype(np.float64) * COORDINATE_SCALE / [1000.0, 1.0, 1000.0]).T
    return np.column_stack([latent, r * np.cos(phi), r * np.sin(phi), z]).astype(np.float32)


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
