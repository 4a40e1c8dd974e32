"""The particles of hits as domains of rows, so that unions of graphs keep those of different graphs apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.models.rows import Rows
from edgetrack.models.steps import Domain, End

PARTICLE = Domain("particle")
MEMBERSHIP = Domain("membership", (End("member", "node"), End("member_of", "particle")))  # hits that are no noise


def with_particles(rows: Rows[Tensor], particle_id: NDArray[Any]) -> Rows[Tensor]:
    """`rows` with the domains PARTICLE and MEMBERSHIP of its hits' `particle_id` (N,), 0 for noise. O(N log N)."""
    members = np.flatnonzero(particle_id)
    numbers, member_of = np.unique(particle_id[members], return_inverse=True)
    counts = {"particle": len(numbers), "membership": len(members)}
    ends = {"member": torch.from_numpy(members), "member_of": torch.from_numpy(member_of)}
    return replace(
        rows,
        domains=(*rows.domains, PARTICLE, MEMBERSHIP),
        counts={**rows.counts, **counts},
        ends={**rows.ends, **ends},
    )


def particle_of(rows: Rows[Tensor]) -> Tensor:
    """(N,) int64 the particle of each hit, 0 … K − 1; K for noise, which is no particle."""
    members = rows.ends["member"]
    noise = members.new_full((rows.counts["node"],), rows.counts["particle"])
    return noise.index_copy(0, members, rows.ends["member_of"])
