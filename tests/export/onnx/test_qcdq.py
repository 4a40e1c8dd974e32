"""QCDQ in ONNX Runtime equals the integer model bit by bit, and damage to its files does not pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description
from onnx_mutations import bypass, drop_reduction, make_bias_float

from edgetrack.export.cases import kernel_vectors, special_graphs
from edgetrack.export.form import InexactForm
from edgetrack.export.form_comparison import FormResult, verify_form
from edgetrack.export.onnx import qcdq
from edgetrack.export.onnx.qcdq import QcdqForm, export_qcdq, qcdq_onnx
from edgetrack.export.onnx.runtime import probe
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel

NETWORK = interaction_network(InteractionNetworkConfig(hidden=6))
DESCRIPTIONS = [NETWORK, toy_description()]
PLAIN_OPERATORS = {
    "Add",
    "Cast",
    "Clip",
    "Concat",
    "DequantizeLinear",
    "Div",
    "Expand",
    "Gather",
    "Gemm",
    "Identity",
    "GreaterOrEqual",
    "MatMul",
    "Max",
    "Mul",
    "QuantizeLinear",
    "Relu",
    "Round",
    "ScatterElements",
    "Squeeze",
    "Unsqueeze",
}


def verify(model: IntegerModel, form: QcdqForm) -> FormResult:
    return verify_form(model, form, [*special_graphs(12, 40, 1), random_graph(60, 300)], 2000, 1, lambda *_: None)


@pytest.mark.parametrize("weight_bits", [2, 6, 8])
@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_every_value_equals_the_integer_model(
    description: NetworkDescription, weight_bits: int, tmp_path: Path
) -> None:
    model = random_integer_model(description, weight_bits, weight_bits)
    form = export_qcdq(model, tmp_path)
    result = verify(model, form)
    assert (result.mismatches, result.first, result.graphs) == (0, None, 8)
    assert result.distinct_outputs > 20
    shown = form.run_graph(random_graph(9, 30))
    assert list(shown) == list(model.run_graph(random_graph(9, 30), hidden=True))


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_formats_narrower_than_their_bytes_saturate_where_they_should(bits: int, tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    wide = model.layers["phi_r1"]
    layers = (replace(wide[0], activation=Format(bits, -6, signed=False)), *wide[1:])
    formats = {**model.formats, "aggregate": Format(bits, -5, narrow=True)}
    narrow = replace(model, formats=formats, layers={**model.layers, "phi_r1": layers})
    graph = random_graph(30, 200, spread=4.0)
    shown = export_qcdq(narrow, tmp_path).run_graph(graph)
    for name, wanted in narrow.run_graph(graph, hidden=True).items():
        np.testing.assert_array_equal(shown[name], wanted, err_msg=name)
    top = 2 ** (bits - 1) - 1
    assert (shown["aggregate"].min(), shown["aggregate"].max()) == (-top, top)
    assert (shown["phi_r1.0"].min(), shown["phi_r1.0"].max()) == (0, 2**bits - 1)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_hub_of_many_thousand_edges_is_exact(description: NetworkDescription, tmp_path: Path) -> None:
    model = replace(random_integer_model(description), max_degree=6000)
    random = random_graph(40, 6000, seed=2)
    hub = HitGraph(random.x, np.where(np.array([[False], [True]]), 7, random.edge_index))
    shown = export_qcdq(model, tmp_path).run_graph(hub)
    for name, wanted in model.run_graph(hub, hidden=True).items():
        np.testing.assert_array_equal(shown[name], wanted, err_msg=name)


def test_one_flipped_bit_in_the_file_is_caught_and_named(tmp_path: Path) -> None:
    for description in DESCRIPTIONS:
        model = random_integer_model(description)
        for mlp in description.mlps:
            result = verify(model, export_qcdq(flip_lsb(model, mlp.name, len(mlp.widths) - 1), tmp_path))
            assert result.failed
            assert result.first is not None
            assert result.first.layer == mlp.name


@pytest.mark.parametrize(("description", "layer"), [(NETWORK, "aggregate"), (toy_description(), "mean")])
def test_lost_reduction_is_caught_at_the_scatter(description: NetworkDescription, layer: str, tmp_path: Path) -> None:
    model = random_integer_model(description)
    form = export_qcdq(model, tmp_path)
    assert drop_reduction(tmp_path / f"{description.name}.onnx") > 0
    result = verify(model, form)
    assert result.first is not None
    assert result.first.layer == layer


@pytest.mark.parametrize("offset_lsb", [0.3, 0.5])
def test_float_bias_off_the_grid_is_caught(offset_lsb: float, tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    form = export_qcdq(model, tmp_path)
    for layer in ("phi_r1.0", "phi_r1.1", "phi_r1"):
        make_bias_float(tmp_path / "kernels" / "phi_r1.onnx", layer, offset_lsb)
    # ONNX Runtime rounds such a bias to int32 when it optimises, and does not when it does not: two networks in one
    with pytest.raises(InexactForm, match=r"phi_r1 at \[\d+, \d+\] is .*'s optimisations and .* without"):
        form.run_kernel("phi_r1", kernel_vectors(model, "phi_r1", 20_000, 1))
    result = verify_form(model, form, [], 20_000, 1, lambda *_: None)  # a failure with its place, no abort
    assert result.failed
    assert result.first is not None
    assert (result.first.layer, result.first.graph) == ("phi_r1", "vectors")
    assert "without; the file is not exact" in str(result.first)
    assert set(result.vectors) == {"phi_r1", "phi_o", "phi_r2"}


def test_lost_clip_is_caught_by_saturating_inputs(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    model = replace(model, formats={**model.formats, "aggregate": Format(6, -5)})
    form = export_qcdq(model, tmp_path)
    assert not verify(model, form).failed
    bypass(tmp_path / "interaction_network.onnx", "Clip", "aggregate.clipped")
    first = verify(model, QcdqForm(model, tmp_path)).first
    assert first is not None
    assert first.layer == "aggregate"


def test_value_off_its_grid_is_an_error_that_names_the_value(tmp_path: Path) -> None:
    model = random_integer_model(NETWORK)
    export_qcdq(model, tmp_path)
    coarse = replace(model.formats["aggregate"], exponent=model.formats["aggregate"].exponent + 1)
    claimed = QcdqForm(replace(model, formats={**model.formats, "aggregate": coarse}), tmp_path)
    with pytest.raises(InexactForm, match=r"aggregate\[.* is no multiple of 2\^"):
        claimed.run_graph(random_graph(9, 30))


def test_optimised_run_that_differs_from_the_plain_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_integer_model(NETWORK)
    form = export_qcdq(model, tmp_path / "optimised")
    export_qcdq(flip_lsb(model, "phi_r1", 2), tmp_path / "plain")
    monkeypatch.setattr(qcdq, "probe", lambda path, tensors: probe(tmp_path / "plain" / path.name, tensors))
    with pytest.raises(InexactForm, match=r"interaction_network\.onnx: logits at \[\d+\] is .* optimisations"):
        form.run_graph(random_graph(30, 200))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda m: replace(m, formats={**m.formats, "aggregate": Format(9, -4)}), "aggregate: activation has 9 bits"),
        (lambda m: replace(m, formats={**m.formats, "edge_attr": Format(12, -8)}), "edge_attr: activation has 12"),
        (lambda m: _layer(m, activation=Format(10, -6, signed=False)), r"phi_o\.0: activation has 10 bits"),
        (lambda m: _layer(m, weight_format=Format(9, -6)), r"phi_o\.0: weight has 9 bits"),
        (lambda m: _layer(m, bias=np.full(6, 1 << 33)), r"phi_o\.0: bias of 8589934592 LSB is outside int32"),
        (lambda m: _layer(m, bias=np.full(6, 1 << 24)), r"phi_o\.0: exact results reach"),
    ],
)
def test_what_qcdq_cannot_hold_is_refused_with_the_layer(
    change: Callable[[IntegerModel], IntegerModel], name: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=name):
        export_qcdq(change(random_integer_model(NETWORK)), tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))


def _layer(model: IntegerModel, **change: Any) -> IntegerModel:
    first, *rest = model.layers["phi_o"]
    return replace(model, layers={**model.layers, "phi_o": (replace(first, **change), *rest)})


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_file_is_plain_onnx_with_free_sizes_and_equal_bytes(description: NetworkDescription) -> None:
    model = random_integer_model(description)
    made = qcdq_onnx(model)
    assert {node.op_type for node in made.graph.node} <= PLAIN_OPERATORS
    assert {node.domain for node in made.graph.node} == {""}
    sizes = {d.dim_param for value in made.graph.input for d in value.type.tensor_type.shape.dim if d.dim_param}
    assert sizes == {"nodes", "edges"}
    assert [value.name for value in made.graph.input] == ["x", "edge_attr", "edge_index"]
    assert [value.name for value in made.graph.output] == ["logits"]
    assert made.SerializeToString(deterministic=True) == qcdq_onnx(model).SerializeToString(deterministic=True)


def test_weights_are_int8_and_biases_int32_behind_dequantize_linear() -> None:
    made = qcdq_onnx(random_integer_model(NETWORK))
    types = {value.name: value.data_type for value in made.graph.initializer}
    producers = {node.output[0]: node for node in made.graph.node}
    gemms = [node for node in made.graph.node if node.op_type == "Gemm"]
    assert len(gemms) == 9
    for gemm in gemms:
        for tensor, dtype in zip(gemm.input[1:], (onnx.TensorProto.INT8, onnx.TensorProto.INT32), strict=True):
            assert producers[tensor].op_type == "DequantizeLinear"
            assert types[producers[tensor].input[0]] == dtype
