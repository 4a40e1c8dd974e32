"""Micrographs that a transformer in some form is compared on: those of events, as many as fit, and made-up ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.form import Capacity
from edgetrack.models.hypertrack.mask_objective import MicrographSet
from edgetrack.models.hypertrack.padded_tokens import token_indices
from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.micrographs import Micrographs
from edgetrack.models.rows import Rows

SIZES = (1, 2, 3, 17, 40)  # of made-up micrographs


def event_rows(event: MicrographSet, which: NDArray[np.int64] | None = None) -> Rows[NDArray[Any]]:
    """An event's micrographs, or some of them, as a transformer in steps reads them."""
    graphs, name = event.micrographs, event.name
    if which is not None:
        sizes = graphs.sizes[which]
        graphs = Micrographs(
            graphs.nodes[token_indices(graphs, which)], np.append(0, np.cumsum(sizes)), graphs.pivots[which]
        )
        name = f"{name} micrographs {', '.join(map(str, which))}"
    return token_rows(event.tokens[graphs.nodes], graphs, name)


def micrograph_cases(
    events: Sequence[MicrographSet], number: int, capacity: Capacity | None
) -> list[tuple[int, Rows[NDArray[Any]]]]:
    """All micrographs of each of `number` events, with its index; for a form of fixed size `number` single micrographs,
    the largest of each event that fit.
    """
    if capacity is None:
        return [(index, event_rows(event)) for index, event in enumerate(events[:number]) if len(event.micrographs)]
    ranked = [
        (rank, index, rows)
        for index, event in enumerate(events[:number])
        for rank, rows in enumerate(_fitting(event, capacity, number))
    ]
    return [(index, rows) for _, index, rows in sorted(ranked, key=lambda case: case[:2])[:number]]


def made_up_micrographs(width: int, seed: int, capacity: Capacity | None) -> list[Rows[NDArray[Any]]]:
    """Sets of 1 to 40 tokens of random numbers, some of which saturate, with three, two or one different pivots."""
    rng = np.random.default_rng(seed)
    found = []
    for size in SIZES:
        nodes, pivots = np.arange(size), rng.integers(0, size, (1, 3))
        tokens = rng.normal(0.0, rng.choice([0.3, 3.0]), (size, width)).astype(np.float32)
        found.append(token_rows(tokens, Micrographs(nodes, np.array([0, size]), pivots), f"made up, {size} tokens"))
    return [rows for rows in found if fits(rows, capacity)]


def fits(rows: Rows[NDArray[Any]], capacity: Capacity | None) -> bool:
    """Whether a form of this capacity has room for all elements."""
    return capacity is None or all(count <= capacity.counts.get(name, 0) for name, count in rows.counts.items())


def _fitting(event: MicrographSet, capacity: Capacity, number: int) -> Iterator[Rows[NDArray[Any]]]:
    """The largest single micrographs of an event that fit, at most `number`."""
    left = number
    for one in np.argsort(-event.micrographs.sizes, kind="stable"):
        rows = event_rows(event, np.array([one]))
        if left and fits(rows, capacity):
            left -= 1
            yield rows
