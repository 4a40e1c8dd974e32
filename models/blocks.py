"""What papers say, in steps: each function gives the steps of one block; its last one makes the value `name`.

Names of the values inside begin with `name`. Blocks compute with values that exist already and add none of their own
inputs. Nothing here is known to a later room: those see the steps only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter, Step, Table


def softmax(name: str, scores: str, end: str) -> list[Step]:
    """exp(s_i) / Σ_j exp(s_j) over the elements that share the one at `end`, column by column.

    Whoever may look at whom is said by the elements that there are: a masked pair is left out of the domain. The
    largest score is subtracted first, so that exponentials lie in (0, 1] and sums in [1, degree]: one table each.
    """
    return [
        Scatter(f"{name}_largest", scores, "max", end),
        Gather(f"{name}_shift", f"{name}_largest", end),
        Map(f"{name}_below", "subtract", (scores, f"{name}_shift")),
        Table(f"{name}_exponential", "exponential", f"{name}_below"),
        Scatter(f"{name}_sum", f"{name}_exponential", "sum", end),
        Table(f"{name}_reciprocal", "reciprocal", f"{name}_sum"),
        Gather(f"{name}_share", f"{name}_reciprocal", end),
        Map(name, "multiply", (f"{name}_exponential", f"{name}_share")),
    ]


def attention(
    name: str, query: str, key: str, value: str, width: int, ends: tuple[str, str] = ("query", "key")
) -> list[Step]:
    """One head of width `width`: Σ_k softmax_k(⟨W_q q, W_k k⟩) W_v v over the keys of each query.

    Vaswani et al., "Attention is all you need" (2017), equation 1, on the pairs of a domain with ends `ends`; its
    1 / √width is a factor of W_q's weights and biases, which training finds. A query without keys gets zero.
    """
    query_end, key_end = ends
    return [
        Mlp(f"{name}_q", query, (width,)),
        Mlp(f"{name}_k", key, (width,)),
        Mlp(f"{name}_v", value, (width,)),
        Gather(f"{name}_q_of_pair", f"{name}_q", query_end),
        Gather(f"{name}_k_of_pair", f"{name}_k", key_end),
        Gather(f"{name}_v_of_pair", f"{name}_v", key_end),
        Map(f"{name}_score", "dot", (f"{name}_q_of_pair", f"{name}_k_of_pair")),
        *softmax(f"{name}_weight", f"{name}_score", query_end),
        Map(f"{name}_message", "multiply", (f"{name}_v_of_pair", f"{name}_weight")),
        Scatter(name, f"{name}_message", "sum", query_end),
    ]


def multi_head_attention(
    name: str,
    query: str,
    key: str,
    value: str,
    heads: int,
    head_width: int,
    width: int,
    ends: tuple[str, str] = ("query", "key"),
) -> list[Step]:
    """`heads` heads side by side, mixed into `width` columns by one linear layer."""
    steps: list[Step] = []
    names = [f"{name}_head_{head}" for head in range(1, heads + 1)]
    for head in names:
        steps += attention(head, query, key, value, head_width, ends)
    return [*steps, Concat(f"{name}_heads", tuple(names)), Mlp(name, f"{name}_heads", (width,))]


def edge_convolution(
    name: str,
    nodes: str,
    widths: tuple[int, ...],
    reduce: Literal["sum", "mean", "max"] = "max",
    edges: str | None = None,
    weights: str = "",
) -> list[Step]:
    """At each node the `reduce` over its incoming edges of MLP([h_target, h_source − h_target, e]).

    Wang et al., "Dynamic graph CNN for learning on point clouds" (2019), equation 8; `edges` joins features of the
    edge. `weights` names the MLP's weights, so that rounds can share them.
    """
    return [
        Gather(f"{name}_target", nodes, "target"),
        Gather(f"{name}_source", nodes, "source"),
        Map(f"{name}_difference", "subtract", (f"{name}_source", f"{name}_target")),
        Concat(f"{name}_in", (f"{name}_target", f"{name}_difference", *([edges] if edges else []))),
        Mlp(f"{name}_message", f"{name}_in", widths, weights),
        Scatter(name, f"{name}_message", reduce),
    ]


def residual(name: str, value: str, widths: tuple[int, ...], weights: str = "") -> list[Step]:
    """value + MLP(value)."""
    return [Mlp(f"{name}_change", value, widths, weights), Map(name, "add", (value, f"{name}_change"))]


def squared_distance(name: str, left: str, right: str) -> list[Step]:
    """Σ_c (left_c − right_c)², one column."""
    return [
        Map(f"{name}_difference", "subtract", (left, right)),
        Map(name, "dot", (f"{name}_difference", f"{name}_difference")),
    ]


def activated(name: str, source: str, widths: Sequence[int], function: str) -> list[Step]:
    """An MLP with `function` (silu, …) behind every layer but the last, instead of ReLU."""
    steps: list[Step] = []
    for index, width in enumerate(widths):
        last = index == len(widths) - 1
        layer = name if last else f"{name}_{index}"
        steps.append(Mlp(layer, source, (width,)))
        if not last:
            steps.append(Table(f"{layer}_{function}", function, layer))
            source = f"{layer}_{function}"
    return steps
