"""Micrographs as rows: the domains that a transformer in steps reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.hypertrack.padded_tokens import check_tokens, consecutive, first_of_each
from edgetrack.models.micrographs import Micrographs
from edgetrack.models.rows import Rows
from edgetrack.models.steps import PAIR, PIVOT_PAIR, TOKEN

TOKEN_DOMAINS = (TOKEN, PAIR, PIVOT_PAIR)


def token_rows(tokens: NDArray[Any], micrographs: Micrographs, name: str = "micrographs") -> Rows[NDArray[Any]]:
    """`tokens` (T, W), one for each of `micrographs.nodes`, with who looks at whom.

    A pair is a token (`query`) and any token of its micrograph (`key`), itself included; a pivot pair a token
    (`asking`) and a pivot of its micrograph (`pivot`), each pivot once. All pairs of a token stand together, in the
    order of the tokens. O(Σ n²). Raises ValueError for another number of tokens.
    """
    check_tokens(tokens.shape, micrographs)
    count, owner = len(tokens), micrographs.owner
    seen = micrographs.sizes[owner]
    once = first_of_each(micrographs.pivots)
    pivots, of_each = micrographs.pivot_tokens[once], once.sum(axis=1)
    asked = of_each[owner]
    ends = {
        "query": np.repeat(np.arange(count), seen),
        "key": consecutive(micrographs.offsets[owner], seen),
        "asking": np.repeat(np.arange(count), asked),
        "pivot": pivots[consecutive((np.cumsum(of_each) - of_each)[owner], asked)],
    }
    counts = {"token": count, "pair": len(ends["query"]), "pivot_pair": len(ends["asking"])}
    return Rows(TOKEN_DOMAINS, counts, {"tokens": np.ascontiguousarray(tokens, np.float32)}, ends, name)
