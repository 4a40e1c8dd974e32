"""The objectives of edges that a config can name: `objective.kind` chooses one.

A new objective is a frozen dataclass that derives from `Objective`, whose field `kind` is a `Literal` with its name as
the default; it gets one entry in `OBJECTIVES` and joins the union `EdgeObjective`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.hypertrack.edge_objective import HyperTrackEdges

EdgeObjective = Annotated[EdgeClassification | HyperTrackEdges, Field(discriminator="kind")]  # kinds tell them apart

OBJECTIVES: dict[str, type[EdgeClassification | HyperTrackEdges]] = {
    "edge_classification": EdgeClassification,
    "hypertrack_edges": HyperTrackEdges,
}
