"""The event display, score curves and drawing of the report, on hand-made inputs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from run_folders import track_graph, write_run

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.report import theme
from edgetrack.report.collect import RunRecord, collect
from edgetrack.report.figures_event import (
    FAKE,
    IMPURE,
    MATCHED,
    PIECE,
    EventView,
    event_view,
    polyline,
)
from edgetrack.report.figures_scores import CURVE_POINTS, roc_curve, thinned
from edgetrack.report.recompute import tracks_of_events, typical_event
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.matching import match_candidates
from edgetrack.tracks.track_metrics import MatchingConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "example")


@pytest.fixture(scope="module")
def record(run: Path) -> RunRecord:
    return collect(run)


def test_candidates_fall_into_their_classes() -> None:
    # four particles of 4, 4, 6 and 2 hits, and noise
    particle = np.array([1] * 4 + [2] * 4 + [3] * 6 + [4] * 2 + [0] * 2)
    label = np.array([0] * 4 + [1] * 3 + [-1] + [2] * 2 + [-1] * 4 + [1] * 2 + [3] * 2)
    graph = HitGraph(np.full((18, 3), 0.1, np.float32), np.array([[0, 4, 5], [1, 5, 7]]), particle_id=particle)
    view = event_view(graph, TrackCandidates(label), np.array([1.0, -1.0, 1.0]), 0.0, MatchingConfig())
    # all of particle 1; 3 of 5 hits from particle 2; 2 hits of particle 3's 6; noise only
    assert view.classes.tolist() == [MATCHED, IMPURE, PIECE, FAKE]
    assert view.particles.tolist() == [1, 2, 3, 4]
    assert view.found.tolist() == [True, True, False, False]
    assert view.joined.tolist() == [True, False, False]  # kept inside a candidate, dropped, kept but leaving it


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_display_agrees_with_matching(seed: int, candidates: int) -> None:
    rng = np.random.default_rng(seed)
    graph = HitGraph(rng.random((40, 3), np.float32), np.zeros((2, 0), np.int64), particle_id=rng.integers(0, 8, 40))
    tracks = TrackCandidates.from_labels(rng.integers(-1, candidates, 40))
    config = MatchingConfig(min_particle_hits=3, min_candidate_hits=3)
    view = event_view(graph, tracks, np.zeros(0), 0.0, config)
    matches = match_candidates(graph, tracks, 3, 3)
    assert view.found.tolist() == matches.double_majority.tolist()
    assert view.count(MATCHED) + view.count(PIECE) == matches.lhc.sum()
    assert view.count(FAKE) + view.count(IMPURE) == (~matches.lhc).sum()
    assert view.count(MATCHED) + view.count(IMPURE) == matches.double_majority.sum()


@pytest.mark.parametrize(("particles", "wedge"), [(0, 1), (300, 1), (301, 1 / 2), (900, 1 / 3), (901, 1 / 4)])
def test_wedge_shows_a_readable_number_of_particles(particles: int, wedge: float) -> None:
    graph = HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64))
    none = np.zeros(0, np.int64)
    view = EventView(graph, np.arange(particles), np.zeros(particles, bool), none, none, none.astype(bool))
    assert view.wedge == wedge


def test_polyline_goes_outwards_and_breaks_between_particles() -> None:
    x = np.array([[0.3, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [0.1, 0.5, 0.2], [0.2, 0.5, 0.4], [0.1, 1, 1]], np.float32)
    graph = HitGraph(x, np.zeros((2, 0), np.int64), particle_id=np.array([5, 5, 5, 7, 7, 9]))
    assert graph.particle_id is not None
    line = polyline(graph, x[:, :1].astype(np.float64), graph.particle_id, np.array([5, 7]))
    assert np.allclose(line, [[0.1, 0.2, 0.3, np.nan, 0.1, 0.2]], equal_nan=True)


def test_display_takes_the_event_nearest_to_the_pooled_efficiency(record: RunRecord) -> None:
    config = EvaluationConfig()
    tracks = tracks_of_events(record, "integer", config)
    values = [event.metrics.overall.double_majority.value if event.metrics else None for event in tracks]
    for index, value in enumerate(values):
        assert typical_event(tracks, value) == values.index(value) <= index
    assert typical_event(tracks, None) == 0


def test_roc_curve_by_hand() -> None:
    logits = np.array([2.0, 1.0, 1.0, 0.0, -1.0])
    truth = np.array([True, True, False, False, True])
    false, true = roc_curve(logits, truth)
    assert false.tolist() == [0, 1 / 2, 1, 1]
    assert true.tolist() == [1 / 3, 2 / 3, 2 / 3, 1]


@given(st.integers(0, 1000), st.sampled_from([1, 2, 10, 5000]), st.booleans())
def test_thinned_curve_keeps_its_ends(seed: int, points: int, starts_at_zero: bool) -> None:
    false = np.sort(np.random.default_rng(seed).random(points))
    false[-1] = 1.0
    if starts_at_zero and points > 1:
        false[0] = 0.0
    keep = thinned(false)
    assert len(keep) <= CURVE_POINTS + 1
    assert keep[-1] == points - 1
    assert keep[0] == 0
    assert (np.diff(keep) > 0).all()


def test_drawing_is_deterministic_and_takes_its_colours_from_the_page() -> None:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([1, 2], [1, 10], "o", color=theme.QUANTISED)
        theme.log_axis(axes, "y")
        axes.set_title("a < b")

    svg = theme.figure_svg("one", 'label "&"', (2, 2), draw)
    assert svg == theme.figure_svg("one", 'label "&"', (2, 2), draw)
    assert set(re.findall(r'id="([a-z]+)-', svg)) == {"one"}
    assert "var(--quantised)" in svg
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b", svg)
    assert "a &lt; b" in svg
    assert 'aria-label="label &#34;&amp;&#34;"' in svg
    assert "10¹" in svg
    assert "://" not in svg


def test_example_graph_is_what_it_says() -> None:
    graph = track_graph("g", particles=3)
    assert graph.y is not None
    assert graph.y.sum() == 3 * 5
    assert graph.num_nodes == 3 * 6 + 5
