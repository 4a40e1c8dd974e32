"""Micrographs of hand-made graphs."""

import re

import numpy as np
import pytest

from edgetrack.models.micrographs import Micrographs

NODES = [4, 7, 9, 7, 0, 2, 1]
OFFSETS = [0, 3, 7]
PIVOTS = [[9, 4], [1, 7]]


def micrographs(nodes: object = NODES, offsets: object = OFFSETS, pivots: object = PIVOTS) -> Micrographs:
    return Micrographs(np.asarray(nodes), np.asarray(offsets), np.asarray(pivots))


def test_each_token_knows_its_micrograph_and_each_pivot_its_token() -> None:
    made = micrographs()
    assert len(made) == 2
    assert made.sizes.tolist() == [3, 4]
    assert made.owner.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert made.pivot_tokens.tolist() == [[2, 0], [6, 3]]
    assert np.array_equal(made.nodes[made.pivot_tokens], made.pivots)


def test_none_at_all_is_allowed() -> None:
    made = micrographs(np.zeros(0), [0], np.zeros((0, 3)))
    assert len(made) == 0
    assert made.sizes.shape == made.owner.shape == (0,)
    assert made.pivot_tokens.shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pivots": [9, 4]}, "wanted (T,), (B + 1,) and (B, P)"),
        ({"offsets": [0, 7]}, "2 offsets for 2 rows"),
        ({"offsets": [0, 3, 6]}, "0 to 6, wanted rising ones from 0 to the 7 tokens"),
        ({"offsets": [1, 3, 7]}, "from 1 to 7"),
        ({"offsets": [0, 7, 7]}, "each micrograph has a hit"),
        ({"nodes": [4, 4, 9, 7, 0, 2, 1]}, "a hit twice"),
        ({"nodes": [4, -7, 9, 7, 0, 2, 1]}, "row -7"),
        ({"pivots": [[9, 4], [1, 9]]}, "micrograph 1 lacks one of its pivots [1, 9]"),
        ({"pivots": [[9, 4], [1, 70]]}, "micrograph 1 lacks"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        micrographs(**change)
