"""QONNX in qonnx' executor equals the integer model bit by bit, and what reads QONNX reads ours unchanged."""

import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description
from onnx_mutations import drop_reduction, set_attribute

from edgetrack.export.cases import kernel_vectors, special_graphs
from edgetrack.export.form_comparison import FormResult, verify_form
from edgetrack.export.onnx.integer_operators import graph_inputs
from edgetrack.export.onnx.qonnx import DOMAIN, QonnxForm, bind_sizes, execute, export_qonnx, qonnx_onnx
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.rows import hit_rows
from edgetrack.models.steps import Input, Mlp
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe

NETWORK = interaction_network(InteractionNetworkConfig(hidden=6))
DESCRIPTIONS = [NETWORK, toy_description()]


def verify(model: IntegerModel, form: QonnxForm, graphs: list[HitGraph]) -> FormResult:
    return verify_form(model, form, graphs, 2000, 1, lambda *_: None)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_every_value_equals_the_integer_model(description: NetworkDescription, tmp_path: Path) -> None:
    model = random_integer_model(description, seed=4)
    form = export_qonnx(model, tmp_path)
    result = verify(model, form, [*special_graphs(12, 40, 1), random_graph(60, 300)])
    assert (result.mismatches, result.first, result.graphs) == (0, None, 8)
    assert result.distinct_outputs > 20
    graph = random_graph(9, 30)
    assert list(form.run_graph(graph)) == list(model.run_graph(graph, hidden=True))


def test_hub_of_many_thousand_edges_is_exact(tmp_path: Path) -> None:
    model = replace(random_integer_model(toy_description()), max_degree=6000)
    random = random_graph(40, 6000, seed=2)
    hub = HitGraph(random.x, np.where(np.array([[False], [True]]), 7, random.edge_index))
    shown = export_qonnx(model, tmp_path).run_graph(hub)
    for name, wanted in model.run_graph(hub, hidden=True).items():
        np.testing.assert_array_equal(shown[name], wanted, err_msg=name)


