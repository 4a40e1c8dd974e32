"""The C simulation reads the very headers that synthesis reads, as numbers that cost the compiler nothing."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from integer_networks import random_integer_model

from edgetrack.export.hls4ml.config import HlsConfig
from edgetrack.export.hls4ml.project import HlsForm, export_hls4ml
from edgetrack.export.hls4ml.simulation_unit import simulation_unit
from edgetrack.models.description import NetworkDescription
from edgetrack.models.rows import Rows
from edgetrack.models.steps import Domain, Input, Mlp

ALONE = Domain("row")
ROWS = HlsConfig(io_type="io_parallel", domains={"row": 4})


def exported(folder: Path) -> HlsForm:
    description = NetworkDescription(
        "chain", (Input("a", "row", (1.0, 1.0, 1.0)),), (Mlp("out", "a", (4, 2)),), "out", (ALONE,)
    )
    return export_hls4ml(random_integer_model(description, 5), folder, ROWS)


def test_every_array_of_the_headers_is_read_as_numbers_and_filled_before_the_network(tmp_path: Path) -> None:
    form = exported(tmp_path)
    unit = simulation_unit(tmp_path, form.project.name)
    headers = sorted(path.name for path in (tmp_path / "firmware/weights").glob("*.h"))
    assert len(headers) == 4  # weights and biases of two layers
    network = unit.index(f'#include "firmware/{form.project.name}.cpp"')
    for header in headers:
        array = header.removesuffix(".h")
        assert unit.count(f"weights/{header}") == 1
        assert unit.index(f"weights/{header}") < unit.index(f"filled_{array} = ") < network


def test_a_number_changed_in_a_header_is_what_the_simulation_computes_with(tmp_path: Path) -> None:
    form = exported(tmp_path)
    (header,) = (
        path for path in (tmp_path / "firmware/weights").glob("b*.h") if "out_dense_1_bias_t" in path.read_text()
    )
    header.write_text(re.sub(r"\{.*\}", "{0.0, 0.0}", header.read_text()))
    hidden, last = form.model.layers["out"]
    unbiased = replace(form.model, layers={"out": (hidden, replace(last, bias=np.zeros(2, np.int64)))})
    rng = np.random.default_rng(1)
    rows = Rows((ALONE,), {"row": 4}, {"a": rng.uniform(-1.0, 1.0, (4, 3)).astype(np.float32)}, {})
    got = form.run_graph(rows)["out"]
    np.testing.assert_array_equal(got, unbiased.run_graph(rows)["out"])
    assert (got != form.model.run_graph(rows)["out"]).any()
