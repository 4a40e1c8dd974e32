"""`edgetrack reconstruct` on TrackML's own files: every hit once, the score, resuming, bad events."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.events.trackml import read_event, write_event
from edgetrack.graphs.build import build_graph
from edgetrack.models.checkpoint import load_checkpoint
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.scripts.config import load_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.reconstruct import ReconstructConfig, reconstruct
from edgetrack.tracks.evaluation import evaluate_scores
from edgetrack.tracks.trackml_score import trackml_score

QUIET = Console(quiet=True)


@pytest.fixture
def events(trackml_sample: Path, tmp_path: Path) -> Path:
    """TrackML's event twice, as 1 and as 2."""
    event = read_event(trackml_sample, 1)
    for number in (1, 2):
        write_event(replace(event, event_id=number), tmp_path / "events")
    return tmp_path / "events"


def config(events: Path, **changes: object) -> ReconstructConfig:
    return ReconstructConfig(events=str(events), checkpoint="in-1gev-quantised", **changes)  # type: ignore[arg-type]


def test_every_hit_stands_in_one_row_and_the_score_is_that_of_the_file(events: Path, tmp_path: Path) -> None:
    result = reconstruct(config(events), tmp_path / "run", QUIET)
    event = read_event(events, 1)
    assert event.truth is not None
    tables = [pd.read_csv(tmp_path / "run" / f"event00000000{number}-tracks.csv") for number in (1, 2)]
    for table in tables:
        assert table.columns.tolist() == ["hit_id", "track_id"]
        assert sorted(table["hit_id"]) == sorted(event.hits["hit_id"])
        assert table["track_id"].min() == 0
    joined = event.truth.merge(tables[0], on="hit_id")
    score = trackml_score(*(joined[name].to_numpy() for name in ("track_id", "particle_id", "weight")))
    assert result["score"] == pytest.approx(score, abs=1e-12)
    assert 0 < result["score"] < result["score_in_graph"] < 1
    assert (result["events"], result["hits"], result["skipped"]) == (2, len(event.hits), [])


def test_tracks_are_those_of_the_evaluated_graph(events: Path, tmp_path: Path) -> None:
    whole = config(events)
    reconstruct(whole, tmp_path / "run", QUIET)
    table = pd.read_csv(tmp_path / "run" / "event000000001-tracks.csv")
    graph = build_graph(read_event(events, 1), whole.graph)
    checkpoint = load_checkpoint(checkpoint_path("in-1gev-quantised"))
    logits = integer_model(checkpoint).logits(graph)
    figures = evaluate_scores([graph], [logits], checkpoint.threshold, checkpoint.track_threshold)
    assert figures.tracks is not None
    assert table["track_id"].max() == figures.tracks.overall.candidates
    assert np.count_nonzero(table["track_id"]) <= graph.num_nodes


def test_a_second_call_keeps_what_is_there_and_makes_what_is_not(events: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = reconstruct(config(events, output="parquet"), folder, QUIET)
    kept, lost = folder / "event000000001-tracks.parquet", folder / "event000000002-tracks.parquet"
    content, time = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    assert reconstruct(config(events, output="parquet"), folder, QUIET) == first
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == time
    with pytest.raises(ValueError, match="another checkpoint, other events or settings"):
        reconstruct(config(events, output="parquet", track_threshold=1.0), folder, QUIET)
    (folder / "tracks.json").unlink()
    with pytest.raises(ValueError, match="unknown origin"):
        reconstruct(config(events, output="parquet"), folder, QUIET)


def test_bad_events_are_skipped_where_that_is_asked_for(events: Path, tmp_path: Path) -> None:
    hits = events / "event000000001-hits.csv.gz"
    shutil.copy(hits, events / "event000000003-hits.csv.gz")
    hits.write_bytes(b"nonsense")
    with pytest.raises(EventError, match="event000000001-hits"):
        reconstruct(config(events), tmp_path / "run", QUIET)
    (events / "event000000003-hits.csv.gz").unlink()
    result = reconstruct(config(events, skip_bad=True), tmp_path / "run", QUIET)
    assert (result["events"], result["skipped"]) == (1, [1])
    (events / "event000000002-hits.csv.gz").write_bytes(b"nonsense")
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="all 2 events are bad"):
        reconstruct(config(events, skip_bad=True), tmp_path / "other", QUIET)


def test_events_without_truth_have_tracks_and_no_score(events: Path, tmp_path: Path) -> None:
    event = read_event(events, 1)
    bare = Event(7, event.hits)
    write_event(bare, tmp_path / "bare")
    with pytest.raises(ValueError, match="--no-truth"):
        reconstruct(config(tmp_path / "bare"), tmp_path / "run", QUIET)
    result = reconstruct(config(tmp_path / "bare", truth=False), tmp_path / "other", QUIET)
    assert "score" not in result
    assert 0 < result["tracks"] < result["hits_in_tracks"] < result["hits_in_graph"] < result["hits"]


def test_options_reach_the_config_by_name(events: Path) -> None:
    given = ["events=x", "checkpoint=y", "building.margin=0", "graph.geometric.preset=1gev"]
    made = load_config(ReconstructConfig, None, given)
    assert (made.building.margin, made.graph.geometric.preset) == (0.0, "1gev")
