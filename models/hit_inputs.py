"""What the networks of a training read of a hit graph, taken together."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import FEATURES
from edgetrack.models.rows import Rows, as_tensors, hit_rows
from edgetrack.models.steps import MESSAGE

OF_EVERY_GRAPH = frozenset({"x", "node_attr", "edge_attr"})  # what rows hold where nothing is said


@dataclass(frozen=True)
class HitInputs:
    """Features of hits and edges by name (`edgetrack.models.hit_features`), and whether edges stand in both directions.

    Without names: `x`, `edge_attr` and, where graphs have it, `node_attr`.
    """

    names: tuple[str, ...] = ()
    messages: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in FEATURES]
        if unknown:
            raise ValueError(f"unknown feature {unknown[0]!r} of hit graphs, wanted one of {', '.join(FEATURES)}")

    def rows(self, graph: HitGraph) -> Rows[Tensor]:
        """The rows of `graph`. Raises ValueError where it lacks a feature. O(N + E)."""
        return as_tensors(hit_rows(graph, self.names, self.messages))


def inputs_of(*networks: nn.Module) -> HitInputs:
    """All that `networks` read: by their descriptions or, where they have none, by their `inputs`, names of features.

    A module without either reads what every hit graph has.
    """
    read = [_read_by(network) for network in networks]
    names = dict.fromkeys(name for one in read for name in one.names)
    messages = any(one.messages for one in read)
    if OF_EVERY_GRAPH.issuperset(names):
        return HitInputs(messages=messages)
    further = ("x", "edge_attr") if not all(one.names for one in read) else ()
    return HitInputs(tuple(dict.fromkeys((*names, *further))), messages)


def _read_by(network: nn.Module) -> HitInputs:
    description = getattr(network, "description", None)
    if isinstance(description, NetworkDescription):
        names = tuple(value.name for value in description.inputs if value.name in FEATURES)
        return HitInputs(names, MESSAGE in description.domains)
    return HitInputs(tuple(getattr(network, "inputs", ())))
