"""Random micrographs of a graph and set transformers of random weights, to test what decides on them."""

from __future__ import annotations

import numpy as np
import torch

from edgetrack.models.hypertrack.set_transformer import SetTransformer
from edgetrack.models.micrographs import Micrographs


def random_micrographs(hits: int, count: int, seed: int = 0, largest: int = 9, pivots: int = 3) -> Micrographs:
    """`count` sets of 1 … `largest` of `hits` hits, overlapping; pivots repeat, in small sets of need."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, count)
    sets = [rng.permutation(hits)[:size] for size in sizes]
    return Micrographs(
        np.concatenate([np.zeros(0, np.int64), *sets]),
        np.cumsum([0, *sizes]),
        np.array([rng.choice(nodes, pivots) for nodes in sets], np.int64).reshape(count, pivots),
    )


def lively_transformer(seed: int = 0, width: int = 16, heads: int = 4, blocks: int = 2) -> SetTransformer:
    """With random affine parts of the layer norms, so that each parameter matters."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        made = SetTransformer(width, heads, blocks)
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made.eval()
