"""An operation that is defined here, by one row, goes through every form: no room's code changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb, random_graph
from quantized_networks import random_network, source_of

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form_comparison import verify_form
from edgetrack.export.forms import FORMS
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.native.form import NativeConfig
from edgetrack.export.onnx.float_network import FloatOnnx, export_float_onnx
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import seeded_network
from edgetrack.models.operations import OPERATIONS, Operation, one_column
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.ranges import activation_use
from edgetrack.quantize.recipe import PrecisionRecipe

# |a| · b − a / 4 summed over the columns, times c: products, a difference, a power of two, a sum, a broadcast.
BLEND = Operation(3, lambda a, b, c: (abs(a) * b - a * 0.25).sum(axis=-1, keepdims=True) * c, one_column)
SETTINGS = {
    "native": NativeConfig(optimise=0),
    "accelerator": AcceleratorConfig(nodes=20, edges=60),
    "hls4ml": HlsConfig(nodes=21, edges=60),
}
SOFTWARE = ["integer", "brevitas", "qonnx", "qcdq", "native"]
HARDWARE = ["hls4ml", "rtl", pytest.param("accelerator", marks=pytest.mark.slow)]


@pytest.fixture(autouse=True)
def _row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "blend", BLEND)


def blended() -> NetworkDescription:
    return NetworkDescription(
        "blended",
        (Input("x", "node", (4.0, 1.0, 0.5)), Input("edge_attr", "edge", (4.0, 32.0, 0.5, 0.125))),
        (
            Mlp("h", "x", (4,)),
            Gather("h_source", "h", "source"),
            Gather("h_target", "h", "target"),
            Mlp("gate", "edge_attr", (1,)),
            Map("blend", "blend", ("h_source", "h_target", "gate")),
            Concat("head_in", ("blend", "edge_attr")),
            Mlp("head", "head_in", (5, 1)),
        ),
        "head",
    )


def test_the_float_network_computes_it_and_exports_it(tmp_path: Path) -> None:
    network = seeded_network(blended(), 1).eval()
    rows = hit_rows(random_graph(20, 60))
    with torch.no_grad():
        values = network.values(as_tensors(rows))
    a, b, c = (values[name].numpy() for name in ("h_source", "h_target", "gate"))
    np.testing.assert_allclose(
        values["blend"], ((np.abs(a) * b - a / 4).sum(1, keepdims=True)) * c, rtol=1e-5, atol=1e-6
    )
    exported = FloatOnnx(export_float_onnx(network, tmp_path / "float.onnx"), network.description)
    np.testing.assert_allclose(exported.output(rows), values["head"].numpy()[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", [*SOFTWARE, *HARDWARE])
def test_every_form_gives_the_integers_of_it(form: str, tmp_path: Path) -> None:
    network = random_network(blended(), PrecisionRecipe(bias_bits=20, activation_bits=6), seed=3)
    model = extract_integer_model(network)
    kind = FORMS[form]
    built = kind.make(source_of(network), tmp_path, SETTINGS.get(form) or kind.settings())
    graphs = [random_graph(20, 60), random_graph(9, 30, spread=6.0), random_graph(4, 0)]
    result = verify_form(model, built, graphs, 4000, 1, lambda *_: None)
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    twin = verify_form(flip_lsb(model, "head"), built, graphs, 4000, 1, lambda *_: None)
    assert twin.failed


def test_bounds_and_ranges_follow_from_the_row() -> None:
    model = extract_integer_model(random_network(blended(), PrecisionRecipe(bias_bits=20, activation_bits=6)))
    part = model.submodel("blend")
    corner = {name: np.full((1, value.width), part.formats[name].lowest) for name, value in inputs_of(part).items()}
    (rounded,) = part.rounded(part.description.steps[-1], corner, None)
    # lowest codes everywhere: |a| · b is negative, −a / 4 positive, so the bound, which adds both, is just not reached
    bound = model.bounds["blend"]
    assert rounded.exact.exponent == bound.exponent
    assert 0.5 * bound.largest < abs(int(rounded.exact.codes[0, 0])) <= bound.largest
    uses, _ = activation_use(model, [random_graph(20, 60)])
    assert "blend" in {use.name for use in uses}


def inputs_of(model: IntegerModel) -> dict[str, Input]:
    return {value.name: value for value in model.description.inputs}
