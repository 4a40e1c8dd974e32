import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shuffled_graph import shuffled

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores, perfect_scores
from edgetrack.tracks.track_metrics import MatchingConfig


def two_tracks(**changes: Any) -> HitGraph:
    """Hits 0–2 of particle 1 and 3–5 of particle 2, joined by a false edge 2 → 3."""
    fields: dict[str, Any] = {
        "x": np.zeros((6, 3), np.float32),
        "edge_index": np.array([[0, 1, 3, 4, 2], [1, 2, 4, 5, 3]]),
        "y": np.array([1, 1, 1, 1, 0], bool),
        "particle_id": np.array([1, 1, 1, 2, 2, 2]),
        "pt": np.array([1, 1, 1, 2, 2, 2], np.float32),
        "eta": np.zeros(6, np.float32),
    }
    return HitGraph(**(fields | changes))


PERFECT = np.array([3.0, 3.0, 3.0, 3.0, -3.0])


def test_perfect_scores_give_perfect_figures() -> None:
    out = evaluate_scores([two_tracks()], [PERFECT], 0.0).to_json()
    for key in ("edge_accuracy", "edge_efficiency", "edge_purity", "auc", "double_majority", "perfect", "lhc"):
        assert out[key] == 1.0
    assert (out["fake_rate"], out["duplicate_rate"], out["edge_false_positive_rate"]) == (0.0, 0.0, 0.0)
    assert (out["graphs"], out["edges"], out["particles"], out["candidates"]) == (1, 5, 2, 2)
    assert 0 < out["perfect_error"] < 1


def test_labels_as_scores_give_the_ceiling_of_the_graphs() -> None:
    split = two_tracks(edge_index=np.array([[0, 3, 4, 2], [1, 4, 5, 3]]), y=np.array([1, 1, 1, 0], bool))
    components = EvaluationConfig(TrackBuildingConfig(method="connected_components"))
    ceiling = perfect_scores([two_tracks(), split], components)
    assert ceiling is not None
    assert (ceiling.to_json()["perfect"], ceiling.to_json()["edge_accuracy"]) == (3 / 4, 1.0)
    assert perfect_scores([two_tracks(), two_tracks(y=None)]) is None
    assert perfect_scores([two_tracks(particle_id=None, pt=None, eta=None)]) is None


def test_high_pt_pools_the_bins_above_5_gev() -> None:
    graph = two_tracks(pt=np.array([6, 6, 6, 20, 20, 20], np.float32))
    broken = np.array([-3.0, -3.0, 3.0, 3.0, -3.0])
    high = evaluate_scores([graph, two_tracks()], [broken, PERFECT], 0.0).to_json()["high_pt"]
    assert (high["low"], high["particles"], high["double_majority"]) == (5.0, 2, 1 / 2)
    low = evaluate_scores([two_tracks()], [PERFECT], 0.0).to_json()["high_pt"]
    assert (low["particles"], low["double_majority"]) == (0, None)


def test_figures_are_pooled_over_graphs() -> None:
    broken = np.array([3.0, -3.0, 3.0, 3.0, 3.0])  # hits 0–1, and 2 with all of particle 2
    out = evaluate_scores([two_tracks(), two_tracks()], [PERFECT, broken], 0.0).to_json()
    assert out["edge_accuracy"] == 8 / 10
    assert out["edge_efficiency"] == 7 / 8
    assert out["edge_purity"] == 7 / 8
    assert out["auc"] == pytest.approx((7 * 1.5 + 0.5) / 16)  # pairs run over both graphs
    assert out["double_majority"] == 4 / 4
    assert out["perfect"] == 2 / 4
    assert out["lhc"] == 3 / 4
    assert out["fake_rate"] == 1 / 4
    assert [b["particles"] for b in out["by_pt"] if b["particles"]] == [2, 2]


def test_tracks_may_have_a_threshold_of_their_own() -> None:
    logits = np.array([3.0, 3.0, 3.0, 3.0, 1.0])
    assert evaluate_scores([two_tracks()], [logits], 0.0).to_json()["perfect"] == 0 / 2
    out = evaluate_scores([two_tracks()], [logits], 0.0, track_threshold=2.0).to_json()
    assert (out["perfect"], out["edge_purity"], out["track_threshold"]) == (2 / 2, 4 / 5, 2.0)


def test_dbscan_with_two_samples_agrees_with_connected_components() -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=5) for _ in range(20)]
    dbscan, components = (
        EvaluationConfig(building=TrackBuildingConfig(method=method)) for method in ("dbscan", "connected_components")
    )
    graphs = [two_tracks()] * 20
    assert evaluate_scores(graphs, logits, 0.0, config=dbscan) == evaluate_scores(
        graphs, logits, 0.0, config=components
    )


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="connected_components"):
        TrackBuildingConfig(method="guess")  # type: ignore


