"""Paths of pivots on hand-made graphs, and the micrographs around them."""

import numpy as np
import pytest

from edgetrack.tracks.hypertrack.pivots import PivotConfig, _draw_seeds, micrographs_around, pivot_paths
from edgetrack.tracks.hypertrack.random_numbers import below, mixed, uniform
from edgetrack.tracks.hypertrack.subgraphs import Subgraphs, cut_into_subgraphs

Edges = list[tuple[int, int, float]]
# A path with log-odds 3 0 4 1, a branch at hit 3, and a leaf at its end.
#   0 –3– 1 –1– 2 –4– 3 –2– 4,  3 –2– 5,  5 –.5– 6
TREE: Edges = [(0, 1, 3.0), (1, 2, 1.0), (2, 3, 4.0), (3, 4, 2.0), (3, 5, 2.0), (5, 6, 0.5)]


def subgraphs_of(edges: Edges, num_nodes: int, cut: float = 0.0) -> Subgraphs:
    index = np.array([[a, b] for a, b, _ in edges], np.int64).T
    return cut_into_subgraphs(num_nodes, index, np.array([logit for *_, logit in edges]), cut)


def best(config: PivotConfig, edges: Edges = TREE, inactive: tuple[int, ...] = (), num_nodes: int = 7) -> list[int]:
    active = np.ones(num_nodes, np.bool_)
    active[list(inactive)] = False
    paths = pivot_paths(subgraphs_of(edges, num_nodes), active, 0, config)
    assert paths.subgraph.tolist() == [0]
    found: list[int] = paths.hits[0].tolist()
    return found


def test_the_path_with_the_largest_sum_of_log_odds_wins() -> None:
    """From every start: 0 1 2 (4), 1 0 (3, short), 2 3 4 (6), 3 2 1 (5), 4 3 2 (6), 5 3 2 (6), 6 5 3 (2.5)."""
    assert best(PivotConfig(seeds=7)) == [2, 3, 4]  # the first of three equals
    assert best(PivotConfig(seeds=7), inactive=(2,)) == [4, 3, 5]


def test_of_equal_edges_the_walk_takes_the_one_to_the_smaller_row() -> None:
    alone = {best(PivotConfig(seeds=1, seed=seed))[0]: best(PivotConfig(seeds=1, seed=seed)) for seed in range(60)}
    assert alone == {
        0: [0, 1, 2],
        1: [1, 0, -1],
        2: [2, 3, 4],
        3: [3, 2, 1],
        4: [4, 3, 2],
        5: [5, 3, 2],
        6: [6, 5, 3],
    }


def test_the_walk_passes_by_inactive_hits_and_weak_edges() -> None:
    every = PivotConfig(seeds=7)
    assert best(every, inactive=(0, 2, 4)) == [3, 5, 6]
    assert best(every, inactive=(2, 4)) == [0, 1, -1]  # log-odds 3, more than 2 and 0.5
    strong = PivotConfig(seeds=7, diffuse_threshold=1 / (1 + np.exp(-2.5)))
    assert sorted(best(strong)) == [-1, 2, 3]


def test_a_subgraph_with_fewer_active_hits_than_pivots_is_exhausted() -> None:
    pair = subgraphs_of([*TREE, (7, 8, 1.0), (8, 9, 1.0), (9, 10, 1.0)], 11)
    active = np.ones(11, np.bool_)
    assert pivot_paths(pair, active).subgraph.tolist() == [0, 1]
    active[[7, 9]] = False
    assert pivot_paths(pair, active).subgraph.tolist() == [1]
    assert not len(pivot_paths(pair, np.zeros(11, np.bool_)).subgraph)


def test_starting_hits_are_different_and_each_set_of_them_is_equally_likely() -> None:
    pool, chosen, counts = np.array([3, 5, 8, 9]), np.empty(2, np.int64), np.zeros((10, 10), np.int64)
    for key in range(6000):
        assert _draw_seeds(pool, 4, np.uint64(key), chosen) == 2
        counts[chosen.min(), chosen.max()] += 1
    pairs = counts[counts > 0]
    assert len(pairs) == 6
    assert np.abs(pairs - 1000).max() < 5 * np.sqrt(6000 * 1 / 6 * 5 / 6)
    assert _draw_seeds(pool, 1, np.uint64(0), chosen) == 1
    assert chosen[0] == 3


def test_a_random_walk_goes_along_edges_in_proportion_to_their_scores() -> None:
    """From the centre of a star with scores 1/2, 3/4 and 3/4: a quarter, three eighths, three eighths."""
    star = [(0, 1, 0.0), (0, 2, float(np.log(3))), (0, 3, float(np.log(3)))]
    graph = subgraphs_of(star, 4, cut=-1.0)
    config = PivotConfig(pivots=2, seeds=1, random_paths=1)
    paths = np.array([pivot_paths(graph, np.ones(4, np.bool_), k, config).hits[0] for k in range(8000)])
    ways = np.bincount(paths[paths[:, 0] == 0, 1], minlength=4)
    wanted = np.array([0, 1 / 2, 3 / 4, 3 / 4]) / 2
    assert np.abs(ways / ways.sum() - wanted).max() < 5 * np.sqrt(1 / 4 / ways.sum())


def test_many_random_walks_find_the_best_path_that_there_is() -> None:
    assert sorted(best(PivotConfig(seeds=7, random_paths=300))) in ([2, 3, 4], [2, 3, 5])


def test_a_micrograph_has_the_active_hits_that_are_linked_to_a_pivot() -> None:
    graph, active = subgraphs_of(TREE, 7), np.ones(7, np.bool_)
    paths = pivot_paths(graph, active, 0, PivotConfig(seeds=7))
    pivots = paths.hits[0].tolist()
    linked = {2: [1, 3], 3: [2, 4, 5], 4: [3], 5: [3, 6]}
    wanted = sorted(set(pivots) | {hit for pivot in pivots for hit in linked[pivot]})
    found = micrographs_around(graph, active, paths)
    assert found.nodes.tolist() == wanted
    assert found.pivots.tolist() == [pivots]
    active[1] = False
    assert micrographs_around(graph, active, paths).nodes.tolist() == [hit for hit in wanted if hit != 1]
    assert micrographs_around(graph, active, paths, "full").nodes.tolist() == [0, 2, 3, 4, 5, 6]


def test_the_random_numbers_are_splitmix64s() -> None:
    """The first outputs of the published generator from the state 0."""
    step = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        found = [int(mixed(np.uint64(n) * step)) for n in range(3)]
    assert found == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert int(below(np.uint64(0), 0, 1000)) == (0xE220A8397B1DCDAF >> 32) * 1000 >> 32
    assert uniform(np.uint64(0), 1) == (0x6E789E6AA1B965F4 >> 11) / 2**53


@pytest.mark.parametrize(
    "wrong",
    [
        {"pivots": 0},
        {"seeds": 0},
        {"random_paths": -1},
        {"seed": -1},
        {"diffuse_threshold": 1.0},
        {"micrograph": "all"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = .*wanted"):
        PivotConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wanted bool"):
        pivot_paths(subgraphs_of(TREE, 7), np.ones(6, np.bool_))
