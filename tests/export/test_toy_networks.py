"""Three networks that together have every kind of step, through every form: 0 mismatches, and each flip is caught.

A network that a form cannot take is refused by name before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb
from numpy.typing import NDArray
from quantized_networks import random_network, source_of
from toy_networks import NETWORKS, toy_rows

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form import Form
from edgetrack.export.form_comparison import FormResult, verify_form
from edgetrack.export.forms import FORMS
from edgetrack.export.kind import Source
from edgetrack.export.native.form import NativeConfig
from edgetrack.export.onnx.float_network import FloatOnnx, export_float_onnx
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.models.network import seeded_network
from edgetrack.models.operations import OPERATIONS
from edgetrack.models.rows import Rows, as_tensors
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.recipe import PrecisionRecipe

RECIPE = PrecisionRecipe(bias_bits=20, max_degree=256)
SIZES = ((20, 1.0), (12, 1.0), (16, 8.0), (1, 1.0), (0, 1.0))

# How each form is made small here; the others take their defaults.
SETTINGS: Mapping[str, Any] = {
    "native": NativeConfig(optimise=0),
    "rtl": RtlConfig(),
    "accelerator": AcceleratorConfig(nodes=20, edges=60, edge_lanes=2, node_lanes=2),
}
FORM_NAMES = ("integer", "brevitas", "qonnx", "qcdq", "native", "rtl", "accelerator")
HARDWARE = ("rtl", "accelerator")  # minutes to build
# What a form does not take, and the reason that it gives.
REFUSED: Mapping[tuple[str, str], str] = {
    ("accelerator", "attention"): r"it streams nodes and edges, and has no place for domains \['token', 'pair'\]",
    ("accelerator", "triplets"): r"it streams nodes and edges, and has no place for domains \['triplet'\]",
}
CASES = [(form, name) for form in FORM_NAMES for name in NETWORKS if (form, name) not in REFUSED]
MARKED = [pytest.param(*case, marks=pytest.mark.slow) if case[0] in HARDWARE else case for case in CASES]


@cache
def source(name: str) -> Source:
    network = random_network(NETWORKS[name], RECIPE, graph=toy_rows(NETWORKS[name], 40))
    return source_of(network)


@cache
def graphs(name: str) -> tuple[Rows[NDArray[Any]], ...]:
    return tuple(toy_rows(NETWORKS[name], size, seed, spread) for seed, (size, spread) in enumerate(SIZES))


Forms = Callable[[str, str], Form]


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    """Each form of each network, made once."""

    @cache
    def made(form: str, name: str) -> Form:
        return make(form, name, tmp_path_factory.mktemp("form"))

    return made


def make(form: str, name: str, folder: Path) -> Form:
    kind = FORMS[form]
    exported: Form = kind.make(source(name), folder, SETTINGS.get(form) or kind.settings())
    return exported


def compared(model: IntegerModel, form: Form, name: str) -> FormResult:
    return verify_form(model, form, graphs(name), 1500, 1, lambda *_: None)


@pytest.mark.parametrize(("form", "name"), MARKED)
def test_every_integer_of_every_toy_is_equal(form: str, name: str, forms: Forms) -> None:
    result = compared(source(name).model, forms(form, name), name)
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    assert set(result.vectors) == {kernel.name for kernel in NETWORKS[name].kernels}
    assert result.graphs == (0 if form == "rtl" else len(SIZES))
    assert result.distinct_outputs > 8


@pytest.mark.parametrize(("form", "name"), REFUSED)
def test_what_a_form_does_not_take_is_refused_by_name_before_it_writes(form: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=REFUSED[form, name]):
        make(form, name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("form", "name"), MARKED)
def test_a_flipped_bit_of_a_weight_or_of_a_table_is_caught(form: str, name: str, forms: Forms) -> None:
    """The form is made of the model; the reference has one LSB flipped: it is named as the first difference."""
    model = source(name).model
    mlp = model.description.mlps[-1]
    twins = {mlp.name: flip_lsb(model, mlp.name, len(mlp.widths) - 1)} | {
        table: flipped_entry(model, table) for table in model.tables
    }
    for layer, twin in twins.items():
        result = compared(twin, forms(form, name), name)
        assert result.failed, layer
        assert result.first is not None
        assert result.first.layer == layer
    assert not compared(model, forms(form, name), name).failed


def flipped_entry(model: IntegerModel, table: str) -> IntegerModel:
    """The same model with the table's entry of code 0 one LSB off."""
    step = model.description.step(table)
    entries = model.tables[table].copy()
    place = -model.columns(step.sources[0])[0].lowest
    entries[place] += 1 if entries[place] < model.formats[table].highest else -1
    return replace(model, tables={**model.tables, table: entries})


@pytest.mark.parametrize("name", NETWORKS)
def test_float_onnx_equals_torch_up_to_rounding(name: str, tmp_path: Path) -> None:
    network = seeded_network(NETWORKS[name], seed=2).eval()
    exported = FloatOnnx(export_float_onnx(network, tmp_path / "float.onnx"), network.description)
    spread = 0.0
    for rows in graphs(name):
        with torch.no_grad():
            wanted = network(as_tensors(rows)).numpy()
        # sums of a few dozen float32 numbers of order 1 in another order
        np.testing.assert_allclose(
            exported.output(rows).reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5, err_msg=rows.name
        )
        spread = max(spread, float(np.ptp(wanted)) if len(wanted) else 0.0)
    assert spread > 1e-2


def test_the_toys_have_every_kind_of_step_and_saturate() -> None:
    steps = [step for network in NETWORKS.values() for step in network.steps]
    assert {step.kind for step in steps} == {"gather", "concat", "mlp", "map", "table", "scatter"}
    assert {step.operation for step in steps if step.kind == "map"} == set(OPERATIONS)
    assert {step.reduce for step in steps if step.kind == "scatter"} == {"sum", "mean", "max"}
    assert {step.function for step in steps if step.kind == "table"} >= {"silu", "sigmoid", "exponential", "reciprocal"}
    for name in NETWORKS:
        model = source(name).model
        ends = [0, 0]
        for rows in graphs(name):
            for value, codes in model.run_graph(rows).items():
                fmt = model.columns(value)[0]
                ends[0] += int((codes == fmt.lowest).sum())
                ends[1] += int((codes == fmt.highest).sum())
        assert min(ends) > 0