def test_widths_beyond_eight_bits_and_below_are_exact(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    formats = {**model.formats, "aggregate": Format(11, -5), "edge_attr": Format(3, -2, narrow=True)}
    model = replace(model, formats=formats)
    shown = export_qonnx(model, tmp_path).run_graph(random_graph(30, 200, spread=4.0))
    wanted = model.run_graph(random_graph(30, 200, spread=4.0), hidden=True)
    for name in wanted:
        np.testing.assert_array_equal(shown[name], wanted[name], err_msg=name)
    assert (shown["edge_attr"].min(), shown["edge_attr"].max()) == (-3, 3)
    assert np.abs(shown["aggregate"]).max() > 128


@pytest.mark.parametrize("mlp", ["phi_r1", "phi_o", "phi_r2"])
def test_one_flipped_bit_in_the_file_is_caught_and_named(mlp: str, tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    first = verify(model, export_qonnx(flip_lsb(model, mlp, 2), tmp_path), []).first
    assert first is not None
    assert first.layer == mlp


def test_lost_reduction_is_caught_at_the_scatter(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    form = export_qonnx(model, tmp_path)
    assert drop_reduction(tmp_path / "interaction_network.onnx") == 1
    first = verify(model, form, [random_graph(12, 40)]).first
    assert first is not None
    assert first.layer == "aggregate"


@pytest.mark.parametrize(
    ("attribute", "value"), [("rounding_mode", "FLOOR"), ("rounding_mode", "HALF_UP"), ("signed", 0)]
)
def test_another_rounding_or_sign_of_one_quantiser_is_caught_and_named(
    attribute: str, value: str | int, tmp_path: Path
) -> None:
    model = random_integer_model(NETWORK)
    form = export_qonnx(model, tmp_path)
    set_attribute(tmp_path / "interaction_network.onnx", "phi_o", attribute, value)
    first = verify(model, form, [random_graph(100, 300)]).first
    assert first is not None
    assert first.layer == "phi_o"


def test_narrow_range_lost_is_caught_by_saturating_inputs(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    model = replace(model, formats={**model.formats, "aggregate": Format(6, -5, narrow=True)})
    form = export_qonnx(model, tmp_path)
    set_attribute(tmp_path / "interaction_network.onnx", "aggregate", "narrow", 0)
    first = verify(model, form, [random_graph(20, 100)]).first
    assert first is not None
    assert (first.layer, first.wanted, first.got) == ("aggregate", -31, -32)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_cleanup_takes_the_file_and_changes_no_result(description: NetworkDescription) -> None:
    model = random_integer_model(description)
    cleaned = cleanup(qonnx_onnx(model))
    for graph in (random_graph(0, 0), random_graph(3, 0), random_graph(12, 40, spread=4.0)):
        inputs = dict(
            zip(
                [value.name for value in cleaned.graph.input],
                graph_inputs(model, hit_rows(graph)).values(),
                strict=True,
            )
        )
        logits = execute(cleaned, inputs)[cleaned.graph.output[0].name]
        np.testing.assert_array_equal(logits, model.logits(graph), err_msg=graph.name)


def cleanup(model: onnx.ModelProto) -> Any:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    return cleanup_model(ModelWrapper(model)).model


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
@pytest.mark.filterwarnings("ignore")  # hls4ml's and its dependencies' own
def test_hls4ml_reads_every_mlp_with_its_formats(description: NetworkDescription, tmp_path: Path) -> None:
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper

    model = random_integer_model(description)
    export_qonnx(model, tmp_path)
    for mlp in description.mlps:
        part = model.submodel(mlp.name)
        batch = {value.name: np.zeros((1, value.width), np.float32) for value in part.description.inputs}
        single = ModelWrapper(cleanup(bind_sizes(onnx.load(tmp_path / "kernels" / f"{mlp.name}.onnx"), batch)))
        config = hls4ml.utils.config_from_onnx_model(
            single, granularity="name", default_precision="ap_fixed<32,16>", backend="Vitis"
        )
        project = hls4ml.converters.convert_from_onnx_model(
            single, output_dir=str(tmp_path / mlp.name), backend="Vitis", hls_config=config
        )
        kinds = Counter(layer.class_name for layer in project.get_layers())
        assert kinds["Dense"] == len(mlp.widths)
        widths = [
            layer.weights["weight"].type.precision.width
            for layer in project.get_layers()
            if layer.class_name == "Dense"
        ]
        assert widths == [layer.weight_format.bits for layer in model.layers[mlp.name]]


def test_quant_nodes_carry_the_formats() -> None:
    model = random_integer_model(NETWORK)
    made = qonnx_onnx(model)
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    quants = {node.output[0]: node for node in made.graph.node if node.op_type == "Quant"}
    assert {node.domain for node in quants.values()} == {DOMAIN}
    assert len(quants) == 2 + 3 * 9 + 1  # inputs; weight, bias and activation of 9 layers; the sum
    for name, fmt in model.formats.items():
        node = quants[f"{name}.value" if name in ("x", "edge_attr") else name]
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        assert attributes == {"signed": fmt.signed, "narrow": fmt.narrow, "rounding_mode": b"ROUND"}
        assert [float(values[tensor]) for tensor in node.input[1:]] == [fmt.step, 0.0, fmt.bits]
    assert made.SerializeToString(deterministic=True) == qonnx_onnx(model).SerializeToString(deterministic=True)


def test_no_node_reads_a_free_size() -> None:
    for description in DESCRIPTIONS:  # qonnx folds Shape of a free size to 0: silently another network
        made = qonnx_onnx(random_integer_model(description))
        assert "Shape" not in {node.op_type for node in made.graph.node}


def test_inputs_of_different_sizes_are_refused() -> None:
    model = random_integer_model(NETWORK)
    inputs = graph_inputs(model, hit_rows(random_graph(9, 30)))
    with pytest.raises(ValueError, match="30 edges, another has 29"):
        bind_sizes(qonnx_onnx(model), {**inputs, "edge_attr": inputs["edge_attr"][:29]})


class _Alone(torch.nn.Module):
    """An MLP of a quantised network with the quantiser of its input, as Brevitas exports it."""

    def __init__(self, network: QuantizedNetwork, value: str, mlp: str) -> None:
        super().__init__()
        step = network.description.step(mlp)
        assert isinstance(step, Mlp)
        linears, activations = network.mlp_layers(step)
        layers = [layer for pair in zip(linears, activations, strict=True) for layer in pair]
        self.layers = torch.nn.Sequential(network.quantisers[value], *layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layers(x)
        return output


@pytest.mark.filterwarnings("ignore")  # Brevitas' and torch's own, of their legacy exporter
def test_our_qonnx_of_an_mlp_equals_that_of_brevitas(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brevitas.export import export_qonnx as brevitas_export
    torch.manual_seed(3)
    description = NetworkDescription("alone", (Input("x", "node", (1.0,) * 3),), (Mlp("phi", "x", (6, 5, 2)),), "phi")
    network = QuantizedNetwork(description, PrecisionRecipe()).eval()
    model = extract_integer_model(network)
    x = np.random.default_rng(0).normal(0, 0.6, (500, 3)).astype(np.float32)
    path = tmp_path / "brevitas.onnx"
    brevitas_export(_Alone(network, "x", "phi").eval(), args=(torch.tensor(x),), export_path=str(path), dynamo=False)
    theirs = cleanup(onnx.load(path))
    wanted = execute(theirs, {theirs.graph.input[0].name: x})[theirs.graph.output[0].name]
    ours = execute(qonnx_onnx(model), {"x": x})["phi"]
    np.testing.assert_array_equal(ours, wanted)
    assert len(np.unique(ours)) > 10
    twin = execute(qonnx_onnx(flip_lsb(model, "phi", 2)), {"x": x})["phi"]
    assert not np.array_equal(twin, wanted)


def test_all_vectors_that_verification_asks_for_equal_the_integer_model(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    form = export_qonnx(model, tmp_path)
    for mlp in model.layers:
        vectors = kernel_vectors(model, mlp, 131_072, 1)
        np.testing.assert_array_equal(form.run_kernel(mlp, vectors), model.submodel(mlp).run(vectors)[mlp])
