"""The golden model against an independent computation in exact fractions, and its stated widths."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.rows import hit_rows
from edgetrack.models.steps import Concat, Gather, Map, Mlp, Scatter
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_file import load_integer_model, save_integer_model
from edgetrack.quantize.integer_model import IntegerModel

DESCRIPTIONS = [interaction_network(InteractionNetworkConfig(hidden=6)), toy_description()]


def _round(value: Fraction, fmt: Format) -> Fraction:
    code = min(max(round(value / Fraction(2) ** fmt.exponent), fmt.lowest), fmt.highest)
    return code * Fraction(2) ** fmt.exponent


def in_fractions(
    model: IntegerModel, values: dict[str, Any], edges: list[tuple[int, int]], num_nodes: int
) -> dict[str, Any]:
    """Node by node, edge by edge, in exact rational arithmetic: slow, and written unlike the model."""
    for step in model.description.steps:
        end = {"source": 0, "target": 1}.get(getattr(step, "end", ""), -1)
        match step:
            case Gather():
                values[step.name] = [values[step.source][edge[end]] for edge in edges]
            case Concat():
                joined = zip(*(values[part] for part in step.parts), strict=True)
                values[step.name] = [[value for row in rows for value in row] for rows in joined]
            case Mlp():
                rows, exponent = values[step.source], model.exponent(step.source)
                for layer in model.layers[step.name]:
                    bias_step = Fraction(2) ** (exponent + layer.weight_format.exponent)
                    scale = Fraction(2) ** layer.weight_format.exponent
                    rows = [
                        [
                            _round(
                                sum(int(w) * scale * v for w, v in zip(ws, row, strict=True)) + int(b) * bias_step,
                                layer.activation,
                            )
                            for ws, b in zip(layer.weight, layer.bias, strict=True)
                        ]
                        for row in rows
                    ]
                    exponent = layer.activation.exponent
                values[step.name] = rows
            case Scatter():
                fmt, width = model.formats[step.name], model.description.shape(step.name).width
                out = []
                for node in range(num_nodes):
                    rows = [values[step.source][k] for k, edge in enumerate(edges) if edge[end] == node]
                    total = [sum((row[c] for row in rows), Fraction(0)) for c in range(width)]
                    factor, unit = Fraction(1), 2**model.reciprocal_bits
                    if step.reduce == "mean":
                        factor = Fraction(round(Fraction(unit, len(rows))), unit) if rows else Fraction(0)
                    out.append([_round(value * factor, fmt) for value in total])
                values[step.name] = out
            case Map(operation="add"):
                left, right = (values[part] for part in step.parts)
                values[step.name] = [
                    [_round(a + b, model.formats[step.name]) for a, b in zip(*rows, strict=True)]
                    for rows in zip(left, right, strict=True)
                ]
    return values


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
@pytest.mark.parametrize(("nodes", "edges"), [(7, 15), (3, 20), (5, 0)])
def test_model_equals_exact_fractions(description: NetworkDescription, nodes: int, edges: int) -> None:
    model = random_integer_model(description, seed=nodes)
    graph = random_graph(nodes, edges, seed=edges)
    inputs = model.quantize_inputs({"x": graph.x, "edge_attr": graph.edge_attr})
    got = model.run(inputs, hit_rows(graph))
    exact = {
        name: [[int(c) * Fraction(2) ** model.exponent(name) for c in row] for row in codes]
        for name, codes in inputs.items()
    }
    exact = in_fractions(model, exact, [tuple(e) for e in graph.edge_index.T], nodes)
    assert list(got) == description.names
    for name, codes in got.items():
        expected = [[value / Fraction(2) ** model.exponent(name) for value in row] for row in exact[name]]
        np.testing.assert_array_equal(codes, np.array(expected, object).reshape(codes.shape), err_msg=name)
    if edges:
        assert len(np.unique(got[description.output])) > 3


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_accumulators_stay_within_the_stated_bounds_and_reach_near_them(description: NetworkDescription) -> None:
    model = random_integer_model(description)
    for mlp in description.mlps:
        layer = model.layers[mlp.name][0]
        extremes = np.sign(layer.weight) * model.bound(mlp.source).codes.astype(np.int64)
        worst = np.abs(layer.weight * extremes).sum(axis=1) + np.abs(layer.bias)
        assert model.bounds[f"{mlp.name}.0"].largest == worst.max()
        assert model.accumulator_bits(mlp.name)[0] == int(worst.max()).bit_length() + 1


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_submodel_of_each_mlp_equals_the_whole(description: NetworkDescription) -> None:
    model = random_integer_model(description)
    graph = random_graph(20, 50)
    values = model.run_graph(graph)
    for mlp in description.mlps:
        part = model.submodel(mlp.name)
        inputs = {value.name: values[value.name] for value in part.description.inputs}
        np.testing.assert_array_equal(part.run(inputs)[mlp.name], values[mlp.name])


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_file_keeps_every_integer(description: NetworkDescription, tmp_path: Path) -> None:
    model = random_integer_model(description)
    save_integer_model(model, tmp_path / "a.safetensors")
    loaded = load_integer_model(tmp_path / "a.safetensors")
    save_integer_model(loaded, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert loaded.description == model.description
    assert dict(loaded.formats) == dict(model.formats)
    graph = random_graph(9, 30)
    np.testing.assert_array_equal(
        loaded.run_graph(graph)[description.output], model.run_graph(graph)[description.output]
    )


def test_other_files_are_refused_as_integer_models(tmp_path: Path) -> None:
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_integer_model(path)


def test_input_codes_outside_their_format_are_refused() -> None:
    model = random_integer_model(DESCRIPTIONS[0])
    with pytest.raises(ValueError, match="outside"):
        model.run({"x": np.full((2, 3), 500), "edge_attr": np.zeros((1, 4), np.int64)})


def test_mean_of_a_node_without_neighbours_is_zero() -> None:
    model = random_integer_model(toy_description())
    values = model.run_graph(random_graph(6, 0))
    np.testing.assert_array_equal(values["mean"], np.zeros((6, 5)))
