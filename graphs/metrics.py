"""What a graph construction keeps of the truth, and how much else."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.labels import truth_segments
from edgetrack.graphs.selection import SelectedHits


@dataclass(frozen=True)
class ConstructionMetrics:
    """Counts of one graph; sums of several add up with `+`. Ratios with an empty denominator are NaN.

    Definitions of DeZoort et al. 2021, section 3.1, all on the selected hits: a truth segment is a pair of hits of
    one particle on successive layers of that particle (`labels.truth_segments`), a true edge one that
    `labels.label_edges` labels so.
    """

    nodes: int
    edges: int
    true_edges: int
    segments: int
    layer_pair_segments: int  # of `segments`, those on layer pairs that the construction considers

    @property
    def efficiency(self) -> float:
        """True edges / truth segments."""
        return _ratio(self.true_edges, self.segments)

    @property
    def layer_pair_efficiency(self) -> float:
        """True edges / truth segments on the layer pairs of the construction: what its windows cost."""
        return _ratio(self.true_edges, self.layer_pair_segments)

    @property
    def purity(self) -> float:
        """True edges / edges."""
        return _ratio(self.true_edges, self.edges)

    def __add__(self, other: ConstructionMetrics) -> ConstructionMetrics:
        return ConstructionMetrics(
            self.nodes + other.nodes,
            self.edges + other.edges,
            self.true_edges + other.true_edges,
            self.segments + other.segments,
            self.layer_pair_segments + other.layer_pair_segments,
        )


def construction_metrics(hits: SelectedHits, graph: HitGraph) -> ConstructionMetrics:
    """Metrics of `graph`, built from all of `hits` in their order.

    Raises: ValueError where truth is not known. Cost: O(N log N + E).
    """
    if graph.y is None:
        raise ValueError(f"{graph.name}: edges have no labels, wanted y; build the graph from an event with truth")
    if len(hits) != graph.num_nodes:
        raise ValueError(f"{graph.name}: {graph.num_nodes} nodes but {len(hits)} hits; give the hits it was built of")
    segments = truth_segments(hits)
    return ConstructionMetrics(graph.num_nodes, graph.num_edges, int(graph.y.sum()), *segments)


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
