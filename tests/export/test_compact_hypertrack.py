"""The compact HyperTrack on hit graphs through every form: 0 mismatches, and flips in weights and tables are caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from integer_networks import flip_lsb, random_graph
from quantized_networks import random_network, source_of

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.form import Form
from edgetrack.export.form_comparison import FormResult, verify_form
from edgetrack.export.forms import FORMS
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.kind import Source
from edgetrack.export.native.form import NativeConfig
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.recipe import PrecisionRecipe

RECIPE = PrecisionRecipe(bias_bits=20, max_degree=256)
SIZES = {
    "hidden": 3,
    "message": 2,
    "latent": 3,
    "message_units": 3,
    "hidden_units": 3,
    "fusion_units": 3,
    "edge_units": 3,
}
NETWORKS = {
    "five rounds": CompactHyperTrackConfig(layers=5, **SIZES),  # type: ignore[arg-type]
    "root": CompactHyperTrackConfig(layers=2, distance="root", weights="shared", **SIZES),  # type: ignore[arg-type]
}
SETTINGS: Mapping[str, tuple[str, Any]] = {
    "native": ("native", NativeConfig(optimise=0)),
    "rtl": ("rtl", RtlConfig()),
    "accelerator": ("accelerator", AcceleratorConfig(nodes=20, edges=60, edge_lanes=2, node_lanes=2)),
    "hls4ml stream": ("hls4ml", HlsConfig(nodes=21, edges=60)),
    "hls4ml parallel": ("hls4ml", HlsConfig(nodes=21, edges=60, io_type="io_parallel")),
}
QUICK = ("integer", "brevitas", "qcdq", "native")
CASES = [
    *((form, name) for form in QUICK for name in NETWORKS),
    *(pytest.param(form, "root", marks=pytest.mark.slow) for form in ("qonnx", *SETTINGS) if form not in QUICK),
    pytest.param("accelerator", "five rounds", marks=pytest.mark.slow),
]
# Full, small, saturating, one hit, no edge, nothing.
GRAPHS = ((20, 60, 1.0), (12, 30, 1.0), (16, 50, 8.0), (1, 2, 1.0), (5, 0, 1.0), (0, 0, 1.0))

Forms = Callable[[str, str], Form]


@cache
def source(name: str) -> Source:
    description = compact_hypertrack(NETWORKS[name])
    return source_of(random_network(description, RECIPE, graph=random_graph(40, 120)))


def graphs() -> list[HitGraph]:
    return [random_graph(nodes, edges, seed, spread) for seed, (nodes, edges, spread) in enumerate(GRAPHS)]


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    @cache
    def made(form: str, name: str) -> Form:
        kind, settings = SETTINGS.get(form, (form, None))
        folder = tmp_path_factory.mktemp("form")
        exported: Form = FORMS[kind].make(source(name), folder, settings or FORMS[kind].settings())
        return exported

    return made


def compared(model: IntegerModel, form: Form) -> FormResult:
    return verify_form(model, form, graphs(), 300, 1, lambda *_: None)


@pytest.mark.parametrize(("form", "name"), CASES)
def test_every_integer_is_equal_and_flips_of_weights_and_table_entries_are_found(
    form: str, name: str, forms: Forms
) -> None:
    model, made = source(name).model, forms(form, name)
    result = compared(model, made)
    assert (result.mismatches, result.first, result.failed) == (0, None, False)
    assert result.distinct_outputs > 8
    assert result.graphs == (0 if form == "rtl" else len(GRAPHS))
    for layer, twin in twins(model).items():
        result = compared(twin, made)
        assert result.failed, layer
        assert result.first is not None
        assert result.first.layer in (layer, model.description.output)


def twins(model: IntegerModel) -> dict[str, IntegerModel]:
    """One LSB of a weight of the first and of the last MLP, and of an entry of each table."""
    mlps = model.description.mlps
    flipped = {mlp.name: flip_lsb(model, mlp.name, len(mlp.widths) - 1) for mlp in (mlps[0], mlps[-1])}
    for table, entries in model.tables.items():
        codes = model.run_graph(graphs()[0])[model.description.step(table).sources[0]]
        place = int(codes[0, 0]) - model.columns(model.description.step(table).sources[0])[0].lowest
        other = entries.copy()
        other[place] += 1 if other[place] < model.formats[table].highest else -1
        flipped[table] = replace(model, tables={**model.tables, table: other})
    return flipped


def test_the_cases_have_tables_and_saturate() -> None:
    assert len(source("root").model.tables) == 2
    for name in NETWORKS:
        model = source(name).model
        values = [model.run_graph(graph) for graph in graphs()]
        for end in ("lowest", "highest"):
            assert any(
                (codes == getattr(model.columns(value)[0], end)).any() for one in values for value, codes in one.items()
            )
