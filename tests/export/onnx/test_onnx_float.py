"""Float ONNX equals PyTorch up to rounding, with free sizes, in operators that TensorRT takes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from integer_networks import random_graph, toy_description
from numpy.typing import NDArray
from onnx import TensorProto
from onnx_mutations import drop_reduction
from torch import Tensor

from edgetrack.export.cases import special_graphs
from edgetrack.export.onnx.float_network import FloatOnnx, export_float_onnx, float_onnx
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.models.steps import Gather

DESCRIPTIONS = [interaction_network(InteractionNetworkConfig()), toy_description()]

# Operators of TensorRT 10's operator support matrix (onnx-tensorrt, docs/operators.md), with the attributes used here.
TENSORRT_OPERATORS = {
    "Add": set(),
    "Cast": {"to"},
    "Concat": {"axis"},
    "Div": set(),
    "Expand": set(),
    "Gather": {"axis"},
    "Gemm": {"transB"},
    "GreaterOrEqual": set(),
    "Identity": set(),
    "MatMul": set(),
    "Max": set(),
    "Mul": set(),
    "Relu": set(),
    "ScatterElements": {"axis", "reduction"},
    "Squeeze": set(),
    "Unsqueeze": set(),
}


def network(description: NetworkDescription, seed: int = 0) -> GraphNetwork:
    torch.manual_seed(seed)
    return GraphNetwork(description).eval()


def torch_logits(model: GraphNetwork, graph: HitGraph) -> NDArray[np.float32]:
    with torch.no_grad():
        logits: Tensor = model(as_tensors(hit_rows(graph)))
    return logits.numpy()


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_logits_equal_torch_up_to_rounding(description: NetworkDescription, tmp_path: Path) -> None:
    model = network(description)
    form = FloatOnnx(export_float_onnx(model, tmp_path / "float.onnx"), description)
    for graph in [*special_graphs(12, 40, 1), random_graph(200, 2000)]:
        wanted = torch_logits(model, graph)
        got = form.output(hit_rows(graph))
        assert got.shape == (graph.num_edges,)
        # both add the same float32 numbers in another order: about 100 terms of order 1, 6e-8 each, then a sum of 40
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5, err_msg=graph.name)
        assert graph.num_edges < 2 or np.ptp(got) > 1e-4


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_lost_reduction_and_other_weights_are_seen(description: NetworkDescription, tmp_path: Path) -> None:
    model, graph = network(description), random_graph(20, 300)
    path = export_float_onnx(model, tmp_path / "float.onnx")
    assert drop_reduction(path) > 0
    assert np.abs(FloatOnnx(path, description).output(hit_rows(graph)) - torch_logits(model, graph)).max() > 1e-3
    other = FloatOnnx(export_float_onnx(network(description, seed=1), path), description)
    assert np.abs(other.output(hit_rows(graph)) - torch_logits(model, graph)).max() > 1e-3


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_tensorrt_accepts_the_operators_by_its_support_matrix(description: NetworkDescription) -> None:
    made = onnx.shape_inference.infer_shapes(float_onnx(network(description)), strict_mode=True, data_prop=True)
    graph = made.graph
    types = {info.name: info.type.tensor_type.elem_type for info in (*graph.value_info, *graph.input, *graph.output)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        assert node.domain == ""
        assert {attribute.name for attribute in node.attribute} <= TENSORRT_OPERATORS[node.op_type], node.op_type
        if node.op_type == "ScatterElements":  # the plugin of TensorRT 10: float data, int64 indices, a reduction
            assert [types[name] for name in node.input] == [TensorProto.FLOAT, TensorProto.INT64, TensorProto.FLOAT]
            reduction = next(attribute for attribute in node.attribute if attribute.name == "reduction")
            assert reduction.s == b"add"
        if node.op_type == "Gather":
            assert types[node.input[1]] == TensorProto.INT64
        if node.op_type in ("Squeeze", "Unsqueeze"):
            assert node.input[1] in constants
    assert made.opset_import[0].version == 18
    assert made.ir_version <= 10


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_tensorrt_builds_an_engine(description: NetworkDescription) -> None:
    trt = pytest.importorskip("tensorrt", reason="TensorRT is not installed: pip install edgetrack[gpu]")
    if not torch.cuda.is_available():
        pytest.skip("TensorRT builds engines on a CUDA device only")
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, trt.Logger(trt.Logger.ERROR))
    assert parser.parse(float_onnx(network(description)).SerializeToString()), [
        str(parser.get_error(index)) for index in range(parser.num_errors)
    ]
    profile, config = builder.create_optimization_profile(), builder.create_builder_config()
    for name, shapes in {
        "x": [(1, 3), (5000, 3), (100_000, 3)],
        "edge_attr": [(1, 4), (50_000, 4), (1_000_000, 4)],
        "edge_index": [(2, 1), (2, 50_000), (2, 1_000_000)],
    }.items():
        profile.set_shape(name, *shapes)
    config.add_optimization_profile(profile)
    assert builder.build_serialized_network(definition, config) is not None


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_values_keep_their_names_and_sizes_stay_free(description: NetworkDescription) -> None:
    graph = float_onnx(network(description)).graph
    made = {name for node in graph.node for name in node.output}
    assert {step.name for step in description.steps} <= made
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {"x": ["nodes", 3], "edge_attr": ["edges", 4], "edge_index": [2, "edges"], "logits": ["edges"]}


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (export_float_onnx(network(toy_description()), tmp_path / f"{name}.onnx") for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_value_with_the_name_of_an_output_is_refused() -> None:
    wrong = NetworkDescription("wrong", toy_description().inputs, (Gather("logits", "x", "source"),), "logits")
    with pytest.raises(ValueError, match="'logits' is the name of an input or output"):
        float_onnx(GraphNetwork(wrong))
