"""What verification feeds to every form: vectors for each MLP, and whole graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

MOST_CODES = 4096  # that are tried for a tie in one column

# Nodes and edges of the published FPGA graphs: Belle II's interaction network, HiGTR's chain.
BELLE_II, HIGTR = PUBLISHED_SIZES = ((28, 56), (660, 1320))


def kernel_vectors(model: IntegerModel, kernel: str, count: int, seed: int) -> dict[str, IntArray]:
    """`count` legal input vectors of one MLP, map or table, as codes of the inputs of `model.submodel(kernel)`.

    Corner cases come first, and ties of an MLP's first layer; see `corner_vectors`, `tie_vectors`, `column_vectors`.
    """
    part = model.submodel(kernel)
    columns = [fmt for value in part.description.inputs for fmt in part.columns(value.name)]
    lowest, highest = column_ends(columns)
    rng = np.random.default_rng([seed, *kernel.encode()])
    if kernel in part.layers:
        first, exponent = part.layers[kernel][0], min(fmt.exponent for fmt in columns)
        weight = first.weight << np.array([fmt.exponent - exponent for fmt in columns], np.int64)
        ties = tie_vectors(lowest, highest, first, weight, exponent + first.weight_format.exponent, rng.spawn(1)[0])
    else:
        weight = ties = np.zeros((0, len(columns)), np.int64)
    special = np.concatenate([corner_vectors(lowest, highest, weight), ties])
    return split_columns(part, column_vectors(columns, special, count, rng))


def column_vectors(columns: Sequence[Format], special: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """(count, width) codes in the formats of `columns`: the `special` ones (n, width), then random ones.

    Half as many as `count` are normal around zero with a tenth of the range, the rest uniform over the codes.
    """
    lowest, highest = column_ends(columns)
    spread = rng.normal(0.0, 0.1, (count // 2, len(columns))) * (highest - lowest)
    uniform = rng.integers(lowest, highest + 1, (count, len(columns)))
    vectors = np.concatenate([special, np.rint(spread).astype(np.int64), uniform])[:count]
    return np.asarray(np.clip(vectors, lowest, highest), np.int64)


def column_ends(columns: Sequence[Format]) -> tuple[IntArray, IntArray]:
    """(width,) least and greatest codes of `columns`."""
    ends = np.array([(fmt.lowest, fmt.highest) for fmt in columns], np.int64)
    return ends[:, 0], ends[:, 1]


def corner_vectors(lowest: IntArray, highest: IntArray, weight: IntArray) -> IntArray:
    """(n, width) extreme inputs; `weight` (fan_out, width) tells which signs drive each accumulator furthest."""
    width = len(lowest)
    middle = np.clip(np.zeros(width, np.int64), lowest, highest)
    plain = [lowest, highest, middle, np.clip(middle + 1, lowest, highest), np.clip(middle - 1, lowest, highest)]
    one_at_an_end = [np.where(np.eye(width, dtype=bool), end, middle) for end in (lowest, highest)]
    driven = [np.where(sign * weight > 0, highest, lowest) for sign in (1, -1)]
    return np.concatenate([np.stack(plain), *one_at_an_end, *driven])


def tie_vectors(
    lowest: IntArray,
    highest: IntArray,
    layer: IntegerLayer,
    weight: IntArray,
    exponent: int,
    rng: np.random.Generator,
) -> IntArray:
    """(n, width) inputs, up to four for each neuron, whose sum lies in the middle between two codes of the activation.

    `weight` (fan_out, width) takes the columns' own codes to sums on the grid 2^`exponent`.
    """
    shift = layer.activation.exponent - exponent
    found: list[IntArray] = []
    if not 0 < shift < 48:  # 48: more bits than a sum has
        return np.zeros((0, len(lowest)), np.int64)
    for base in rng.integers(lowest, highest + 1, (4, len(lowest))):
        wanted = np.ones(len(weight), bool)
        for column in rng.permutation(len(lowest)):
            codes = np.arange(lowest[column], highest[column] + 1)[:MOST_CODES]
            sums = weight @ base + layer.bias + np.outer(codes - base[column], weight[:, column])
            below = sums >> shift
            inside = (below >= layer.activation.lowest) & (below < layer.activation.highest)
            ties = inside & (sums - (below << shift) == 1 << (shift - 1))
            found += [
                np.where(np.arange(len(base)) == column, rng.choice(codes[ties[:, neuron]]), base)
                for neuron in np.flatnonzero(ties.any(axis=0) & wanted)
            ]
            wanted &= ~ties.any(axis=0)
    return np.array(found, np.int64).reshape(-1, len(lowest))


def split_columns(part: IntegerModel, vectors: IntArray) -> dict[str, IntArray]:
    """Columns of a kernel's input vectors, given back to the submodel's inputs in order."""
    ends = np.cumsum([value.width for value in part.description.inputs])[:-1]
    pieces = np.split(vectors, ends, axis=1)
    return {value.name: piece for value, piece in zip(part.description.inputs, pieces, strict=True)}


def within_degree(graph: HitGraph, largest: int) -> HitGraph:
    """`graph` without the edges beyond the first `largest` at one end of a node: what a model is exact for."""
    kept = np.ones(graph.num_edges, bool)
    for end in graph.edge_index:
        order = np.argsort(end, kind="stable")
        starts = np.searchsorted(end[order], end[order])
        kept[order] &= np.arange(len(order)) - starts < largest
    return graph if kept.all() else replace(graph, edge_index=graph.edge_index[:, kept])


def special_graphs(num_nodes: int, num_edges: int, seed: int) -> list[HitGraph]:
    """Graphs that real events rarely are: empty, without edges, isolated hits, a hub, saturating features."""
    rng = np.random.default_rng([seed, 77])

    def features(count: int, spread: float = 1.0) -> np.ndarray:
        return (rng.uniform(-1, 1, (count, 3)) * [0.1, 1.0, 1.5] * spread + [0.12, 0, 0]).astype(np.float32)

    def edges(among: int, count: int) -> np.ndarray:
        return rng.integers(0, among, (2, count))

    hub = edges(num_nodes, num_edges)
    hub[1] = num_nodes // 2
    none = np.zeros((2, 0), np.int64)
    return [
        HitGraph(features(0), none, name="empty"),
        HitGraph(features(num_nodes), none, name="no edges"),
        HitGraph(features(1), np.zeros((2, 1), np.int64), name="one hit, one edge to itself"),
        HitGraph(features(num_nodes), edges(max(num_nodes // 4, 1), num_edges), name="isolated hits"),
        HitGraph(features(num_nodes), hub, name="hub"),
        HitGraph(features(num_nodes, spread=8.0), edges(num_nodes, num_edges), name="saturating"),
        HitGraph(features(num_nodes), edges(num_nodes, num_edges), name="random"),
    ]


def random_graph(nodes: int, edges: int, name: str, rng: np.random.Generator) -> HitGraph:
    """Features in the ranges of real ones; half of the edges go to one eighth of the nodes, so that sums meet."""
    x = (rng.uniform(-1, 1, (nodes, 3)) * [0.1, 1.0, 1.5] + [0.12, 0, 0]).astype(np.float32)
    edge_index = rng.integers(0, max(nodes, 1), (2, edges if nodes else 0))
    crowded = rng.random(edge_index.shape[1]) < 0.5
    edge_index[1, crowded] %= max(nodes // 8, 1)
    return HitGraph(x, edge_index, name=name)


def with_node_attr(graphs: Sequence[HitGraph], description: NetworkDescription, seed: int) -> list[HitGraph]:
    """Graphs made up here, with the further features of hits that a network reads, if it reads any: normal around 0."""
    widths = [value.width for value in description.inputs if value.name == "node_attr"]
    if not widths:
        return list(graphs)
    rng = np.random.default_rng([seed, 79])
    return [
        replace(graph, node_attr=rng.normal(0.0, 1.0, (graph.num_nodes, *widths)).astype(np.float32))
        for graph in graphs
    ]


def max_degree(graph: HitGraph) -> int:
    """Largest number of edges at one end of any node."""
    return max((int(np.bincount(end).max(initial=0)) for end in graph.edge_index), default=0)


def count_vectors(inputs: Mapping[str, IntArray]) -> int:
    return len(next(iter(inputs.values())))
