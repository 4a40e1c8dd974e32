"""Three small networks that together have every kind of step, in several domains; and graphs for them.

Whatever works on all of them works on step lists, not on a network by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from integer_networks import random_graph
from numpy.typing import NDArray

from edgetrack.models.blocks import edge_convolution, multi_head_attention, residual, squared_distance
from edgetrack.models.description import NetworkDescription
from edgetrack.models.rows import Rows, hit_rows
from edgetrack.models.steps import (
    EDGE,
    NODE,
    PAIR,
    TOKEN,
    TRIPLET,
    Concat,
    Gather,
    Input,
    Map,
    Mlp,
    Scatter,
    Step,
    Table,
)

HITS = (Input("x", "node", (4.0, 1.0, 0.5)), Input("edge_attr", "edge", (4.0, 32.0, 0.5, 0.125)))


def every_step() -> NetworkDescription:
    """Products, distances, tables, a maximum, a mean, two rounds with shared weights, a residual."""
    steps: list[Step] = [Mlp("h_0", "x", (4,))]
    for index in (1, 2):
        steps += edge_convolution(f"m_{index}", f"h_{index - 1}", (5, 4), "mean", "edge_attr", "message")
        steps += [
            Concat(f"u_{index}_in", (f"h_{index - 1}", f"m_{index}")),
            Mlp(f"u_{index}", f"u_{index}_in", (5, 4), "update"),
            Map(f"h_{index}", "add", (f"h_{index - 1}", f"u_{index}")),
        ]
    steps += [
        Scatter("largest", "m_2_message", "max", "source"),
        Gather("largest_source", "largest", "source"),
        Gather("h_source", "h_2", "source"),
        Gather("h_target", "h_2", "target"),
        Map("product", "multiply", ("h_source", "h_target")),
        *squared_distance("distance", "h_source", "h_target"),
        Table("closeness", "sigmoid", "distance"),
        Map("weighted", "multiply", ("product", "closeness")),
        Map("size", "absolute", ("largest_source",)),
        Map("apart", "l1_distance", ("h_source", "h_target")),
        Map("near", "negate", ("apart",)),
        Concat("head_in", ("weighted", "size", "near", "edge_attr")),
        Mlp("head_0", "head_in", (6,)),
        Table("head_1", "silu", "head_0"),
        Mlp("head", "head_1", (1,)),
    ]
    return NetworkDescription("every_step", HITS, tuple(steps), "head")


def attention_network() -> NetworkDescription:
    """Two heads of masked attention over the pairs of clusters, a residual, one number a token."""
    steps = (
        Mlp("embed", "tokens", (4,)),
        *multi_head_attention("attended", "embed", "embed", "embed", heads=2, head_width=3, width=4),
        Map("joined", "add", ("embed", "attended")),
        *residual("h", "joined", (5, 4)),
        Mlp("mask", "h", (1,)),
    )
    return NetworkDescription("attention", (Input("tokens", "token", (1.0,) * 3),), steps, "mask", (TOKEN, PAIR))


def triplet_network() -> NetworkDescription:
    """Edges as nodes of a second graph: messages between edges that share a hit, one number a triplet."""
    steps: tuple[Step, ...] = (
        Gather("x_source", "x", "source"),
        Gather("x_target", "x", "target"),
        Concat("edge_in", ("x_source", "x_target", "edge_attr")),
        Mlp("e", "edge_in", (5, 4)),
        Gather("e_inner", "e", "inner"),
        Gather("e_outer", "e", "outer"),
        Map("kink", "subtract", ("e_outer", "e_inner")),
        Concat("triplet_in", ("e_inner", "kink", "bend")),
        Mlp("t", "triplet_in", (5, 3)),
        Scatter("from_inner", "t", "mean", "outer"),
        Concat("update_in", ("e", "from_inner")),
        Mlp("e_2", "update_in", (4,)),
        Gather("f_inner", "e_2", "inner"),
        Gather("f_outer", "e_2", "outer"),
        Map("agreement", "dot", ("f_inner", "f_outer")),
        Table("sure", "sigmoid", "agreement"),
        Concat("head_in", ("sure", "t")),
        Mlp("head", "head_in", (4, 1)),
    )
    inputs = (*HITS, Input("bend", "triplet", (1.0,)))
    return NetworkDescription("triplets", inputs, steps, "head", (NODE, EDGE, TRIPLET))


NETWORKS = {"every step": every_step(), "attention": attention_network(), "triplets": triplet_network()}


def toy_rows(description: NetworkDescription, size: int, seed: int = 0, spread: float = 1.0) -> Rows[NDArray[Any]]:
    """A graph for one of the networks, with about `size` nodes or tokens; `spread` above 1 saturates inputs."""
    if description.domains == (TOKEN, PAIR):
        return clusters(size, seed, spread)
    graph = random_graph(size, 3 * size, seed, spread)
    if description.domains == (NODE, EDGE):
        return hit_rows(graph)
    return with_triplets(hit_rows(graph), seed)


def clusters(size: int, seed: int, spread: float = 1.0) -> Rows[NDArray[Any]]:
    """`size` tokens in clusters of random sizes; each token looks at its own cluster, some at nobody (masked)."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, max(size // 4, 1), size)
    query, key = np.nonzero(cluster[:, None] == cluster[None, :])
    seen = rng.random(size) > 0.2
    pairs = np.flatnonzero(seen[query])
    return Rows(
        (TOKEN, PAIR),
        {"token": size, "pair": len(pairs)},
        {"tokens": (spread * rng.uniform(-1, 1, (size, 3))).astype(np.float32)},
        {"query": query[pairs], "key": key[pairs]},
        f"{size} tokens",
    )


def with_triplets(rows: Rows[NDArray[Any]], seed: int) -> Rows[NDArray[Any]]:
    """The pairs of edges of which the first ends where the second begins."""
    inner, outer = np.nonzero(rows.ends["target"][:, None] == rows.ends["source"][None, :])
    bend = np.random.default_rng(seed).uniform(-1, 1, (len(inner), 1)).astype(np.float32)
    return Rows(
        (NODE, EDGE, TRIPLET),
        {**rows.counts, "triplet": len(inner)},
        {**rows.features, "bend": bend},
        {**rows.ends, "inner": inner, "outer": outer},
        rows.name,
    )
