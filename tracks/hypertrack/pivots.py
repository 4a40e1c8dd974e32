"""Pivotal search: in every subgraph one path of hits that surely are of one track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.models.micrographs import Micrographs
from edgetrack.tracks.hypertrack.random_numbers import below, mixed
from edgetrack.tracks.hypertrack.subgraphs import Adjacency, Subgraphs
from edgetrack.tracks.hypertrack.walks import surroundings, walk

NONE = -1  # in place of a pivot that a path has not


@dataclass(frozen=True)
class PivotConfig:
    """How pivots are searched (arXiv:2309.14113, table 1).

    `pivots`: hits of a path. `seeds`: starting hits, drawn among the active ones of a subgraph. `diffuse_threshold`: a
    path goes along edges with a score (probability) above it. `random_paths`: 0 for the greedy walk, which goes along
    the best edge from each starting hit; else so many random walks, each from one of the starting hits, along edges
    drawn in proportion to their scores. `micrograph`: the active hits that are linked to a pivot, or all active hits of
    the subgraph ("full"). `seed` of all draws.

    `hits_per_path`: a further path is searched for each so many active hits of a subgraph, and kept where its
    micrograph has no hit of an earlier one; such paths would be found one after the other as well, so large subgraphs
    are done in fewer rounds. 0: one path a subgraph and round, as published.
    """

    pivots: int = 3
    seeds: int = 2
    diffuse_threshold: float = 0.4
    random_paths: int = 0
    micrograph: Literal["linked", "full"] = "linked"
    hits_per_path: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("pivots", 1), ("seeds", 1), ("random_paths", 0), ("hits_per_path", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)}, wanted at least {least}")
        if not 0 <= self.diffuse_threshold < 1:
            raise ValueError(f"diffuse_threshold = {self.diffuse_threshold}, wanted a score from 0 to below 1")
        if self.micrograph not in ("linked", "full"):
            raise ValueError(f"micrograph = {self.micrograph!r}, wanted 'linked' or 'full'")


@dataclass(frozen=True)
class PivotPaths:
    """The best paths of each subgraph that still has as many active hits as a path has pivots.

    No hit is on two of them, nor in the micrographs of two.
    """

    subgraph: NDArray[np.int64]  # (K,) never falling
    hits: NDArray[np.int64]  # (K, P) in the order of the walk; −1 behind the end of a path that is too short

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(K,) the path has all its pivots."""
        return np.asarray(self.hits[:, -1] != NONE)


def pivot_paths(
    subgraphs: Subgraphs, active: NDArray[np.bool_], iteration: int = 0, config: PivotConfig | None = None
) -> PivotPaths:
    """Walk in every subgraph that is not exhausted, all in one compiled call.

    From each starting hit the walk goes on to the active hit, not yet on the path, with the highest log-odds; the path
    with the largest sum of log-odds wins, of equals the first. Of neighbours with equal log-odds the smaller row of the
    graph is taken. Draws depend on the seed, the subgraph's place, the iteration and the number of the path alone.

    Args: active (N,) bool, hits that are in no candidate yet and have not failed; iteration, of the clustering loop.
    O(M + Σ degrees of the hits on paths).
    """
    config = config or PivotConfig()
    if active.shape != (subgraphs.num_hits,) or active.dtype != np.bool_:
        raise ValueError(f"active is {active.dtype} {active.shape}, wanted bool ({subgraphs.num_hits},)")
    odds = config.diffuse_threshold / (1 - config.diffuse_threshold)
    subgraph, hits = _walk_all(
        subgraphs.adjacency,
        subgraphs.nodes,
        subgraphs.offsets,
        active,
        config.pivots,
        config.seeds,
        float(np.log(odds)) if odds > 0 else -np.inf,
        config.random_paths,
        0 if config.micrograph == "full" else config.hits_per_path,
        np.uint64(config.seed),
        np.uint64(iteration),
    )
    return PivotPaths(subgraph, hits)


def micrographs_around(
    subgraphs: Subgraphs, active: NDArray[np.bool_], paths: PivotPaths, mode: Literal["linked", "full"] = "linked"
) -> Micrographs:
    """One micrograph for each path in `paths`, all of which have to be whole, in their order; hits ascending.

    O(M + Σ degrees of the pivots) time; at most M tokens.
    """
    nodes, offsets = _collect(
        subgraphs.adjacency,
        subgraphs.nodes,
        subgraphs.offsets,
        active,
        paths.subgraph,
        paths.hits,
        mode == "full",
    )
    return Micrographs(nodes, offsets, paths.hits)


