"""One graph as a network reads it: the rows of its inputs, and how the elements of each domain hang together.

Here a hit graph, a batch of attention pairs or a triplet graph becomes what every room runs: nothing behind this file
knows where features come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import FEATURES, features_of
from edgetrack.models.steps import EDGE, MESSAGE, NODE, Domain, Input

Array = TypeVar("Array", NDArray[Any], Tensor)

HIT_DOMAINS = (NODE, EDGE)


@dataclass(frozen=True)
class Rows(Generic[Array]):
    """Features and ends of one graph, as NumPy arrays or PyTorch tensors."""

    domains: tuple[Domain, ...]
    counts: Mapping[str, int]  # domain → elements
    features: Mapping[str, Array]  # input → (elements of its domain, width), raw: before the input's scales
    ends: Mapping[str, Array]  # end → (elements,) int64, rows of the domain that it lies in
    name: str = "graph"

    def __post_init__(self) -> None:
        for domain in self.domains:
            for end in domain.ends:
                index = self.ends[end.name]
                if index.shape != (self.counts[domain.name],):
                    raise ValueError(
                        f"{self.name}: end {end.name!r} has shape {tuple(index.shape)}, "
                        f"wanted ({self.counts[domain.name]},), one for each {domain.name}"
                    )

    def to(self: Rows[Tensor], device: torch.device | str) -> Rows[Tensor]:
        """The same tensors on another device."""
        return Rows(
            self.domains,
            self.counts,
            {name: value.to(device) for name, value in self.features.items()},
            {name: value.to(device) for name, value in self.ends.items()},
            self.name,
        )

    def degrees(self: Rows[NDArray[Any]], end: str) -> NDArray[np.int64]:
        """(elements,) how many have each element at `end`."""
        return np.bincount(self.ends[end], minlength=self.counts[self.domain_at(end)])

    def max_degree(self: Rows[NDArray[Any]]) -> int:
        """Largest number of elements with the same one at one end."""
        return max((int(self.degrees(end).max(initial=0)) for end in self.ends), default=0)

    def domain_at(self, end: str) -> str:
        """The domain that an end lies in."""
        return next(one.domain for domain in self.domains for one in domain.ends if one.name == end)


def hit_rows(graph: HitGraph, inputs: Sequence[str] = (), messages: bool = False) -> Rows[NDArray[Any]]:
    """A hit graph: `inputs` (of `edgetrack.models.hit_features`) on nodes and edges; ends source (inner hit) and target
    (outer hit). Without names: `x` and, where known, `node_attr` on nodes, `edge_attr` on edges.

    With `messages`, also the domain `MESSAGE`: each edge in both directions, first all edges source → target, then all
    target → source. O(N + E).
    """
    if not inputs:
        inputs = ("x", *(() if graph.node_attr is None else ("node_attr",)), "edge_attr")
    source, target = graph.edge_index
    counts, ends = {"node": graph.num_nodes, "edge": graph.num_edges}, {"source": source, "target": target}
    domains: tuple[Domain, ...] = HIT_DOMAINS
    if messages:
        domains = (*HIT_DOMAINS, MESSAGE)
        counts["message"] = 2 * graph.num_edges
        ends["sender"], ends["receiver"] = np.concatenate([source, target]), np.concatenate([target, source])
        ends["along"] = np.tile(np.arange(graph.num_edges), 2)
    return Rows(domains, counts, features_of(graph, inputs), ends, graph.name)


Graph = HitGraph | Rows[NDArray[Any]]
"""What forms and the integer model run: a hit graph, or the rows of any other."""


def rows_of(graph: Graph, description: NetworkDescription) -> Rows[NDArray[Any]]:
    """What the network reads of a graph: exactly its inputs, on its domains; rows are taken as they are.

    Inputs that a hit graph lacks are left out: `check_inputs` names them.
    """
    if not isinstance(graph, HitGraph):
        return graph
    known = [value.name for value in description.inputs if value.name in FEATURES]
    inputs = [name for name in known if name != "node_attr" or graph.node_attr is not None]
    return hit_rows(graph, inputs, MESSAGE in description.domains)


def check_inputs(inputs: Sequence[Input], rows: Rows[Any]) -> None:
    """Raise ValueError where `rows` lack a network's input, or have it in another width or for other elements."""
    for value in inputs:
        if value.name not in rows.features:
            raise ValueError(
                f"{rows.name}: has no {value.name!r}, which the network reads; it has {sorted(rows.features)}: give "
                "graphs with these features, or a network without this input"
            )
        shape, wanted = tuple(rows.features[value.name].shape), (rows.counts[value.domain], value.width)
        if shape != wanted:
            raise ValueError(
                f"{rows.name}: {value.name} has shape {shape}, wanted {wanted}, one row for each {value.domain} and "
                f"one column for each number in the input's scale: give {shape[-1]} of them, or other features"
            )


def as_tensors(rows: Rows[NDArray[Any]]) -> Rows[Tensor]:
    """The same memory as PyTorch tensors."""
    return Rows(
        rows.domains,
        rows.counts,
        {name: torch.from_numpy(value) for name, value in rows.features.items()},
        {name: torch.from_numpy(value) for name, value in rows.ends.items()},
        rows.name,
    )


def disjoint_union(graphs: Sequence[Rows[Tensor]]) -> Rows[Tensor]:
    """Several graphs as one without anything between them. O(rows)."""
    if len(graphs) == 1:
        return graphs[0]
    first = graphs[0]
    for graph in graphs:
        if graph.features.keys() != first.features.keys():
            raise ValueError(
                f"{graph.name} has {sorted(graph.features)}, {first.name} has {sorted(first.features)}: "
                "wanted the same features of each graph in a batch"
            )
    offsets = {
        domain.name: np.cumsum([0, *(graph.counts[domain.name] for graph in graphs)]) for domain in first.domains
    }
    return Rows(
        first.domains,
        {name: int(offset[-1]) for name, offset in offsets.items()},
        {name: torch.cat([graph.features[name] for graph in graphs]) for name in first.features},
        {
            end: torch.cat([graph.ends[end] + int(offsets[first.domain_at(end)][i]) for i, graph in enumerate(graphs)])
            for end in first.ends
        },
        "+".join(graph.name for graph in graphs),
    )
