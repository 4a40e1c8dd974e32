"""Micrographs as dense batches: tokens side by side, padded to the largest one, with masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.models.micrographs import Micrographs

BATCH_TOKENS = 1 << 14  # of one dense batch, padding counted


class PaddedTokens(NamedTuple):
    """What `SetTransformer.forward` takes: `module(*padded)`; its result at `token_mask` is in the tokens' order."""

    tokens: Tensor  # (B, longest, W)
    token_mask: Tensor  # (B, longest) bool, True for a token, False for padding
    pivots: Tensor  # (B, P, W)
    pivot_mask: Tensor  # (B, P) bool, False where a pivot stands a second time


def padded_tokens(tokens: Tensor, micrographs: Micrographs, which: NDArray[np.int64] | None = None) -> PaddedTokens:
    """Tokens (T, W), one for each of `micrographs.nodes`, as a dense batch; padding is zero.

    `which` names the micrographs of the batch; None: all. Gradients flow to the tokens. O(B × longest × W).
    Raises ValueError for another number of tokens.
    """
    check_tokens(tokens.shape, micrographs)
    which = np.arange(len(micrographs)) if which is None else which
    sizes = micrographs.sizes[which]
    longest = int(sizes.max(initial=0))
    mask = np.arange(longest) < sizes[:, None]
    place = torch.from_numpy(np.flatnonzero(mask)).to(tokens.device)
    rows = torch.from_numpy(token_indices(micrographs, which)).to(tokens.device)
    flat = tokens.new_zeros(mask.size, tokens.shape[1]).index_copy(0, place, tokens.index_select(0, rows))
    pivots = micrographs.pivot_tokens[which]
    pivot_rows = torch.from_numpy(pivots.ravel()).to(tokens.device)
    return PaddedTokens(
        flat.reshape(len(which), longest, tokens.shape[1]),
        torch.from_numpy(mask).to(tokens.device),
        tokens.index_select(0, pivot_rows).reshape(*pivots.shape, tokens.shape[1]),
        torch.from_numpy(first_of_each(pivots)).to(tokens.device),
    )


def token_indices(micrographs: Micrographs, which: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tokens, 0 … T − 1, of some micrographs, one micrograph behind the other."""
    return consecutive(micrographs.offsets[which], micrographs.sizes[which])


def consecutive(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """starts[0], starts[0] + 1, … (counts[0] numbers), then those from starts[1] on, …"""
    before = np.cumsum(counts) - counts
    numbers: NDArray[np.int64] = np.repeat(starts - before, counts) + np.arange(counts.sum())
    return numbers


def first_of_each(pivots: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(B, P) whether a pivot stands in its row for the first time: pivots are a set, none counts twice. O(B P²)."""
    same = pivots[:, :, None] == pivots[:, None, :]
    first: NDArray[np.bool_] = ~np.tril(same, -1).any(axis=2)
    return first


def batches_of_similar_size(
    sizes: NDArray[np.int64], spread: float = 1.25, limit: int = BATCH_TOKENS
) -> Iterator[NDArray[np.int64]]:
    """Each micrograph once, in batches whose sizes differ at most by the factor `spread` (or by 2), smallest first.

    A batch has at most `limit` tokens with its padding, or is one micrograph. O(B log B).
    """
    order = np.argsort(sizes, kind="stable")
    ordered = sizes[order]
    first = 0
    while first < len(order):
        longest = max(int(ordered[first] * spread), int(ordered[first]) + 2)
        fits = int(np.searchsorted(ordered, longest, side="right"))
        room = max(limit // int(ordered[min(fits, len(order)) - 1]), 1)
        last = min(fits, first + room)
        yield order[first:last]
        first = last


def check_tokens(shape: tuple[int, ...], micrographs: Micrographs) -> None:
    """Raise ValueError where there is not one token for each of the micrographs' hits."""
    if len(shape) != 2 or shape[0] != len(micrographs.nodes):
        raise ValueError(
            f"tokens have shape {tuple(shape)}, wanted ({len(micrographs.nodes)}, width): one for each of the "
            "micrographs' hits; take those of all hits at `micrographs.nodes`"
        )
