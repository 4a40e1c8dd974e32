"""An integer model as a list of hls4ml layers with their types: one layer a step, one a linear layer of an MLP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.hls4ml import types as hls_types
from edgetrack.export.hls4ml.config import Beats
from edgetrack.export.hls4ml.layer_graph import HlsNetwork
from edgetrack.export.hls4ml.traced import map_body
from edgetrack.models.rows import Rows
from edgetrack.models.steps import Concat, Domain, Gather, Map, Mlp, Scatter, Step, Table, refuse_step
from edgetrack.quantize.exact import reciprocals
from edgetrack.quantize.fixed_point import signed_bits
from edgetrack.quantize.integer_model import IntegerModel


def index_name(domain: Domain, end: str) -> str:
    """The input that holds the row at one end of each element of `domain`: "edge_source"."""
    return f"{domain.name}_{end}"


def index_inputs(rows: Rows[NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """The rows at all ends of a graph, as these inputs take them."""
    return {
        index_name(domain, end.name): rows.ends[end.name].astype(np.float64)
        for domain in rows.domains
        for end in domain.ends
    }


def hls_network(model: IntegerModel, beats: Mapping[str, Beats]) -> HlsNetwork:
    """The whole network for graphs of exactly `beats` of each domain, without steps that the output does not need.

    Each value has the shape (beats, lanes · width). Inputs are those of the description, then the rows at each end
    that a step reads (`index_name`).
    Raises ValueError, naming the layer, where hls4ml has no way to build it.
    """
    network = HlsNetwork()
    description = model.description
    words: dict[str, tuple[int, int]] = {}  # layer → beats, columns of a beat
    for value in description.inputs:
        if value.name in description.needed:
            words[value.name] = _words(beats, value.domain, value.width)
            network.add_input(value.name, hls_types.requantized(model.formats[value.name]), words[value.name])
    steps = [step for step in description.steps if step.name in description.needed]
    read = {step.end for step in steps if isinstance(step, Gather | Scatter)}
    for end in (end for end in description.ends_used if end in read):
        domain, among = description.end(end)
        name = index_name(domain, end)
        words[name] = _words(beats, domain.name, 1)
        network.add_input(name, hls_types.unsigned(beats[among.name].rows - 1), words[name])
    produced = {name: name for name in network.inputs}  # value → the layer whose output it is
    for step in steps:
        produced[step.name] = _add_step(network, model, step, beats, produced)
        words[produced[step.name]] = _words(beats, *description.shape(step.name))
    network.output = produced[description.output]
    network.spread_readers(words)
    return network


def _words(beats: Mapping[str, Beats], domain: str, width: int) -> tuple[int, int]:
    return beats[domain].beats, beats[domain].lanes * width


def _add_step(
    network: HlsNetwork, model: IntegerModel, step: Step, beats: Mapping[str, Beats], produced: Mapping[str, str]
) -> str:
    """Add the layers of one step; the name of the layer that gives its value."""
    domain, width = model.description.shape(step.name)
    rows = {"beats": beats[domain].beats, "lanes": beats[domain].lanes}
    inputs = [produced[name] for name in step.sources]
    if isinstance(step, Mlp):
        return _add_mlp(network, model, step, inputs[0], rows)
    network.values[step.name] = step.name
    types = {"result": _result(model, step)}
    match step:
        case Gather():
            inputs.append(_index_of(model, step))
            network.add("EdgeGather", step.name, types, inputs=inputs, **_ends(model, step, beats))
        case Scatter():
            _add_scatter(network, model, step, inputs[0], beats)
        case Concat():
            widths = [model.description.shape(part).width for part in step.parts]
            network.add("JoinColumns", step.name, types, inputs=inputs, widths=widths, **rows)
        case Map():
            parts, body = list(dict.fromkeys(inputs)), map_body(model, step)
            network.add("MapRows", step.name, types, inputs=parts, body=body, width=width, **rows)
        case Table():
            table = _table_by_bits(model, step)
            types["table"] = types["result"]
            network.add("TableRows", step.name, types, inputs=inputs, table_data=table, width=width, **rows)
        case _:
            refuse_step(step, "hls4ml")
    return step.name


def _result(model: IntegerModel, step: Step) -> str:
    """The type of a step's value: that of its format, or of what keeps its sources' formats."""
    fmt = model.formats.get(step.name)
    return hls_types.common(model.columns(step.name)) if fmt is None else hls_types.requantized(fmt)


def _index_of(model: IntegerModel, step: Gather | Scatter) -> str:
    return index_name(model.description.end(step.end)[0], step.end)


def _ends(model: IntegerModel, step: Gather | Scatter, beats: Mapping[str, Beats]) -> dict[str, int]:
    """Sizes of both domains of a step; the layers call an end's domain nodes and the one that has the end edges."""
    elements, among = model.description.end(step.end)
    sizes = {"width": model.description.shape(step.name).width}
    for name, domain in (("node", among), ("edge", elements)):
        sizes |= {f"{name}_beats": beats[domain.name].beats, f"{name}_lanes": beats[domain.name].lanes}
    return sizes


def _add_scatter(
    network: HlsNetwork, model: IntegerModel, step: Scatter, source: str, beats: Mapping[str, Beats]
) -> None:
    elements = beats[model.description.end(step.end)[0].name].rows
    exponent = model.exponent(step.source)
    inputs = [source, _index_of(model, step)]
    if step.reduce == "max":
        # the accumulator's lowest code lies below every value: it is left where none came
        bits = signed_bits(model.bound(step.source).largest)
        types = {"result": _result(model, step), "accum": hls_types.exact(bits, exponent)}
        network.add("ScatterMax", step.name, types, inputs=inputs, **_ends(model, step, beats))
        return
    accumulator = hls_types.accumulator(model.sum_bits(step.name, elements), exponent, model.formats[step.name])
    types = {"result": _result(model, step), "accum": accumulator}
    if step.reduce == "sum":
        network.add("ScatterSum", step.name, types, inputs=inputs, **_ends(model, step, beats))
        return
    bits = model.reciprocal_bits
    types["reciprocal"] = f"ufixed<{bits + 1},1>"
    table = reciprocals(np.arange(elements + 1), bits) * 2.0**-bits
    network.add("ScatterMean", step.name, types, inputs=inputs, reciprocal_data=table, **_ends(model, step, beats))


def _table_by_bits(model: IntegerModel, step: Table) -> NDArray[np.float64]:
    """(2^bits,) real contents of a table in the order of its source's raw bits: codes 0, 1, …, then negative ones."""
    source = model.columns(step.source)[0]
    contents = np.zeros(1 << source.bits)
    contents[source.codes() % len(contents)] = model.formats[step.name].dequantize(model.tables[step.name])
    return contents


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
