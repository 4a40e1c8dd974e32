"""Graphs of one fixed size, for hardware whose shapes are part of the design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.models.description import NetworkDescription
from edgetrack.models.rows import Rows


def padded(description: NetworkDescription, rows: Rows[NDArray[Any]], counts: Mapping[str, int]) -> Rows[NDArray[Any]]:
    """What a network reads of `rows`, filled up to `counts` elements of each domain: own ones first, then padding.

    Padding has zero features. The last element of a domain that others have ends in is always a dummy, and the
    ends of padding are there, so that no message of it reaches a hit. O(counts).

    Raises ValueError where a domain has more elements than fit, the dummy counted.
    """
    entered = sorted({end.domain for domain in rows.domains for end in domain.ends})
    if any(rows.counts[domain] > counts[domain] - (domain in entered) for domain in rows.counts):
        have, room = (" and ".join(f"{many[name]} {name}s" for name in rows.counts) for many in (rows.counts, counts))
        raise ValueError(
            f"{rows.name}: {have} do not fit {room} (one of the {' and '.join(f'{name}s' for name in entered)} the "
            "dummy); cut it into sectors of that capacity, or raise the capacity"
        )
    features = {}
    for value in description.inputs:
        features[value.name] = np.zeros((counts[value.domain], value.width), np.float32)
        features[value.name][: rows.counts[value.domain]] = rows.features[value.name]
    ends = {}
    for domain in rows.domains:
        for end in domain.ends:
            ends[end.name] = np.full(counts[domain.name], counts[end.domain] - 1)
            ends[end.name][: rows.counts[domain.name]] = rows.ends[end.name]
    return Rows(rows.domains, {name: counts[name] for name in rows.counts}, features, ends, rows.name)
