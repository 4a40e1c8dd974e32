"""HDBSCAN on sparse distances against scikit-learn on the whole matrix."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.cluster import HDBSCAN

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks
from edgetrack.tracks.candidates import TrackCandidates
from edgetrack.tracks.hdbscan import hdbscan
from edgetrack.tracks.hypertrack.subgraphs import cut_into_subgraphs

CONFIG = TrackBuildingConfig(method="hdbscan", min_hits=3)


def random_event(seed: int) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
    """60 hits in groups, linked well within them, a little between some, with different logits."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 9, 60)
    pairs = np.array(np.triu_indices(60, 1))
    same = group[pairs[0]] == group[pairs[1]]
    near = np.abs(group[pairs[0]] - group[pairs[1]]) == 1
    kept = (same & (rng.random(len(same)) < 0.8)) | (near & (group[pairs[0]] < 6) & (rng.random(len(same)) < 0.08))
    edges = pairs[:, kept]
    return 60, edges, np.where(same[kept], rng.normal(3, 1, kept.sum()), rng.normal(-1, 1, kept.sum()))


def dense(num_nodes: int, edges: NDArray[np.int64], logits: NDArray[np.float64], samples: int, hits: int) -> list[int]:
    """All hits at once, pairs without an edge at distance 1, beside a made-up component of its own."""
    extra = hits + samples
    matrix = np.ones((num_nodes + extra, num_nodes + extra))
    matrix[edges[0], edges[1]] = matrix[edges[1], edges[0]] = expit(-logits)
    matrix[num_nodes:, num_nodes:] = 0.5
    np.fill_diagonal(matrix, 0)
    found = HDBSCAN(min_cluster_size=hits, min_samples=samples, metric="precomputed", copy=True).fit(matrix).labels_
    found[
        (matrix < 1).sum(axis=1) < samples
    ] = -1  # as far from every cluster: scikit-learn's answer is a matter of order
    labels: list[int] = TrackCandidates.from_labels(found[:num_nodes], hits).labels.tolist()
    return labels


@pytest.mark.parametrize("samples", [1, 2])
def test_sparse_distances_give_the_candidates_of_the_whole_matrix(samples: int) -> None:
    several = 0
    for seed in range(12):
        num_nodes, edges, logits = random_event(seed)
        subgraphs = cut_into_subgraphs(num_nodes, edges, logits, -5.0, 3)
        found = hdbscan(subgraphs, samples, 3)
        assert found.labels.tolist() == dense(num_nodes, edges, logits, samples, 3), seed
        several += found.num_candidates > len(subgraphs)
    assert several > 3  # components are divided


@pytest.mark.parametrize("samples", [3, 5])
def test_with_more_samples_only_hits_equally_far_from_two_clusters_may_differ(samples: int) -> None:
    same, hits = 0, 0
    for seed in range(12):
        num_nodes, edges, logits = random_event(seed)
        found = hdbscan(cut_into_subgraphs(num_nodes, edges, logits, -5.0, 3), samples, 3).labels
        wanted = np.array(dense(num_nodes, edges, logits, samples, 3))
        pairs = (found[:, None] == found) == (wanted[:, None] == wanted)
        same, hits = same + int(pairs.all(axis=1).sum()), hits + num_nodes
    assert same > 0.9 * hits


def test_which_components_are_clustered_together_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    num_nodes, edges, logits = random_event(1)
    subgraphs = cut_into_subgraphs(num_nodes, edges, logits, 0.0, 3)
    assert len(subgraphs) > 4
    together = hdbscan(subgraphs, 2, 3).labels
    for hits in (1, 12):
        monkeypatch.setattr("edgetrack.tracks.hdbscan.TOGETHER", hits)
        assert np.array_equal(hdbscan(subgraphs, 2, 3).labels, together)


def test_one_track_alone_is_a_candidate() -> None:
    edges = np.array([[0, 1, 2, 0, 1], [1, 2, 3, 2, 3]])
    graph = HitGraph(np.zeros((6, 3), np.float32), edges)
    found = build_tracks(graph, np.array([3.0, 2.5, 2.8, 2.0, 2.2]), 0.0, CONFIG)
    assert found.labels.tolist() == [0, 0, 0, 0, -1, -1]


def test_two_tracks_that_weak_edges_join_are_two_candidates() -> None:
    tracks = [(a, b) for k in (0, 5) for a in range(k, k + 5) for b in range(a + 1, k + 5)]
    edges = np.array([*tracks, (4, 5), (3, 6)]).T
    logits = np.array([4.0] * len(tracks) + [0.1, 0.2])
    graph = HitGraph(np.zeros((10, 3), np.float32), edges)
    assert build_tracks(graph, logits, 0.0, CONFIG).labels.tolist() == [0] * 5 + [1] * 5
    assert build_tracks(graph, logits, 0.0, TrackBuildingConfig(method="connected_components")).num_candidates == 1


@pytest.mark.parametrize("num_nodes", [0, 4])
def test_without_edges_above_the_cut_there_are_no_candidates(num_nodes: int) -> None:
    edges = np.array([[0, 1], [1, 2]]) if num_nodes else np.zeros((2, 0), np.int64)
    graph = HitGraph(np.zeros((num_nodes, 3), np.float32), edges)
    found = build_tracks(graph, np.full(edges.shape[1], -1.0), 0.0, CONFIG)
    assert found.labels.tolist() == [-1] * num_nodes


def test_certain_edges_have_a_distance_too() -> None:
    edges = np.array([[0, 1, 2, 0], [1, 2, 3, 3]])
    graph = HitGraph(np.zeros((4, 3), np.float32), edges)
    assert build_tracks(graph, np.full(4, np.inf), 0.0, CONFIG).labels.tolist() == [0] * 4


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="min_samples 0"):
        hdbscan(cut_into_subgraphs(3, np.array([[0, 1], [1, 2]]), np.ones(2), 0.0, 2), min_samples=0)
