"""Networks with every kind of step, in domains of nodes, edges, triplets, tokens and pairs, as hls4ml projects."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from integer_networks import flip_lsb, random_integer_model
from mixed_formats import mixed_integer_model
from numpy.typing import NDArray
from toy_networks import NETWORKS, toy_rows

from edgetrack.export.cases import kernel_vectors
from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import HlsForm, export_hls4ml
from edgetrack.models.rows import Rows
from edgetrack.quantize.integer_model import IntegerModel

ROOM = {"triplet": 270, "token": 24, "pair": 160}
PARALLEL = HlsConfig(24, 64, io_type="io_parallel", domains=ROOM)
STREAM = HlsConfig(24, 64, domains=ROOM)
LANES = HlsConfig(
    23, 61, edge_lanes=4, node_lanes=2, domains=ROOM, lanes={"triplet": 3, "token": 2, "pair": 3}, graphs_in_flight=2
)
CASES: Mapping[str, tuple[Callable[[], IntegerModel], HlsConfig]] = {
    "every-step-lanes": (lambda: mixed_integer_model(NETWORKS["every step"], 6), LANES),
    "every-step-parallel": (lambda: random_integer_model(NETWORKS["every step"], 1), PARALLEL),
    "attention-lanes": (lambda: random_integer_model(NETWORKS["attention"], 2), LANES),
    "attention-parallel": (lambda: random_integer_model(NETWORKS["attention"], 12), PARALLEL),
    "triplets-stream": (lambda: mixed_integer_model(NETWORKS["triplets"], 2), STREAM),
    "triplets-parallel": (lambda: random_integer_model(NETWORKS["triplets"], 3), PARALLEL),
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], HlsForm]:
    built: dict[str, HlsForm] = {}

    def form(case: str) -> HlsForm:
        if case not in built:
            model, config = CASES[case]
            built[case] = export_hls4ml(model(), tmp_path_factory.mktemp(case), config)
        return built[case]

    return form


def graphs(form: HlsForm) -> list[Rows[NDArray[Any]]]:
    """Nearly full, small, saturating, one element, empty."""
    sizes = enumerate(((20, 1.0), (12, 1.0), (16, 8.0), (1, 1.0), (0, 1.0)))
    return [toy_rows(form.model.description, size, seed, spread) for seed, (size, spread) in sizes]


@pytest.mark.parametrize("case", CASES)
def test_every_value_equals_the_integer_model(case: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    inputs = {value.name for value in form.model.description.inputs}
    seen: dict[str, set[int]] = {}
    for rows in graphs(form):
        wanted = form.model.run_graph(rows, hidden=True)
        got = form.run_graph(rows)
        assert list(got) == [name for name in wanted if name not in inputs]
        for name, codes in got.items():
            np.testing.assert_array_equal(codes, wanted[name], err_msg=f"{name} of {rows.name}")
            seen.setdefault(name, set()).update(codes.ravel().tolist())
    assert min(len(codes) for codes in seen.values()) > 1
    assert len(seen[form.model.description.output]) > 8


@pytest.mark.parametrize("case", CASES)
def test_a_flipped_bit_of_a_weight_or_of_a_table_shows_from_its_layer_on(
    case: str, forms: Callable[[str], HlsForm]
) -> None:
    form = forms(case)
    model, rows = form.model, graphs(form)[0]
    got = form.run_graph(rows)
    mlp = model.description.mlps[0]
    twins = {mlp.name: flip_lsb(model, mlp.name, len(mlp.widths) - 1)}
    for table in model.tables:
        read = model.run_graph(rows)[model.description.step(table).sources[0]]
        twins[table] = flipped_entry(model, table, int(read[0, 0]))
    for layer, twin in twins.items():
        wanted = twin.run_graph(rows, hidden=True)
        assert next(name for name in got if not np.array_equal(got[name], wanted[name])) == layer


def flipped_entry(model: IntegerModel, table: str, code: int) -> IntegerModel:
    """The same model, the table's entry for `code` one LSB off."""
    entries = model.tables[table].copy()
    place = code - model.columns(model.description.step(table).sources[0])[0].lowest
    entries[place] += 1 if entries[place] < model.formats[table].highest else -1
    return replace(model, tables={**model.tables, table: entries})


KERNELS = [
    ("every-step-lanes", "distance"),
    ("every-step-parallel", "closeness"),
    ("attention-lanes", "attended_head_1_weight"),
    ("triplets-parallel", "agreement"),
]


@pytest.mark.parametrize(("case", "kernel"), KERNELS)
def test_maps_and_tables_equal_the_integers_on_vectors(case: str, kernel: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    vectors = kernel_vectors(form.model, kernel, 20_000, seed=0)
    got = form.run_kernel(kernel, vectors)
    assert len(np.unique(got)) > 3
    np.testing.assert_array_equal(got, form.model.submodel(kernel).run(vectors)[kernel])


@pytest.mark.parametrize("case", ["attention-lanes", "triplets-stream"])
def test_capacity_counts_the_dummies_of_every_domain(case: str, forms: Callable[[str], HlsForm]) -> None:
    form = forms(case)
    counts: dict[str, Any] = {
        "attention-lanes": {"token": 23, "pair": 162},
        "triplets-stream": {"node": 23, "edge": 63, "triplet": 270},
    }
    assert form.capacity.counts == counts[case]
    with pytest.raises(ValueError, match="do not fit"):
        form.run_graph(toy_rows(form.model.description, 40))
