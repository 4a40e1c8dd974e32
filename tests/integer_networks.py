"""Integer models with random weights, to test rooms that need one without training.

`toy_description` is on purpose shaped unlike the Interaction Network: two message-passing steps, a residual, a mean
aggregation. Whatever works on both works on step lists, not on a network by name.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Table, keeps_codes
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel
from edgetrack.quantize.tables import table_codes


def toy_description() -> NetworkDescription:
    """Encoder, two rounds (a mean, then a sum), a residual between them, and an edge head."""
    return NetworkDescription(
        "toy",
        (Input("x", "node", (4.0, 1.0, 0.5)), Input("edge_attr", "edge", (4.0, 32.0, 0.5, 0.125))),
        (
            Mlp("encode", "x", (5,)),
            Gather("a_source", "encode", "source"),
            Concat("message_in", ("a_source", "edge_attr")),
            Mlp("message", "message_in", (6, 5)),
            Scatter("mean", "message", "mean"),
            Concat("update_in", ("encode", "mean")),
            Mlp("update", "update_in", (6, 5)),
            Map("residual", "add", ("encode", "update")),
            Gather("b_source", "residual", "source"),
            Gather("b_target", "residual", "target"),
            Concat("message_2_in", ("b_source", "b_target")),
            Mlp("message_2", "message_2_in", (4,)),
            Scatter("sum_2", "message_2", "sum", "source"),
            Gather("c_source", "sum_2", "source"),
            Concat("head_in", ("c_source", "b_target", "message_2", "edge_attr")),
            Mlp("head", "head_in", (7, 1)),
        ),
        "head",
    )


def random_integer_model(description: NetworkDescription, seed: int = 0, weight_bits: int = 6) -> IntegerModel:
    """Random weights on grids that keep values alive: formats differ from step to step, signs and widths too."""
    rng = np.random.default_rng(seed)
    formats = {value.name: Format(8, -7) for value in description.inputs}
    layers: dict[str, tuple[IntegerLayer, ...]] = {}
    tables: dict[str, IntArray] = {}
    for step in description.steps:
        if keeps_codes(step):
            continue
        formats[step.name] = Format(8, int(rng.integers(-6, -3)))
        if isinstance(step, Table):
            tables[step.name] = table_codes(step, formats[source_of(description, step.source)], formats[step.name])
        if isinstance(step, Mlp):
            formats[step.name] = Format(8, -5, narrow=bool(rng.integers(2)))
            widths = (description.shape(step.source).width, *step.widths)
            made = []
            for index, (fan_in, fan_out) in enumerate(pairwise(widths)):
                weight_format = Format(weight_bits, -weight_bits + 1, narrow=True)
                weight = rng.integers(weight_format.lowest, weight_format.highest + 1, (fan_out, fan_in))
                bias = rng.integers(-500, 500, fan_out)
                last = index == len(step.widths) - 1
                activation = formats[step.name] if last else Format(8, -6, signed=False)
                made.append(IntegerLayer(weight, weight_format, bias, activation))
            layers[step.name] = tuple(made)
    return IntegerModel(description, formats, layers, tables)


def source_of(description: NetworkDescription, name: str) -> str:
    """The value whose format `name` has."""
    step = description.step(name)
    return source_of(description, step.sources[0]) if keeps_codes(step) else name


def random_graph(num_nodes: int, num_edges: int, seed: int = 0, spread: float = 1.0) -> HitGraph:
    """A graph with features in TrackML's ranges times `spread` (above 1 saturates the inputs)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (num_nodes, 3)) * [0.1, 1.0, 1.5] * spread + [0.12, 0, 0]
    edge_index = rng.integers(0, num_nodes, (2, num_edges)) if num_nodes else np.zeros((2, 0))
    return HitGraph(x.astype(np.float32), edge_index.astype(np.int64), y=rng.random(num_edges) < 0.5)


def flip_lsb(model: IntegerModel, mlp: str, layer: int = 0, index: tuple[int, int] = (0, 0)) -> IntegerModel:
    """The twin that must be caught: the same model with one LSB of one weight flipped (staying in its format)."""
    layers = list(model.layers[mlp])
    weight = layers[layer].weight.copy()
    flipped = weight[index] ^ 1
    weight[index] = flipped if flipped >= layers[layer].weight_format.lowest else weight[index] + 1
    layers[layer] = replace(layers[layer], weight=weight)
    return replace(model, layers={**model.layers, mlp: tuple(layers)})