@compiled()
def _walk_all(
    adjacency: Adjacency,
    nodes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    active: NDArray[np.bool_],
    num_pivots: int,
    num_seeds: int,
    least: float,
    random_paths: int,
    hits_per_path: int,
    seed: np.uint64,
    iteration: np.uint64,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(K,) subgraphs and (K, P) their best paths."""
    room = len(offsets) - 1 + (len(nodes) // hits_per_path if hits_per_path else 0)
    subgraph = np.empty(room, np.int64)
    paths = np.full((room, num_pivots), -1)
    pool = np.empty(len(nodes), np.int64)
    chosen = np.empty(num_seeds, np.int64)
    taken = np.zeros(len(active), np.bool_)
    space = np.empty(num_pivots + len(adjacency.neighbours), np.int64)
    found = 0
    for s in range(len(offsets) - 1):
        size = 0
        for place in range(offsets[s], offsets[s + 1]):
            if active[nodes[place]]:
                pool[size] = nodes[place]
                size += 1
        if size < num_pivots:
            continue
        key = mixed(mixed(mixed(seed) ^ np.uint64(s)) ^ iteration)
        for number in range(1 + (size // hits_per_path if hits_per_path else 0)):
            key = mixed(key)
            draws = _draw_seeds(pool, size, key, chosen)
            length = _best_path(adjacency, active, chosen, draws, least, key, random_paths, paths[found], space)
            around = surroundings(adjacency, active, paths[found], length, space)
            if number == 0 or not taken[around].any():
                taken[around] = True
                subgraph[found] = s
                found += 1
    return subgraph[:found].copy(), paths[:found].copy()


@compiled()
def _best_path(
    adjacency: Adjacency,
    active: NDArray[np.bool_],
    chosen: NDArray[np.int64],
    draws: int,
    least: float,
    key: np.uint64,
    random_paths: int,
    best: NDArray[np.int64],
    space: NDArray[np.int64],
) -> int:
    """Of the walks from chosen[:draws] the one with the largest sum into `best`, filled up with −1; its length."""
    path = np.empty(len(best), np.int64)
    highest, longest = -np.inf, 0
    for number in range(random_paths if random_paths else draws):
        first_draw = len(chosen) + number * len(best)
        path[0] = chosen[below(key, first_draw, draws) if random_paths else number]
        length, total = walk(adjacency, active, path, least, key, first_draw if random_paths else -1, space)
        if number == 0 or total > highest:
            highest, longest = total, length
            best[:length], best[length:] = path[:length], -1
    return longest


@compiled()
def _draw_seeds(pool: NDArray[np.int64], size: int, key: np.uint64, chosen: NDArray[np.int64]) -> int:
    """Different hits of pool[:size] into `chosen`, each set of them equally likely (Floyd); how many."""
    draws = min(len(chosen), size)
    for draw in range(draws):
        last = size - draws + draw
        hit = pool[below(key, draw, last + 1)]
        for before in range(draw):
            if chosen[before] == hit:
                hit = pool[last]
                break
        chosen[draw] = hit
    return draws


@compiled()
def _collect(
    adjacency: Adjacency,
    nodes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    active: NDArray[np.bool_],
    subgraph: NDArray[np.int64],
    pivots: NDArray[np.int64],
    full: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens of all micrographs and where each begins."""
    tokens = np.empty(len(nodes), np.int64)  # micrographs have no hit in common
    begins = np.zeros(len(subgraph) + 1, np.int64)
    space = np.empty(pivots.shape[1] + len(adjacency.neighbours), np.int64)
    for b in range(len(subgraph)):
        if full:
            own = nodes[offsets[subgraph[b]] : offsets[subgraph[b] + 1]]
            found = own[active[own]]
        else:
            found = np.unique(surroundings(adjacency, active, pivots[b], pivots.shape[1], space))
        begins[b + 1] = begins[b] + len(found)
        tokens[begins[b] : begins[b + 1]] = found
    return tokens[: begins[-1]].copy(), begins
