"""Maps, tables and maxima in C++: exact on every code, whatever operation a map is."""

from pathlib import Path

import numpy as np
import pytest
from integer_networks import random_integer_model

from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.layer_list import hls_network
from edgetrack.export.hls4ml.project import export_hls4ml
from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import OPERATIONS, Operation, broadcast, one_column
from edgetrack.models.rows import Rows
from edgetrack.models.steps import NODE, Concat, Domain, Input, Map, Table
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.tables import table_codes

ALONE = Domain("row")
ROWS = HlsConfig(io_type="io_parallel", domains={"row": 4})


def all_pairs(left: Format, right: Format) -> tuple[np.ndarray, np.ndarray]:
    """Every code of one beside every code of the other."""
    first, second = np.meshgrid(left.codes(), right.codes(), indexing="ij")
    return first.reshape(-1, 1), second.reshape(-1, 1)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (Format(5, -2), Format(5, 1, narrow=True), Format(5, -1)),  # ties, saturation at both ends
        (Format(6, 3, signed=False), Format(4, -3), Format(12, -9, signed=False)),
        (Format(4, -3), Format(5, -4, signed=False), Format(4, 9)),  # all far below half a step of the result
    ],
)
def test_an_operation_of_a_test_is_exact_on_all_codes(
    left: Format, right: Format, result: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = Operation(
        2, lambda a, b: ((a + b) * (a - b) * 0.25 - abs(b * 2.0) + abs(a)).sum(axis=-1, keepdims=True), one_column
    )
    monkeypatch.setitem(OPERATIONS, "strange", strange)
    inputs = (Input("a", "row", (1.0,)), Input("b", "row", (1.0,)))
    description = NetworkDescription("maps", inputs, (Map("made", "strange", ("a", "b")),), "made", (ALONE,))
    model = IntegerModel(description, {"a": left, "b": right, "made": result}, {})
    form = export_hls4ml(model, tmp_path, ROWS)
    first, second = all_pairs(left, right)
    got = form.run_kernel("made", {"a": first, "b": second})
    np.testing.assert_array_equal(got, model.run({"a": first, "b": second})["made"])
    if result.exponent < 9:
        assert {result.lowest, result.highest} <= set(got.ravel().tolist())
        real_a, real_b = left.dequantize(first), right.dequantize(second)
        real = (real_a + real_b) * (real_a - real_b) / 4 - abs(2 * real_b) + abs(real_a)
        np.testing.assert_array_equal(got, result.quantize(real))  # float64 holds all of it


def test_broadcast_sums_and_repeated_parts_over_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "centred", Operation(1, lambda a: a - a.sum(axis=-1, keepdims=True), broadcast))
    description = NetworkDescription(
        "maps",
        (Input("a", "row", (1.0,) * 5), Input("b", "row", (1.0,))),
        (
            Map("scaled", "multiply", ("b", "a")),
            Map("square", "multiply", ("scaled", "scaled")),
            Map("centre", "centred", ("square",)),
            Map("out", "add", ("centre", "b")),
        ),
        "out",
        (ALONE,),
    )
    model = random_integer_model(description, 3)
    form = export_hls4ml(model, tmp_path, HlsConfig(domains={"row": 30}, lanes={"row": 4}))
    rng = np.random.default_rng(1)
    features = {
        value.name: rng.uniform(-1.5, 1.5, (30, value.width)).astype(np.float32) for value in description.inputs
    }
    rows = Rows((ALONE,), {"row": 30}, features, {})
    wanted, got = model.run_graph(rows), form.run_graph(rows)
    for name, codes in got.items():
        np.testing.assert_array_equal(codes, wanted[name], err_msg=name)
        assert len(np.unique(codes)) > 5


@pytest.mark.parametrize("narrower", [False, True])
def test_the_most_negative_code_has_a_magnitude_and_a_narrower_type_is_caught(narrower: bool, tmp_path: Path) -> None:
    description = NetworkDescription(
        "maps", (Input("a", "row", (1.0,)),), (Map("size", "absolute", ("a",)),), "size", (ALONE,)
    )
    source = Format(8, -3)
    model = IntegerModel(description, {"a": source, "size": Format(9, -3)}, {})
    form = export_hls4ml(model, tmp_path, HlsConfig(io_type="io_parallel", domains={"row": 256}))
    parameters = tmp_path / "firmware/parameters.h"
    text = parameters.read_text()
    assert "const nnet::exact_t<9,6> t0 = nnet::magnitude(nnet::exact_t<9,6>(part0[row * 1 + 0]));" in text
    if narrower:
        parameters.write_text(text.replace("exact_t<9,6>", "exact_t<8,5>"))
    got = form.run_graph(Rows((ALONE,), {"row": 256}, {"a": source.dequantize(source.codes())[:, None]}, {}))["size"]
    assert np.array_equal(got, abs(source.codes())[:, None]) != narrower


def test_factors_that_are_no_powers_of_two_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "triple", Operation(1, lambda a: a * 4.0, broadcast))
    description = NetworkDescription(
        "maps", (Input("a", "node", (1.0,)),), (Map("out", "triple", ("a",)),), "out", (NODE,)
    )
    model = random_integer_model(description, 1)
    monkeypatch.setitem(OPERATIONS, "triple", Operation(1, lambda a: a * 3.0, broadcast))
    with pytest.raises(ValueError, match=r"powers of two only, got 3\.0"):
        hls_network(model, HlsConfig().all_beats(description))


SOURCES = {
    "both_signs": Format(6, -3),
    "positive": Format(5, -2, signed=False),
    "symmetric": Format(7, 0, narrow=True),
    "coarse": Format(4, 2),
}


@pytest.mark.parametrize("config", [ROWS, HlsConfig(lanes={"row": 2})])
def test_tables_are_read_at_every_code(config: HlsConfig, tmp_path: Path) -> None:
    inputs = tuple(Input(name, "row", (1.0,)) for name in SOURCES)
    tables = tuple(Table(f"of_{name}", "silu", name) for name in SOURCES)
    joined = Concat("all", tuple(table.name for table in tables))
    description = NetworkDescription("tables", inputs, (*tables, joined), "all", (ALONE,))
    results = {"of_both_signs": Format(8, -4), "of_positive": Format(6, -3), "of_symmetric": Format(9, -2)}
    results["of_coarse"] = Format(4, 1, signed=False)
    contents = {
        f"of_{name}": table_codes(tables[i], SOURCES[name], results[f"of_{name}"]) for i, name in enumerate(SOURCES)
    }
    model = IntegerModel(description, {**SOURCES, **results}, {}, contents)
    form = export_hls4ml(model, tmp_path, HlsConfig(io_type=config.io_type, lanes=config.lanes, domains={"row": 128}))
    features = {name: np.resize(fmt.dequantize(fmt.codes()), 127)[:, None] for name, fmt in SOURCES.items()}
    rows = Rows((ALONE,), {"row": 127}, features, {})
    got = form.run_graph(rows)
    for name, fmt in SOURCES.items():
        wanted = contents[f"of_{name}"]
        np.testing.assert_array_equal(got[f"of_{name}"][: len(fmt.codes()), 0], wanted)
        assert len(np.unique(wanted)) > 3
    np.testing.assert_array_equal(got["all"], model.run_graph(rows)["all"])
