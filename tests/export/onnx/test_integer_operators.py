"""The limits of integers in float32, and the mean's reciprocal, for every degree that can come."""

from dataclasses import replace

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from onnx import TensorProto

from edgetrack.export.onnx.graph import OnnxGraph
from edgetrack.export.onnx.integer_operators import (
    FLOAT32_EXACT,
    IntegerArithmetic,
    check_accumulators,
    graph_inputs,
    largest_degree,
)
from edgetrack.export.onnx.qcdq import linear, quantise
from edgetrack.export.onnx.runtime import OnnxSession
from edgetrack.models.description import Add, Gather, Input, NetworkDescription, ScatterMean, ScatterSum
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import RECIPROCAL_BITS, IntegerModel, reciprocals

NETWORK = interaction_network(InteractionNetworkConfig(hidden=6))


def test_onnx_reciprocal_equals_the_contract_for_every_degree() -> None:
    graph = OnnxGraph("mean")
    graph.input("total", ("nodes", 1))
    graph.input("degree", ("nodes", 1))
    arithmetic = IntegerArithmetic(random_integer_model(NETWORK), quantise, linear, pairwise=False)
    arithmetic.mean(graph, "total", "degree", "mean")
    degree = np.arange(1, 200_001)
    made = OnnxSession(graph.model(["mean"])).run(
        {"total": np.ones((len(degree), 1), np.float32), "degree": degree[:, None].astype(np.float32)}
    )["mean"]
    wanted = reciprocals(degree)
    np.testing.assert_array_equal(made[:, 0] * 2.0**RECIPROCAL_BITS, wanted)
    assert wanted[[0, 1, 2, 8190, 8191, 8192]].tolist() == [4096, 2048, 1365, 1, 0, 0]  # 8192: a tie, to even


def test_largest_degree_keeps_sums_within_float32() -> None:
    model = random_integer_model(NETWORK)
    magnitude = model.formats["phi_r1"].magnitude
    assert largest_degree(model) == FLOAT32_EXACT // magnitude
    assert model.sum_bits("aggregate", largest_degree(model)) <= 26


def one_sum(kind: type, bits: int) -> IntegerModel:
    description = NetworkDescription(
        "one_sum",
        (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
        (kind("total", "edge_attr"), Gather("back", "total", "target")),
        "back",
    )
    formats = {"x": Format(8, 0), "edge_attr": Format(bits, 0, narrow=True), "total": Format(32, 0)}
    return IntegerModel(description, formats, {})


@pytest.mark.parametrize(("kind", "bits"), [(ScatterSum, 18), (ScatterMean, 12)])
def test_sums_at_the_largest_degree_are_exact_and_refused_beyond(kind: type, bits: int) -> None:
    model = one_sum(kind, bits)
    largest = largest_degree(model)
    magnitude = model.formats["edge_attr"].magnitude
    worst = magnitude * (largest if kind is ScatterSum else largest * int(reciprocals(np.array([largest]))[0]))
    assert largest > 10
    assert worst <= FLOAT32_EXACT
    graph = random_graph(1, largest)
    assert set(graph_inputs(model, graph)) == {"x", "edge_attr", "edge_index"}
    with pytest.raises(ValueError, match=f"a node has {largest + 1} edges; .* exact to {largest} only"):
        graph_inputs(model, random_graph(1, largest + 1))


def test_accumulator_that_float32_cannot_hold_is_refused_with_its_layer() -> None:
    model = random_integer_model(toy_description())
    check_accumulators(model)
    first, *rest = model.layers["head"]
    heavy = replace(first, bias=np.full_like(first.bias, 1 << 24))
    with pytest.raises(ValueError, match=r"head\.0: accumulators reach ±\d+"):
        check_accumulators(replace(model, layers={**model.layers, "head": (heavy, *rest)}))


def test_mean_of_values_too_wide_for_float32_is_refused_with_its_name() -> None:
    check_accumulators(one_sum(ScatterSum, 20))
    with pytest.raises(ValueError, match="total: float32 cannot hold a mean"):
        check_accumulators(one_sum(ScatterMean, 20))


def test_residual_of_far_apart_grids_is_refused_with_its_name() -> None:
    description = NetworkDescription(
        "one_residual",
        (Input("x", "node", (1.0,)), Input("far", "node", (1.0,))),
        (Add("residual", ("x", "far")),),
        "residual",
    )
    formats = {"x": Format(8, 0), "far": Format(8, 17), "residual": Format(8, 0)}
    with pytest.raises(ValueError, match=r"residual: accumulators reach ±16777344"):  # 128 · 2^17 + 128
        check_accumulators(IntegerModel(description, formats, {}))


def test_a_graph_that_is_wrong_is_refused_by_onnx() -> None:
    graph = OnnxGraph("wrong")
    graph.input("x", ("nodes", 3))
    graph.node("Relu", ["x"], "y", ("nodes", 4))  # Relu keeps 3 columns
    with pytest.raises(Exception, match=r"(?i)infer"):
        graph.model(["y"])


def test_tensors_keep_declared_types() -> None:
    graph = OnnxGraph("types")
    graph.input("index", ("edges",), TensorProto.INT64)
    graph.node("Identity", ["index"], "same", ("edges",), dtype=TensorProto.INT64)
    made = graph.model(["same"])
    assert made.graph.output[0].type.tensor_type.elem_type == TensorProto.INT64
