"""The limits of integers in float32, and the mean's reciprocal, for every degree that can come."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from onnx import TensorProto

from edgetrack.export.onnx.graph import OnnxGraph
from edgetrack.export.onnx.integer_operators import IntegerArithmetic, graph_inputs
from edgetrack.export.onnx.qcdq import linear, qcdq_onnx, quantize
from edgetrack.export.onnx.runtime import OnnxSession
from edgetrack.models.description import NetworkDescription
from edgetrack.models.rows import hit_rows
from edgetrack.models.steps import Gather, Input, Map, Scatter
from edgetrack.quantize.exact import reciprocals
from edgetrack.quantize.exact_in_float import check_exact_in_float32
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel


def one_reduction(reduce: Literal["sum", "mean"], bits: int, max_degree: int) -> IntegerModel:
    description = NetworkDescription(
        "one_reduction",
        (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4)),
        (Scatter("total", "edge_attr", reduce), Gather("back", "total", "target")),
        "back",
    )
    formats = {"x": Format(8, 0), "edge_attr": Format(bits, 0, narrow=True), "total": Format(24, -8)}
    return IntegerModel(description, formats, {}, max_degree=max_degree)


@pytest.mark.parametrize("max_degree", [1, 64, 4096, 20_000, 1 << 17])
def test_onnx_mean_equals_the_contract_for_every_degree(max_degree: int) -> None:
    """A sum of `degree` at each node: the mean is 1 as nearly as the reciprocal has it."""
    model = one_reduction("mean", 8, max_degree)
    graph = OnnxGraph("mean")
    graph.input("total", ("nodes", 1))
    graph.input("degree", ("nodes", 1))
    step = model.description.step("total")
    assert isinstance(step, Scatter)
    IntegerArithmetic(model, quantize, linear, pairwise=False).mean(graph, step, "total", "degree", "mean")
    degree = np.arange(1, max_degree + 1)
    column = degree[:, None].astype(np.float32)
    made = OnnxSession(graph.model(["mean"])).run({"total": 100 * column, "degree": column})["mean"][:, 0]
    exact = 100 * degree * reciprocals(degree, model.reciprocal_bits)
    wanted = model.formats["total"].requantize(exact, -model.reciprocal_bits)
    np.testing.assert_array_equal(made * 2.0**8, wanted)
    assert np.abs(made - 100).max() <= 100 * 2.0**-11 + 2.0**-9  # the stated error of a reciprocal, half an LSB


def test_graphs_beyond_the_largest_degree_are_refused() -> None:
    model = one_reduction("sum", 18, 60)
    assert set(graph_inputs(model, hit_rows(random_graph(1, 60)))) == {"x", "edge_attr", "edge_index"}
    with pytest.raises(ValueError, match=r"degree 61; .* exact to 60 only"):
        graph_inputs(model, hit_rows(random_graph(1, 61)))


def test_accumulator_that_float32_cannot_hold_is_refused_with_its_layer() -> None:
    model = random_integer_model(toy_description())
    check_exact_in_float32(model)
    first, *rest = model.layers["head"]
    heavy = replace(first, bias=np.full_like(first.bias, 1 << 24))
    with pytest.raises(ValueError, match=r"head\.0: exact results reach [\d,]+"):
        qcdq_onnx(replace(model, layers={**model.layers, "head": (heavy, *rest)}))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_sums_too_wide_for_float32_are_refused_with_their_name(reduce: Literal["sum", "mean"]) -> None:
    check_exact_in_float32(one_reduction(reduce, 20, 32))
    with pytest.raises(ValueError, match="total: sums over 33 neighbours reach 17,301,471"):
        check_exact_in_float32(one_reduction(reduce, 20, 33))


def test_residual_of_far_apart_grids_is_refused_with_its_name() -> None:
    description = NetworkDescription(
        "one_residual",
        (Input("x", "node", (1.0,)), Input("far", "node", (1.0,))),
        (Map("residual", "add", ("x", "far")),),
        "residual",
    )
    formats = {"x": Format(8, 0), "far": Format(8, 17), "residual": Format(8, 0)}
    with pytest.raises(ValueError, match=r"residual: exact results reach 16,777,344"):  # 128 · 2^17 + 128
        check_exact_in_float32(IntegerModel(description, formats, {}))


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