def test_without_truth_the_figures_are_null() -> None:
    out = evaluate_scores([two_tracks(y=None, particle_id=None)], [PERFECT], 0.0).to_json()
    assert out["edge_accuracy"] is None
    assert out["perfect"] is None
    assert out["by_pt"] is None
    json.dumps(out, allow_nan=False)


@pytest.mark.parametrize(
    "graph",
    [
        HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64), np.zeros(0, bool), np.zeros(0, np.int64)),
        HitGraph(np.zeros((2, 3), np.float32), np.zeros((2, 0), np.int64), np.zeros(0, bool), np.array([0, 0])),
        two_tracks(y=np.ones(5, bool)),
        two_tracks(y=np.zeros(5, bool)),
    ],
)
@pytest.mark.parametrize("threshold", [-np.inf, 0.0, np.inf])
def test_json_has_no_nan_and_no_infinity(graph: HitGraph, threshold: float) -> None:
    out = evaluate_scores([graph], [np.zeros(graph.num_edges)], threshold).to_json()
    assert json.loads(json.dumps(out, allow_nan=False)) == out


@pytest.mark.parametrize(
    ("graphs", "logits"),
    [
        ([], []),
        ([two_tracks()], []),
        ([two_tracks()], [np.zeros(4)]),
        ([two_tracks()], [np.full(5, np.nan)]),
        ([two_tracks(y=None)], [np.full(5, np.nan)]),
    ],
)
def test_logits_that_do_not_fit_are_refused(graphs: list[HitGraph], logits: list[NDArray[np.float64]]) -> None:
    with pytest.raises(ValueError, match=r"wanted|not a number"):
        evaluate_scores(graphs, logits, 0.0)


def test_order_of_hits_and_edges_does_not_matter_on_real_events(trackml_hitgraphs: Path) -> None:
    graph = load_graphs(trackml_hitgraphs / "2gev")[0]
    rng = np.random.default_rng(3)
    assert graph.y is not None
    logits = rng.normal(size=graph.num_edges) + 4.0 * graph.y - 2.0
    carried = HitGraph(graph.x, graph.edge_index, graph.y, graph.particle_id, name="carried")
    order = np.random.default_rng(5)
    node_order, edge_order = order.permutation(graph.num_nodes), order.permutation(graph.num_edges)
    mixed = shuffled(carried, np.random.default_rng(5))
    assert np.array_equal(mixed.x, graph.x[node_order])
    expected = evaluate_scores([graph], [logits], 0.0, config=EvaluationConfig(seed=1))
    found = evaluate_scores([mixed], [logits[edge_order]], 0.0, config=EvaluationConfig(seed=2))
    assert found.tracks == expected.tracks
    assert found.edges == expected.edges
    assert expected.tracks is not None
    assert 0 < (expected.tracks.overall.perfect.value or 0) < 1


# Shares of particles found when every edge is judged rightly, perfect and double majority: what construction lost.
CEILING = {"2gev": (0.955, 0.987), "1p5gev": (0.951, 0.987), "1gev": (0.944, 0.983)}
OVER_GAPS = {"2gev": (0.974, 0.994), "1p5gev": (0.972, 0.995), "1gev": (0.966, 0.992)}


@pytest.mark.parametrize("folder", CEILING)
def test_truth_as_scores_gives_the_ceiling_of_the_real_events(trackml_hitgraphs: Path, folder: str) -> None:
    graphs = load_graphs(trackml_hitgraphs / folder)
    truth = [np.where(np.asarray(graph.y), 1.0, -1.0) for graph in graphs]
    components = TrackBuildingConfig(method="connected_components")
    out = evaluate_scores(graphs, truth, 0.0, config=EvaluationConfig(building=components)).to_json()
    assert (round(out["perfect"], 3), round(out["double_majority"], 3)) == CEILING[folder]
    assert (out["lhc"], out["fake_rate"]) == (1.0, 0.0)
    three = EvaluationConfig(components, MatchingConfig(min_particle_hits=3, min_candidate_hits=3))
    assert evaluate_scores(graphs, truth, 0.0, config=three).to_json()["double_majority"] < 0.98
    over_gaps = evaluate_scores(graphs, truth, 0.0).to_json()  # the default builder closes gaps
    assert (round(over_gaps["perfect"], 3), round(over_gaps["double_majority"], 3)) == OVER_GAPS[folder]
    assert over_gaps["fake_rate"] < 1e-4
