"""What the Verilog is written from against the golden model: sparse and narrow networks, ties, constants, refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_networks import flip_lsb, random_integer_model

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.cases import kernel_vectors, special_graphs
from edgetrack.export.form_comparison import verify_form
from edgetrack.export.rtl import kernel
from edgetrack.export.rtl.check import check_kernel, kernel_codes
from edgetrack.export.rtl.delays import scheduled
from edgetrack.export.rtl.kernel import kernel_parts, trace_kernel
from edgetrack.export.rtl.pipelines import export_rtl
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Input, Map, Mlp, Table
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel


def one_mlp(inputs: tuple[Format, Format], layers: list[IntegerLayer], width: int = 2) -> IntegerModel:
    """An MLP of two inputs of `width` and 1 columns on grids of their own."""
    description = NetworkDescription(
        "single",
        (Input("a", "node", (1.0,) * width), Input("b", "node", (1.0,))),
        (Concat("both", ("a", "b")), Mlp("mlp", "both", tuple(len(layer.bias) for layer in layers))),
        "mlp",
    )
    formats = {"a": inputs[0], "b": inputs[1], "mlp": layers[-1].activation}
    return IntegerModel(description, formats, {"mlp": tuple(layers)})


PARTS = ("a", "b")  # of `one_mlp`


@st.composite
def sparse_models(draw: st.DrawFn) -> IntegerModel:
    """Weights of 2 to 4 bits, most of them zero or equal in all rows; biases that are ties; grids near the sums."""

    def a_format(exponent: int) -> Format:
        signed = draw(st.booleans())
        bits = draw(st.integers(1 + signed, 8))
        return Format(bits, exponent, signed, narrow=signed and draw(st.booleans()))

    inputs = (a_format(draw(st.integers(-4, 2))), a_format(draw(st.integers(-4, 2))))
    widths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    exponent = min(fmt.exponent for fmt in inputs)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers = []
    for fan_in, fan_out in pairwise((3, *widths)):
        weight_format = Format(draw(st.integers(2, 4)), draw(st.integers(-4, 1)), narrow=True)
        keep = rng.random((fan_out, fan_in)) < draw(st.sampled_from([0.1, 0.3, 1.0]))
        if draw(st.booleans()):
            keep[:] = keep[:1]
        weight = np.where(keep, rng.integers(weight_format.lowest, weight_format.highest + 1, keep.shape), 0)
        bias = rng.integers(-1, 2, fan_out) << rng.integers(0, 9, fan_out)
        exponent += weight_format.exponent
        activation = a_format(exponent + draw(st.integers(-3, 8)))
        layers.append(IntegerLayer(weight, weight_format, bias, activation))
        exponent = activation.exponent
    return one_mlp(inputs, layers)


@settings(max_examples=150, deadline=None)
@given(sparse_models())
def test_traced_kernel_equals_integers(model: IntegerModel) -> None:
    graph, _ = scheduled(trace_kernel(model, "mlp"), 2.0)
    vectors = kernel_vectors(model, "mlp", 1000, 0)
    np.testing.assert_array_equal(
        kernel_codes(model, kernel_parts(model, "mlp"), graph, vectors), model.run(vectors)["mlp"]
    )


@pytest.mark.parametrize(
    ("rows", "biases", "last"),
    [
        pytest.param([[1, 0, 0], [1, 0, 0], [-1, 0, 0]], [4, 4, -2], [[-2, 2, 1], [0, 1, -2]], id="equal channels"),
        pytest.param(
            [[0, 0, 0], [0, 0, 0], [1, 1, 0]], [-63, 1, 1], [[1, -1, 1], [-1, -1, -1]], id="constant channels"
        ),
        pytest.param([[2, 2, 0], [0, 2, 2], [2, 0, 2]], [-63, 1, 1], [[1, -1, 1], [-1, -1, -1]], id="ties only"),
    ],
)
def test_channels_that_alkaid_alone_gets_wrong(rows: list[list[int]], biases: list[int], last: list[list[int]]) -> None:
    hidden, output = (Format(3, -1), Format(5, -1)) if biases[0] == 4 else (Format(7, 1), Format(7, 2))
    layers = [
        IntegerLayer(np.array(rows), Format(3, 0), np.array(biases), hidden),
        IntegerLayer(np.array(last), Format(3, 0), np.array([-3, 10]), output),
    ]
    model = one_mlp((Format(6, 0), Format(4, 1)), layers)
    check_kernel(model, "mlp", PARTS, trace_kernel(model, "mlp"), trace_kernel)
    with pytest.raises(ValueError, match="differs from the integer model"):
        check_kernel(flip_lsb(model, "mlp", 1, (0, 2)), "mlp", PARTS, trace_kernel(model, "mlp"), trace_kernel)


MAPPED = NetworkDescription(
    "mapped",
    (Input("a", "edge", (1.0,) * 3), Input("b", "edge", (1.0,)), Input("c", "edge", (1.0,) * 2)),
    (
        Concat("both", ("b", "c")),
        Map("sum", "add", ("a", "both")),
        Map("difference", "subtract", ("a", "b")),
        Map("product", "multiply", ("a", "b")),
        Map("square", "multiply", ("a", "a")),
        Map("scalar", "dot", ("both", "a")),
        Map("size", "absolute", ("a",)),
        Table("squashed", "sigmoid", "a"),
        Concat("all", ("sum", "difference", "product", "square", "scalar", "size", "squashed")),
        Mlp("head", "all", (1,)),
    ),
    "head",
)


@pytest.mark.parametrize("seed", range(4))
def test_maps_and_tables_are_traced_and_checked_with_their_parts_on_their_own_grids(seed: int) -> None:
    model = random_integer_model(MAPPED, seed)
    rng = np.random.default_rng(seed)
    formats = {
        name: replace(fmt, exponent=fmt.exponent + int(rng.integers(-2, 3))) for name, fmt in model.formats.items()
    }
    tables = {"squashed": rng.integers(-128, 128, 256)}
    model = replace(model, formats=formats | {"head": model.formats["head"]}, tables=tables)
    for step in MAPPED.kernels:
        parts = kernel_parts(model, step.name)
        graph = trace_kernel(model, step.name)
        check_kernel(model, step.name, parts, graph, trace_kernel)
        moved = replace(model.formats[step.name], exponent=model.formats[step.name].exponent + 1)
        other = replace(
            model,
            formats={**model.formats, step.name: moved},
            layers={"head": (replace(model.layers["head"][0], activation=moved),)}
            if step.name == "head"
            else model.layers,
            tables={"squashed": tables["squashed"] ^ 1},
        )
        with pytest.raises(ValueError, match=f"rtl: {step.name}.* differs from the integer model"):
            check_kernel(other, step.name, parts, graph, trace_kernel)


@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_kernel_stops_the_export_before_it_writes(
    layer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=4)), 2)

    def wrong(given: IntegerModel, name: str) -> object:
        reaches = name == "phi_o" and len(given.layers[name]) > layer
        return trace_kernel(flip_lsb(given, name, layer) if reaches else given, name)

    monkeypatch.setattr(kernel, "trace_kernel", wrong)
    with pytest.raises(ValueError, match=rf"rtl: phi_o, layer {layer}: .* of vector \d+, {{.*wanted -?\d+") as raised:
        export_rtl(model, tmp_path)
    assert "Nothing was written" in str(raised.value)
    assert not list(tmp_path.rglob("*"))


def test_ties_are_among_the_vectors() -> None:
    layer = IntegerLayer(np.array([[4, -6, 2]]), Format(4, 0), np.array([0]), Format(6, 12))
    model = one_mlp((Format(8, 0), Format(8, 2)), [replace(layer, activation=Format(6, 7))])
    vectors = kernel_vectors(model, "mlp", 100, seed=0)
    rows: IntArray = np.concatenate([vectors["a"], vectors["b"] << 2], axis=1)
    assert np.count_nonzero((rows @ layer.weight[0]) % 128 == 64) >= 4


def test_verilog_of_a_sparse_two_bit_mlp_equals_integers(tmp_path: Path) -> None:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=4)), 18, weight_bits=2)
    rng = np.random.default_rng(18)
    layers = [
        replace(layer, weight=np.where(rng.random(layer.weight.shape) < 0.6, layer.weight, 0), bias=layer.bias >> 4)
        for layer in model.layers["phi_r1"]
    ]
    part = replace(model, layers={**model.layers, "phi_r1": tuple(layers)}).submodel("phi_r1")
    vectors = kernel_vectors(part, "phi_r1", 20_000, 1)
    got = export_rtl(part, tmp_path).run_kernel("phi_r1", vectors)
    np.testing.assert_array_equal(got, part.run(vectors)["phi_r1"])
    assert len(np.unique(got)) > 20
    assert (got == got[0]).all(axis=0).any()  # a constant channel among them


def without_last_weights(model: IntegerModel, mlp: str) -> IntegerModel:
    *before, last = model.layers[mlp]
    return replace(model, layers={**model.layers, mlp: (*before, replace(last, weight=last.weight * 0))})


def test_a_constant_mlp_is_wires(tmp_path: Path) -> None:
    model = without_last_weights(
        random_integer_model(interaction_network(InteractionNetworkConfig(hidden=4)), 2), "phi_o"
    )
    form = export_rtl(model.submodel("phi_o"), tmp_path)
    made = form.kernels["phi_o"]
    assert (made.latency_cycles, made.register_bits, made.estimated_luts) == (0, 0, 0)
    vectors = kernel_vectors(model, "phi_o", 50, 1)
    np.testing.assert_array_equal(form.run_kernel("phi_o", vectors), model.submodel("phi_o").run(vectors)["phi_o"])


@pytest.mark.slow
def test_a_constant_mlp_stands_in_the_accelerator(tmp_path: Path) -> None:
    model = without_last_weights(
        random_integer_model(interaction_network(InteractionNetworkConfig(hidden=4)), 2), "phi_o"
    )
    config = AcceleratorConfig(nodes=16, edges=48, edge_lanes=2, node_lanes=2)
    form = export_accelerator(model, tmp_path, config)
    result = verify_form(model, form, special_graphs(16, 48, 1), 2000, 1, lambda *_: None)
    assert (result.mismatches, result.first) == (0, None)
    assert result.distinct_outputs > 5
