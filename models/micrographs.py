"""Micrographs: the small sets of hits, one around each path of pivots, that a mask model decides on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph


@dataclass(frozen=True)
class Micrographs:
    """B sets of hits of one graph, one behind the other, T tokens in all, each with its P pivots.

    M. Mieskolainen, "HyperTrack: Neural Combinatorics for High Energy Physics", arXiv:2309.14113: a micrograph is what
    is linked to the pivots of one supposed track; the set transformer says which of its hits belong to it. Hits of one
    micrograph are distinct, in any order, and its pivots are among them; two micrographs may share hits.
    """

    nodes: NDArray[np.int64]  # (T,) rows of the graph's hits
    offsets: NDArray[np.int64]  # (B + 1,) micrograph b has tokens offsets[b] … offsets[b + 1] − 1
    pivots: NDArray[np.int64]  # (B, P) rows of the graph's hits

    def __post_init__(self) -> None:
        for field in ("nodes", "offsets", "pivots"):
            object.__setattr__(self, field, np.ascontiguousarray(getattr(self, field), np.int64))
        if self.nodes.ndim != 1 or self.offsets.ndim != 1 or self.pivots.ndim != 2 or not self.pivots.shape[1]:
            raise ValueError(
                f"nodes {self.nodes.shape}, offsets {self.offsets.shape}, pivots {self.pivots.shape}, "
                "wanted (T,), (B + 1,) and (B, P) with P ≥ 1"
            )
        if len(self.offsets) != len(self.pivots) + 1:
            raise ValueError(f"{len(self.offsets)} offsets for {len(self.pivots)} rows of pivots, wanted one more")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.nodes) or (self.sizes < 1).any():
            raise ValueError(
                f"offsets run from {self.offsets[0]} to {self.offsets[-1]}, "
                f"wanted rising ones from 0 to the {len(self.nodes)} tokens: each micrograph has a hit"
            )
        lowest = min(self.nodes.min(initial=0), self.pivots.min(initial=0))
        if lowest < 0:
            raise ValueError(f"row {lowest} of a hit, wanted 0 or more")
        keys = np.sort(self._keys(self.owner, self.nodes))
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("a micrograph has a hit twice; give each hit once")
        _ = self.pivot_tokens

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(B,) hits of each micrograph."""
        return np.diff(self.offsets)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """(T,) micrograph of each token."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def pivot_tokens(self) -> NDArray[np.int64]:
        """(B, P) the tokens, 0 … T − 1, that the pivots are. O(T log T)."""
        if not len(self):
            return np.zeros(self.pivots.shape, np.int64)
        wanted = self._keys(np.arange(len(self))[:, None], self.pivots)
        keys = self._keys(self.owner, self.nodes)
        order = np.argsort(keys)
        tokens = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
        missing = np.flatnonzero((keys[tokens] != wanted).any(axis=1))
        if len(missing):
            b = int(missing[0])
            raise ValueError(
                f"micrograph {b} lacks one of its pivots {self.pivots[b].tolist()}, wanted all: a pivot is a token"
            )
        return tokens

    def __len__(self) -> int:
        return len(self.pivots)

    def _keys(self, owner: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number for each pair of a micrograph and a hit."""
        stride = 1 + max(self.nodes.max(initial=0), self.pivots.max(initial=0))
        keys: NDArray[np.int64] = owner * stride + nodes
        return keys


# graph, latent (N, L) of its hits, micrographs of them → (T,) logits: does the token belong to the pivots' track?
MaskModel = Callable[[HitGraph, NDArray[np.floating], Micrographs], NDArray[np.floating]]
