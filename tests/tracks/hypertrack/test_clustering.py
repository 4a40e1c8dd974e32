"""The clustering loop against its plain form, and at its edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from slow_clustering import mixed, slow_clusters

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import Micrographs
from edgetrack.tracks.hypertrack.clustering import Clustering, ClusteringConfig, cluster
from edgetrack.tracks.hypertrack.mask_threshold import MaskThreshold
from edgetrack.tracks.hypertrack.pivots import PivotConfig

Edges = list[tuple[int, int, float]]


def graph_of(num_nodes: int, edges: Edges) -> tuple[HitGraph, NDArray[np.float64]]:
    """A graph whose hits all lie at one place."""
    index = np.array([[a, b] for a, b, _ in edges], np.int64).reshape(-1, 2).T
    return HitGraph(np.zeros((num_nodes, 3), np.float32), index), np.array([logit for *_, logit in edges])


def odd_mask(hits: list[int], pivots: list[int]) -> list[float]:
    """Nonsense that depends on hits and pivots alone: chooses about two of three."""
    return [mixed(hit * 1000 + pivots[0] * 7 + pivots[-1]) / 2**64 - 1 / 3 for hit in hits]


class Masks:
    """A mask model made of a plain function; it remembers what it was asked."""

    def __init__(self, function=odd_mask) -> None:  # type: ignore[no-untyped-def]
        self.function = function
        self.asked: list[Micrographs] = []

    def __call__(self, graph: HitGraph, latent: NDArray[np.floating], micrographs: Micrographs) -> NDArray[np.floating]:
        self.asked.append(micrographs)
        parts = np.split(micrographs.nodes, micrographs.offsets[1:-1])
        rows = zip(parts, micrographs.pivots, strict=True)
        return np.concatenate([self.function(hits.tolist(), pivots.tolist()) for hits, pivots in rows])


def clusters(num_nodes: int, edges: Edges, masks: Masks, config: ClusteringConfig | None = None) -> Clustering:
    graph, logits = graph_of(num_nodes, edges)
    return cluster(graph, logits, np.zeros((num_nodes, 2)), masks, 0.0, config)


def sets(found: Clustering) -> list[list[int]]:
    return sorted(hits.tolist() for hits in found.candidates)


def chain(first: int, count: int, logit: float = 2.0) -> Edges:
    """Every two of `count` hits linked: a track as the hyper adjacency has it."""
    return [(a, b, logit) for a in range(first, first + count) for b in range(a + 1, first + count)]


def take_all(hits: list[int], pivots: list[int]) -> list[float]:
    return [1.0] * len(hits)


def take_none(hits: list[int], pivots: list[int]) -> list[float]:
    return [-1.0] * len(hits)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29), st.integers(-8, 24)), max_size=110),
    st.integers(0, 2**40),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([0, 0, 1, 5]),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([0, 1, 4, 64]),
)
def test_candidates_and_failures_equal_those_of_the_plain_loop(
    edges: list[tuple[int, int, int]],
    seed: int,
    pivots: int,
    seeds: int,
    paths: int,
    full: bool,
    failures: int,
    hits_per_path: int,
) -> None:
    values = [(a, b, logit / 8) for a, b, logit in edges]
    config = ClusteringConfig(
        pivots=PivotConfig(pivots, seeds, 0.52, paths, "full" if full else "linked", hits_per_path, seed),
        min_cluster_size=3,
        max_failures=failures,
    )
    plain = {"pivots": pivots, "seeds": seeds, "diffuse_threshold": 0.52, "random_paths": paths, "full": full}
    plain |= {
        "hits_per_path": hits_per_path,
        "seed": seed,
        "min_graph": 4,
        "min_cluster_size": 3,
        "max_failures": failures,
    }
    found = clusters(30, values, Masks(), config)
    wanted, failed = slow_clusters(30, values, 0.0, odd_mask, plain)
    assert sets(found) == sorted(wanted)
    assert found.failures.tolist() == failed


def test_masks_shifted_by_one_row_give_other_candidates() -> None:
    """The fault that the comparison has to see."""
    edges = chain(0, 7) + chain(7, 8) + chain(15, 9)
    plain = {"pivots": 3, "seeds": 2, "diffuse_threshold": 0.4, "random_paths": 0, "full": False, "hits_per_path": 64}
    plain |= {"seed": 0, "min_graph": 4, "min_cluster_size": 4, "max_failures": 2}
    wanted = sorted(slow_clusters(24, edges, 0.0, odd_mask, plain)[0])
    graph, logits = graph_of(24, edges)

    def shifted(graph: HitGraph, latent: NDArray[np.floating], micrographs: Micrographs) -> NDArray[np.floating]:
        return np.roll(Masks()(graph, latent, micrographs), 1)

    assert sets(clusters(24, edges, Masks())) == wanted
    assert sets(cluster(graph, logits, np.zeros((24, 2)), shifted, 0.0)) != wanted


def test_another_seed_finds_other_candidates() -> None:
    rng = np.random.default_rng(3)
    edges = [
        (int(a), int(b), float(logit))
        for a, b, logit in zip(*rng.integers(0, 60, (2, 400)), rng.normal(1, 1, 400), strict=True)
    ]
    found = [sets(clusters(60, edges, Masks(), ClusteringConfig(pivots=PivotConfig(seed=seed)))) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert len(found[0]) > 1


def test_a_rejected_micrograph_does_not_shift_the_rows_of_the_others() -> None:
    """Three tracks of 4, 5 and 6 hits, asked about in this order; whichever is rejected, the others are whole."""
    edges = chain(0, 4) + chain(4, 5) + chain(9, 6)
    tracks = [list(range(4)), list(range(4, 9)), list(range(9, 15))]
    for rejected in range(3):

        def mask(hits: list[int], pivots: list[int], rejected: int = rejected) -> list[float]:
            good = pivots[0] not in tracks[rejected]
            return [1.0 if good and hit not in (8, 14) else -1.0 for hit in hits]

        found = clusters(15, edges, Masks(mask))
        wanted = [[hit for hit in track if hit not in (8, 14)] for k, track in enumerate(tracks) if k != rejected]
        assert sets(found) == wanted
        assert (found.failures[tracks[rejected]] > 0).any()


def test_all_subgraphs_are_asked_about_at_once() -> None:
    masks = Masks(take_all)
    found = clusters(15, chain(0, 4) + chain(4, 5) + chain(9, 6), masks)
    assert found.iterations == len(masks.asked) == 1
    assert found.micrographs == found.subgraphs == len(masks.asked[0]) == 3
    assert masks.asked[0].sizes.tolist() == [4, 5, 6]


def test_the_loop_ends_when_every_micrograph_is_rejected() -> None:
    masks = Masks(take_none)
    found = clusters(40, chain(0, 40), masks)
    assert found.candidates.num_candidates == 0
    assert found.iterations <= 2 * 40
    assert found.failures.max() == 2
    assert np.count_nonzero(found.failures < 2) < 3


def test_failures_are_kept_by_hit_and_a_path_that_is_too_short_is_one() -> None:
    """A star of pairs below the diffuse threshold: no walk leaves its first hit, and no mask is asked for."""
    masks = Masks(take_all)
    config = ClusteringConfig(pivots=PivotConfig(diffuse_threshold=0.9))
    found = clusters(6, [(0, k, 1.0) for k in range(1, 6)], masks, config)
    assert not masks.asked
    assert found.candidates.num_candidates == found.micrographs == 0
    assert sorted(found.failures.tolist())[2:] == [2, 2, 2, 2]


def test_one_subgraph_with_everything_gives_its_tracks_one_after_the_other() -> None:
    """Four tracks, joined by weak edges; the mask keeps the track of the pivots."""
    edges = [edge for k in range(4) for edge in chain(5 * k, 5)] + [(5 * k, 5 * k + 5, 0.5) for k in range(3)]

    def mask(hits: list[int], pivots: list[int]) -> list[float]:
        return [1.0 if hit // 5 == pivots[0] // 5 else -1.0 for hit in hits]

    found = clusters(20, edges, Masks(mask))
    assert found.subgraphs == 1
    assert sets(found) == [list(range(5 * k, 5 * k + 5)) for k in range(4)]
    assert found.iterations == 4


def test_paths_apart_in_a_large_subgraph_are_done_in_one_round() -> None:
    """A ring of 40 tracks of 5 hits: one path a round takes 40 rounds, others find the same tracks in fewer."""
    edges = [edge for k in range(40) for edge in chain(5 * k, 5, 3.0)] + [
        (5 * k, (5 * k + 5) % 200, 0.5) for k in range(40)
    ]

    def mask(hits: list[int], pivots: list[int]) -> list[float]:
        return [1.0 if hit // 5 == pivots[0] // 5 else -1.0 for hit in hits]

    one = clusters(200, edges, Masks(mask), ClusteringConfig(pivots=PivotConfig(hits_per_path=0)))
    many = clusters(200, edges, Masks(mask), ClusteringConfig(pivots=PivotConfig(hits_per_path=10)))
    assert sets(one) == sets(many) == [list(range(5 * k, 5 * k + 5)) for k in range(40)]
    assert (one.subgraphs, one.iterations) == (1, 40)
    assert many.iterations < 12


def test_hits_of_an_earlier_candidate_are_in_no_later_micrograph() -> None:
    def first_five(hits: list[int], pivots: list[int]) -> list[float]:
        return [1.0 if place < 5 else -1.0 for place in range(len(hits))]

    masks = Masks(first_five)
    found = clusters(30, chain(0, 30), masks)
    assert [asked.nodes.tolist() for asked in masks.asked] == [list(range(first, 30)) for first in range(0, 30, 5)]
    assert sets(found) == [list(range(first, first + 5)) for first in range(0, 30, 5)]


@pytest.mark.parametrize(("num_nodes", "edges"), [(0, []), (7, []), (4, [(0, 1, -1.0), (1, 2, -2.0), (2, 3, -np.inf)])])
def test_without_hits_or_edges_above_the_cut_there_are_no_candidates(num_nodes: int, edges: Edges) -> None:
    masks = Masks(take_all)
    for config in (None, ClusteringConfig(mean_degree=0.0)):
        found = clusters(num_nodes, edges, masks, config)
        assert found.candidates.labels.tolist() == [-1] * num_nodes
        assert (found.iterations, found.subgraphs) == (0, 0)
    assert not masks.asked


def test_the_cut_may_be_adapted_to_the_mean_degree() -> None:
    edges = chain(0, 5, logit=3.0) + chain(5, 5, logit=-3.0)
    assert sets(clusters(10, edges, Masks(take_all))) == [list(range(5))]
    config = ClusteringConfig(mean_degree=4.0, pivots=PivotConfig(diffuse_threshold=0.01))
    assert sets(clusters(10, edges, Masks(take_all), config)) == [list(range(5)), list(range(5, 10))]


def test_the_threshold_of_masks_may_be_found_in_their_scores() -> None:
    scores = [0.6, 0.58, 0.56, 0.47, 0.46, 0.45, 0.1]

    def mask(hits: list[int], pivots: list[int]) -> list[float]:
        return [float(np.log(scores[hit] / (1 - scores[hit]))) for hit in hits]

    fixed = clusters(7, chain(0, 7), Masks(mask), ClusteringConfig(min_cluster_size=3))
    assert sets(fixed) == [[0, 1, 2]]
    fisher = ClusteringConfig(min_cluster_size=3, mask=MaskThreshold("fisher", low=0.2))
    assert sets(clusters(7, chain(0, 7), Masks(mask), fisher)) == [[0, 1, 2, 3, 4, 5]]


def test_what_does_not_fit_is_refused() -> None:
    graph, logits = graph_of(5, chain(0, 5))
    with pytest.raises(ValueError, match=r"latent has shape \(4, 2\), wanted \(5, L\)"):
        cluster(graph, logits, np.zeros((4, 2)), Masks(), 0.0)
    with pytest.raises(ValueError, match="a logit for each of the 5 tokens"):
        cluster(graph, logits, np.zeros((5, 2)), lambda *_: np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="1 of them no numbers"):
        cluster(graph, logits, np.zeros((5, 2)), lambda *_: np.array([0, 0, 0, 0, np.nan]), 0.0)
    for wrong in ({"min_graph": 0}, {"min_cluster_size": 0}, {"max_failures": 0}, {"mean_degree": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} = "):
            ClusteringConfig(**wrong)
