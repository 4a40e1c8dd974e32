"""From event to graph in one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetrack.events.event import Event
from edgetrack.events.trackml import read_event
from edgetrack.graphs.build import GraphConfig, build_graph, graph_of_hits
from edgetrack.graphs.geometric import GeometricConfig
from edgetrack.graphs.metrics import construction_metrics
from edgetrack.graphs.selection import SelectionConfig, select_hits

# two particles on crossing roads through layers 0 and 1, and one below the pT cut
HITS = [(32, 0.0, 10, 0, 4), (72, 0.05, 22.5, 1, 4), (32, 0.05, -10, 0, 9), (72, 0.0, -22.5, 1, 9), (72, 0, 0, 1, 2)]
MOMENTA = {4: (3.0, 4.0, 0.0), 9: (0.0, 2.0, 0.0), 2: (0.3, 0.0, 0.0)}


def test_four_hits_give_four_edges_with_two_true(make_event: Callable[..., Event]) -> None:
    graph = build_graph(make_event(HITS, MOMENTA), GraphConfig())
    assert graph.name == "event000000003"
    assert graph.hit_id is not None
    assert graph.pt is not None
    assert graph.y is not None
    assert graph.hit_id.tolist() == [10, 20, 30, 40]
    assert graph.pt.tolist() == [5, 5, 2, 2]
    labels = dict(zip(map(tuple, graph.edge_index.T.tolist()), graph.y.tolist(), strict=True))
    assert labels == {(0, 1): True, (0, 3): False, (2, 1): False, (2, 3): True}
    np.testing.assert_allclose(graph.x[1], [0.072, 0.05 / np.pi, 0.0225], rtol=1e-6)


def test_event_without_truth_gives_the_same_edges_without_labels(make_event: Callable[..., Event]) -> None:
    config = GraphConfig(selection=SelectionConfig().without_truth())
    graph, blind = (build_graph(make_event(HITS, truth=truth), config) for truth in (True, False))
    assert np.array_equal(graph.edge_index, blind.edge_index)
    assert blind.num_edges == 6
    assert blind.y is None
    assert blind.particle_id is None


def test_truth_filters_without_truth_are_an_error(make_event: Callable[..., Event]) -> None:
    with pytest.raises(ValueError, match="has no truth"):
        build_graph(make_event(HITS, truth=False), GraphConfig())


@pytest.mark.parametrize(
    ("pt_min", "preset", "expected"),
    [
        # nodes, edges, true edges, segments, segments on layer pairs: by the published definitions, counted apart
        (2.0, "2gev", (65, 56, 52, 52, 52)),
        (1.0, "1gev", (235, 402, 179, 180, 179)),
        (0.5, "0.5gev", (838, 4475, 642, 653, 646)),
    ],
)
def test_real_event_gives_the_counts_of_an_independent_construction(
    pt_min: float, preset: str, expected: tuple[int, ...], trackml_sample: Path
) -> None:
    config = GraphConfig(SelectionConfig(pt_min=pt_min), GeometricConfig(preset=preset))  # type: ignore[arg-type]
    hits = select_hits(read_event(trackml_sample, 1), config.selection)
    metrics = construction_metrics(hits, graph_of_hits(hits, config, "sample"))
    assert (metrics.nodes, metrics.edges, metrics.true_edges, metrics.segments, metrics.layer_pair_segments) == expected


def test_shuffled_event_gives_the_same_graph_up_to_relabelling(trackml_sample: Path) -> None:
    event = read_event(trackml_sample, 1)
    assert event.truth is not None
    order = np.random.default_rng(0).permutation(len(event.hits))
    shuffled = Event(
        event.event_id,
        event.hits.iloc[order].reset_index(drop=True),
        event.truth.iloc[order].reset_index(drop=True),
        event.particles,
    )

    def content(made: Event) -> list[tuple[int, int, bool]]:
        graph = build_graph(made, GraphConfig())
        assert graph.hit_id is not None
        assert graph.y is not None
        source, target = graph.hit_id[graph.edge_index].tolist()
        return sorted(zip(source, target, graph.y.tolist(), strict=True))

    assert content(shuffled) == content(event)
    assert not np.array_equal(build_graph(shuffled, GraphConfig()).x, build_graph(event, GraphConfig()).x)
