"""An integer model as a list of hls4ml layers with their types: one layer a step, one a linear layer of an MLP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgetrack.export.hls4ml import types as hls_types
from edgetrack.export.hls4ml.config import Beats
from edgetrack.models.steps import EDGE, NODE, Concat, Gather, Input, Map, Mlp, Scatter, Step, Table, refuse_step
from edgetrack.quantize.exact import reciprocals
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

MOST_READERS = 7  # hls4ml duplicates a stream at most that often


@dataclass
class HlsNetwork:
    """What hls4ml's `ModelGraph.from_layer_list` takes, and where each value of the network is to be found in it."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    precision: dict[str, dict[str, str]] = field(default_factory=dict)  # layer → type of each of its variables
    inputs: list[str] = field(default_factory=list)
    output: str = ""
    values: dict[str, str] = field(default_factory=dict)  # layer → value, in order ("phi_r1.0": hidden activation)

    def add(self, class_name: str, name: str, precision: dict[str, str], **attributes: Any) -> None:
        if name.lower() in {known.lower() for known in self.precision} | {"input"}:
            raise ValueError(f"hls4ml: layer name {name!r} is taken or reserved (case does not count); rename the step")
        if not name.isascii():
            raise ValueError(f"hls4ml: layer name {name!r} cannot stand in C++, wanted ASCII; rename the step")
        self.layers.append({"class_name": class_name, "name": name, **attributes})
        self.precision[name] = precision


def hls_network(model: IntegerModel, beats: Mapping[str, Beats]) -> HlsNetwork:
    """The whole network for graphs of exactly `beats` of nodes and edges, without steps that the output does not need.

    Each value has the shape (beats, lanes · width). Inputs are those of the description, then edge_source and
    edge_target where a step reads them: the numbers of each edge's nodes.
    Raises ValueError, naming the layer, where hls4ml has no way to build it.
    """
    network = HlsNetwork()
    description = model.description
    others = [domain.name for domain in description.domains if domain.name not in (NODE.name, EDGE.name)]
    if others:
        raise ValueError(f"hls4ml: it has layers for nodes and edges only, the network has domains {others}")
    needed = description.needed
    for value in description.inputs:
        if value.name in needed:
            _add_input(network, value, model.formats[value.name], beats[value.domain])
    steps = [step for step in description.steps if step.name in needed]
    ends = {step.end for step in steps if isinstance(step, Gather | Scatter)}
    for end in ("source", "target"):
        if end in ends:
            network.add(
                "InputLayer",
                f"edge_{end}",
                {"result": hls_types.unsigned(beats["node"].rows - 1)},
                input_shape=[beats["edge"].beats, beats["edge"].lanes],
            )
            network.inputs.append(f"edge_{end}")
    produced = {name: name for name in network.inputs}  # value → the layer whose output it is
    for step in steps:
        produced[step.name] = _add_step(network, model, step, beats, produced)
    network.output = produced[description.output]
    _check_readers(network)
    return network


def _add_input(network: HlsNetwork, value: Input, fmt: Format, beats: Beats) -> None:
    network.add(
        "InputLayer",
        value.name,
        {"result": hls_types.requantized(fmt)},
        input_shape=[beats.beats, beats.lanes * value.width],
    )
    network.inputs.append(value.name)


def _add_step(
    network: HlsNetwork, model: IntegerModel, step: Step, beats: Mapping[str, Beats], produced: dict[str, str]
) -> str:
    """Add the layers of one step; the name of the layer that gives its value."""
    shape = model.description.shape(step.name)
    rows = {"beats": beats[shape.domain].beats, "lanes": beats[shape.domain].lanes}
    inputs = [produced[name] for name in step.sources]
    if isinstance(step, Mlp):
        return _add_mlp(network, model, step, inputs[0], rows)
    network.values[step.name] = step.name
    edges = beats["edge"].rows
    graph = {
        "node_beats": beats["node"].beats,
        "node_lanes": beats["node"].lanes,
        "edge_beats": beats["edge"].beats,
        "edge_lanes": beats["edge"].lanes,
        "width": shape.width,
    }
    match step:
        case Gather():
            result = hls_types.common(model.columns(step.name))
            network.add("EdgeGather", step.name, {"result": result}, inputs=[*inputs, f"edge_{step.end}"], **graph)
        case Scatter(reduce="sum" | "mean"):
            types = {
                "result": hls_types.requantized(model.formats[step.name]),
                "accum": hls_types.accumulator(
                    model.sum_bits(step.name, edges), model.exponent(step.source), model.formats[step.name]
                ),
            }
            mean: dict[str, Any] = {}
            if step.reduce == "mean":
                bits = model.reciprocal_bits
                mean = {"reciprocal_data": reciprocals(np.arange(edges + 1), bits) * 2.0**-bits}
                types["reciprocal"] = f"ufixed<{bits + 1},1>"
            name = {"sum": "ScatterSum", "mean": "ScatterMean"}[step.reduce]
            network.add(name, step.name, types, inputs=[*inputs, f"edge_{step.end}"], **graph, **mean)
        case Concat():
            widths = [model.description.shape(part).width for part in step.parts]
            network.add(
                "JoinColumns",
                step.name,
                {"result": hls_types.common(model.columns(step.name))},
                inputs=inputs,
                widths=widths,
                **rows,
            )
        case Map(operation="add"):
            network.add(
                "Merge", step.name, {"result": hls_types.requantized(model.formats[step.name])}, inputs=inputs, op="add"
            )
        case Map() | Table() | Scatter():
            raise ValueError(f"hls4ml: {step.name!r} is a {step.kind}, for which it has no layer")
        case _:
            refuse_step(step, "hls4ml")
    return step.name


def _add_mlp(network: HlsNetwork, model: IntegerModel, step: Mlp, source: str, rows: Mapping[str, int]) -> str:
    exponent = model.exponent(step.source)
    bits = model.accumulator_bits(step.name)
    for index, layer in enumerate(model.layers[step.name]):
        accumulator = exponent + layer.weight_format.exponent
        bias_bits = int(np.abs(layer.bias).max()).bit_length() + 1
        types = {
            "weight": hls_types.exact(layer.weight_format.bits, layer.weight_format.exponent)
            if layer.weight_format.signed
            else hls_types.requantized(layer.weight_format),
            "bias": hls_types.exact(max(bias_bits, 2), accumulator),
            "accum": hls_types.accumulator(bits[index], accumulator, layer.activation),
            # Rounding, saturation and, for an unsigned result, ReLU: all in one conversion.
            "result": hls_types.requantized(layer.activation),
        }
        name = f"{step.name}_dense_{index}"
        fan_out, fan_in = layer.weight.shape
        network.add(
            "RowDense",
            name,
            types,
            inputs=[source],
            n_in=fan_in,
            n_out=fan_out,
            weight_data=(layer.weight * layer.weight_format.step).T.copy(),
            bias_data=layer.bias * 2.0**accumulator,
            **rows,
        )
        last = index == len(model.layers[step.name]) - 1
        network.values[name] = step.name if last else f"{step.name}.{index}"
        source, exponent = name, layer.activation.exponent
    return source


def _check_readers(network: HlsNetwork) -> None:
    readers = [name for layer in network.layers for name in layer.get("inputs", [])] + [network.output]
    for name in set(readers):
        if readers.count(name) > MOST_READERS:
            raise ValueError(
                f"hls4ml: {name!r} is read {readers.count(name)} times, its streams can be duplicated for "
                f"{MOST_READERS} readers at most; join or split steps of the network"
            )
