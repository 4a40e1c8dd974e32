"""Construction metrics of hand-made graphs, as fractions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.metrics import ConstructionMetrics, construction_metrics
from edgetrack.graphs.selection import SelectedHits

# two particles on layers 0, 1, 2, 3 and one noise hit: 6 segments
LAYER = np.array([0, 1, 2, 3, 0, 1, 2, 3, 1])
PARTICLE = np.array([1, 1, 1, 1, 2, 2, 2, 2, 0])
HITS = SelectedHits(np.full(9, 50.0), np.zeros(9), np.zeros(9), LAYER, np.arange(9), PARTICLE)


def graph(edges: list[tuple[int, int]], labels: list[bool] | None) -> HitGraph:
    return HitGraph(
        np.zeros((9, 3), np.float32), np.array(edges).reshape(-1, 2).T, None if labels is None else np.array(labels)
    )


def test_efficiency_and_purity_are_counted_against_segments_and_edges() -> None:
    edges = [(0, 1), (1, 2), (4, 5), (0, 5), (0, 8)]
    metrics = construction_metrics(HITS, graph(edges, [True, True, True, False, False]))
    assert metrics == ConstructionMetrics(9, 5, 3, 6, 6)
    assert metrics.efficiency == 3 / 6
    assert metrics.purity == 3 / 5
    assert metrics.layer_pair_efficiency == 3 / 6


def test_sums_weigh_every_edge_alike() -> None:
    total = ConstructionMetrics(9, 5, 3, 6, 6) + ConstructionMetrics(1, 15, 1, 4, 2)
    assert (total.efficiency, total.layer_pair_efficiency, total.purity) == (4 / 10, 4 / 8, 4 / 20)


def test_empty_denominators_give_nan() -> None:
    empty = ConstructionMetrics(0, 0, 0, 0, 0)
    assert all(math.isnan(v) for v in (empty.efficiency, empty.layer_pair_efficiency, empty.purity))


def test_graph_without_labels_or_of_other_hits_is_refused(random_hits: Callable[..., SelectedHits]) -> None:
    with pytest.raises(ValueError, match="edges have no labels"):
        construction_metrics(HITS, graph([(0, 1)], None))
    other = random_hits(0, 1)
    with pytest.raises(ValueError, match="9 nodes but 1 hits"):
        construction_metrics(other, graph([(0, 1)], [True]))
