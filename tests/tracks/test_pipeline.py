"""Event → candidates: classifiers in a row, hits that are no nodes, and files of tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.events.trackml import read_event
from edgetrack.graphs.build import GraphConfig, build_graph
from edgetrack.graphs.geometric import GeometricConfig
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.files import TrackFormat, read_tracks, track_table, tracks_path, write_tracks
from edgetrack.tracks.pipeline import EdgeClassifier, TrackingPipeline

COMPONENTS = TrackBuildingConfig(method="connected_components")


@pytest.fixture(scope="module")
def event(trackml_sample: Path) -> Event:
    return read_event(trackml_sample, 1)


def construct(event: Event) -> HitGraph:
    return build_graph(event, GraphConfig(geometric=GeometricConfig(preset="hitgraphs")))


def truth(graph: HitGraph) -> NDArray[np.float64]:
    assert graph.y is not None
    return np.where(graph.y, 1.0, -1.0)


def test_candidates_are_those_of_the_graph_and_other_hits_are_in_none(event: Event) -> None:
    pipeline = TrackingPipeline(construct, (EdgeClassifier(truth, 0.0),))
    made = pipeline.reconstruct(event)
    hit_id = event.hits["hit_id"].to_numpy()
    assert pipeline(event).num_hits == len(hit_id) > made.graph.num_nodes == made.in_graph.num_hits
    assert made.graph.hit_id is not None
    wanted = {frozenset(made.graph.hit_id[hits].tolist()) for hits in made.in_graph}
    assert {frozenset(hit_id[hits].tolist()) for hits in pipeline(event)} == wanted
    assert len(wanted) == len(made.in_graph) > 20
    assert np.array_equal(pipeline(event).labels, made.in_event.labels)  # the same event, the same candidates


def test_each_classifier_sees_what_those_before_it_kept(event: Event) -> None:
    seen: list[int] = []

    def half(graph: HitGraph) -> NDArray[np.float64]:
        seen.append(graph.num_edges)
        return np.arange(graph.num_edges, dtype=float) - graph.num_edges // 2

    def last(graph: HitGraph) -> NDArray[np.float64]:
        seen.append(graph.num_edges)
        return truth(graph)

    whole = construct(event)
    pipeline = TrackingPipeline(construct, (EdgeClassifier(half, -1.0), EdgeClassifier(last, 0.0)), COMPONENTS)
    made = pipeline.reconstruct(event)
    kept = whole.num_edges - whole.num_edges // 2
    assert seen == [whole.num_edges, kept]
    assert whole.y is not None
    assert made.graph.num_edges == np.count_nonzero(whole.y[-kept:])
    assert np.array_equal(made.logits, np.ones(made.graph.num_edges))


def test_a_pipeline_that_cannot_work_is_refused(event: Event) -> None:
    with pytest.raises(ValueError, match="without classifiers"):
        TrackingPipeline(construct, ())
    with pytest.raises(ValueError, match=r"logits have shape \(1,\)"):
        TrackingPipeline(construct, (EdgeClassifier(lambda graph: np.zeros(1), 0.0),))(event)

    def with_hits(hit_id: NDArray[np.int64] | None) -> TrackingPipeline:
        graph = HitGraph(np.zeros((2, 3), np.float32), np.array([[0], [1]]), hit_id=hit_id)
        return TrackingPipeline(lambda _: graph, (EdgeClassifier(lambda _: np.ones(1), 0.0),))

    first = int(event.hits["hit_id"].iloc[0])
    with pytest.raises(ValueError, match="has no hit_id"):
        with_hits(None)(event)
    for wrong in ([first, first], [first, 10**9]):
        with pytest.raises(ValueError, match="distinct hits of event 1"):
            with_hits(np.array(wrong))(event)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_tracks_come_back_from_files_with_every_hit_once(event: Event, suffix: TrackFormat, tmp_path: Path) -> None:
    candidates = TrackingPipeline(construct, (EdgeClassifier(truth, 0.0),))(event)
    table = track_table(event, candidates)
    assert table.columns.tolist() == ["hit_id", "track_id"]
    assert np.array_equal(table["hit_id"], event.hits["hit_id"])
    assert np.array_equal(table["track_id"], candidates.labels + 1)
    path = write_tracks(table, tracks_path(tmp_path, 1, suffix))
    assert path.name == f"event000000001-tracks.{suffix}"
    assert read_tracks(path, event).equals(table)
    first = path.read_bytes()
    assert write_tracks(table, path).read_bytes() == first
    path.write_bytes(first[: len(first) // 2])
    with pytest.raises(EventError, match="tracks"):
        read_tracks(path, event)
    write_tracks(table.iloc[1:].reset_index(drop=True), path)
    with pytest.raises(EventError, match="not those of event 1"):
        read_tracks(path, event)


def test_a_table_needs_candidates_of_all_hits(event: Event) -> None:
    made = TrackingPipeline(construct, (EdgeClassifier(truth, 0.0),)).reconstruct(event)
    with pytest.raises(ValueError, match="all its hits"):
        track_table(event, made.in_graph)
