"""Rows of tokens against a loop over micrographs."""

from __future__ import annotations

import numpy as np
import pytest
from micrograph_sets import random_micrographs

from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.micrographs import Micrographs


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_a_loop_over_micrographs(seed: int) -> None:
    micrographs = random_micrographs(25, 7, seed, largest=8)
    tokens = np.random.default_rng(seed).normal(size=(len(micrographs.nodes), 4)).astype(np.float32)
    rows = token_rows(tokens, micrographs)
    pairs, pivot_pairs = [], []
    for b in range(len(micrographs)):
        own = range(micrographs.offsets[b], micrographs.offsets[b + 1])
        pivots: list[int] = []
        for pivot in micrographs.pivots[b]:
            token = next(one for one in own if micrographs.nodes[one] == pivot)
            pivots += [] if token in pivots else [token]
        pairs += [(query, key) for query in own for key in own]
        pivot_pairs += [(asking, pivot) for asking in own for pivot in pivots]
    assert list(zip(rows.ends["query"], rows.ends["key"], strict=True)) == pairs
    assert list(zip(rows.ends["asking"], rows.ends["pivot"], strict=True)) == pivot_pairs
    assert rows.counts == {"token": len(tokens), "pair": len(pairs), "pivot_pair": len(pivot_pairs)}
    assert np.array_equal(rows.features["tokens"], tokens)


def test_no_micrographs_are_no_rows_and_other_tokens_are_refused() -> None:
    none = Micrographs(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3), np.int64))
    rows = token_rows(np.zeros((0, 4)), none)
    assert rows.counts == {"token": 0, "pair": 0, "pivot_pair": 0}
    with pytest.raises(ValueError, match=r"tokens have shape \(2, 4\), wanted \(0, width\)"):
        token_rows(np.zeros((2, 4)), none)
