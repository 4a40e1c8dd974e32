"""Track candidates: which hits belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNASSIGNED = -1


@dataclass(frozen=True)
class TrackCandidates:
    """A label for each hit; hits of one label are one candidate, so that a hit belongs to at most one.

    Labels are 0 … n − 1, in the order of the candidates' first hits, whatever way the candidates were found: two sets
    of candidates are the same exactly when their labels are.
    """

    labels: NDArray[np.int64]  # (N,) candidate of each hit, −1 = in none

    def __post_init__(self) -> None:
        labels = np.ascontiguousarray(self.labels, np.int64)
        if labels.ndim != 1:
            raise ValueError(f"labels have shape {labels.shape}, wanted (N,): one candidate for each hit")
        if len(labels) and labels.min() < UNASSIGNED:
            raise ValueError(f"labels start at {labels.min()}, wanted 0 … n − 1, or −1 for a hit in no candidate")
        object.__setattr__(self, "labels", labels)
        assigned = labels[labels != UNASSIGNED]
        highest_before = np.maximum.accumulate(np.concatenate([[UNASSIGNED], assigned]))[:-1]
        if (assigned > highest_before + 1).any():
            raise ValueError(
                "labels are not 0 … n − 1 in the order of the candidates' first hits; use TrackCandidates.from_labels"
            )

    @staticmethod
    def from_labels(labels: NDArray[np.integer], min_hits: int = 1) -> TrackCandidates:
        """Candidates from any labels (N,), negative = in none, without those of fewer than `min_hits` hits.

        O(N log N).
        """
        out = np.full(len(labels), UNASSIGNED, np.int64)
        assigned = np.flatnonzero(np.asarray(labels) >= 0)
        _, first, inverse, sizes = np.unique(
            np.asarray(labels)[assigned], return_index=True, return_inverse=True, return_counts=True
        )
        large = sizes >= min_hits
        rank = np.full(len(sizes), UNASSIGNED, np.int64)
        order = np.argsort(first[large], kind="stable")
        rank[np.flatnonzero(large)[order]] = np.arange(len(order))
        out[assigned] = rank[inverse]
        return TrackCandidates(out)

    @property
    def num_hits(self) -> int:
        return len(self.labels)

    @property
    def num_candidates(self) -> int:
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(n,) hits of each candidate."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.num_candidates).astype(np.int64)

    def __len__(self) -> int:
        return self.num_candidates

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """The hits (rows of the graph, ascending) of each candidate in turn. O(N log N) once, then O(size)."""
        order = np.argsort(self.labels, kind="stable")
        assigned = order[np.count_nonzero(self.labels == UNASSIGNED) :]
        return iter(np.split(assigned, np.cumsum(self.sizes)[:-1]) if self.num_candidates else [])
