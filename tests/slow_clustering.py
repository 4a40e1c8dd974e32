"""HyperTrack's clustering written out in plain Python from its description: what the compiled loop has to equal."""

import math
from collections.abc import Callable

Neighbours = dict[int, dict[int, float]]  # hit → neighbour → log-odds
Mask = Callable[[list[int], list[int]], list[float]]  # hits of a micrograph, its pivots → logits

WORD = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15


def mixed(value: int) -> int:
    """SplitMix64."""
    z = (value + STEP) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def bits(key: int, draw: int) -> int:
    return mixed((key + draw * STEP) & WORD)


def below(key: int, draw: int, limit: int) -> int:
    return (bits(key, draw) >> 32) * limit >> 32


def neighbours_of(num_nodes: int, edges: list[tuple[int, int, float]], cut: float) -> Neighbours:
    out: Neighbours = {node: {} for node in range(num_nodes)}
    for a, b, logit in edges:
        if logit > cut and a != b:
            for here, there in ((a, b), (b, a)):
                out[here][there] = max(out[here].get(there, -math.inf), logit)
    return out


def components(neighbours: Neighbours, min_graph: int) -> list[list[int]]:
    """Hits of each component, by size, then by first hit."""
    found, seen = [], set()
    for start in neighbours:
        if start in seen:
            continue
        members, front = {start}, [start]
        while front:
            front = [b for a in front for b in neighbours[a] if b not in members and not members.add(b)]  # type: ignore[func-returns-value]
        seen |= members
        if len(members) >= min_graph:
            found.append(sorted(members))
    return sorted(found, key=lambda hits: (len(hits), hits[0]))


def seeds(active: list[int], key: int, count: int) -> list[int]:
    chosen: list[int] = []
    draws = min(count, len(active))
    for draw in range(draws):
        last = len(active) - draws + draw
        hit = active[below(key, draw, last + 1)]
        chosen.append(active[last] if hit in chosen else hit)
    return chosen


def walk(neighbours: Neighbours, active: set[int], start: int, pivots: int, least: float) -> tuple[list[int], float]:
    path, total = [start], 0.0
    while len(path) < pivots:
        free = [(-logit, hit) for hit, logit in neighbours[path[-1]].items() if hit in active and hit not in path]
        free = [pair for pair in free if -pair[0] > least]
        if not free:
            break
        total += -min(free)[0]
        path.append(min(free)[1])
    return path, total


def random_walk(
    neighbours: Neighbours, active: set[int], start: int, pivots: int, least: float, key: int, draw: int
) -> tuple[list[int], float]:
    path, total = [start], 0.0
    while len(path) < pivots:
        row = neighbours[path[-1]]
        free = [hit for hit in sorted(row) if hit in active and hit not in path and row[hit] > least]
        if not free:
            break
        number = (bits(key, draw + len(path)) >> 11) / 2**53
        wanted, reached, step = number * sum(1 / (1 + math.exp(-row[hit])) for hit in free), 0.0, free[-1]
        for hit in free:
            reached += 1 / (1 + math.exp(-row[hit]))
            if reached > wanted:
                step = hit
                break
        total += row[step]
        path.append(step)
    return path, total


def best_path(neighbours: Neighbours, active: list[int], key: int, settings: dict[str, float]) -> list[int]:
    pivots, count, paths = int(settings["pivots"]), int(settings["seeds"]), int(settings["random_paths"])
    least = math.log(settings["diffuse_threshold"] / (1 - settings["diffuse_threshold"]))
    starts = seeds(active, key, count)
    if not paths:
        walks = [walk(neighbours, set(active), start, pivots, least) for start in starts]
    else:
        walks = []
        for k in range(paths):
            draw = count + k * pivots
            start = starts[below(key, draw, len(starts))]
            walks.append(random_walk(neighbours, set(active), start, pivots, least, key, draw))
    return max(walks, key=lambda found: found[1])[0]


def slow_clusters(
    num_nodes: int, edges: list[tuple[int, int, float]], cut: float, mask: Mask, settings: dict[str, float]
) -> tuple[list[list[int]], list[int]]:
    """Candidates and the failures of each hit, one subgraph after the other: they know nothing of each other."""
    neighbours = neighbours_of(num_nodes, edges, cut)
    failures, found = [0] * num_nodes, []
    for s, graph in enumerate(components(neighbours, int(settings["min_graph"]))):
        active, iteration = list(graph), 0
        while len(active) >= settings["pivots"]:
            key = mixed(mixed(mixed(int(settings["seed"])) ^ s) ^ iteration)
            iteration += 1
            paths = separate_paths(neighbours, active, key, settings)
            gone: set[int] = set()
            for path, micrograph in paths:
                chosen = []
                if len(path) == settings["pivots"]:
                    masks = mask(micrograph, path)
                    chosen = [hit for hit, logit in zip(micrograph, masks, strict=True) if logit > 0]
                if len(chosen) >= settings["min_cluster_size"]:
                    found.append(chosen)
                    gone |= set(chosen)
                    continue
                for hit in path:
                    failures[hit] += 1
            active = [hit for hit in active if hit not in gone and failures[hit] < settings["max_failures"]]
    return found, failures


def separate_paths(
    neighbours: Neighbours, active: list[int], key: int, settings: dict[str, float]
) -> list[tuple[list[int], list[int]]]:
    """Paths and their micrographs, none of which has a hit of one before it."""
    taken: set[int] = set()
    out = []
    more = len(active) // int(settings["hits_per_path"]) if settings["hits_per_path"] and not settings["full"] else 0
    for number in range(1 + more):
        key = mixed(key)
        path = best_path(neighbours, active, key, settings)
        hits = {hit for pivot in path for hit in neighbours[pivot]} | set(path)
        micrograph = [hit for hit in active if settings["full"] or hit in hits]
        used = set(micrograph) if len(path) == settings["pivots"] else set(path)
        if number == 0 or not used & taken:
            taken |= used
            out.append((path, micrograph))
    return out
