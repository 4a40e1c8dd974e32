"""What a user of the exported accelerator is handed: names, headers, licences, and accelerator.json."""

import json
import re
from pathlib import Path
from typing import Any

import alkaid
import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from pyslang.ast import Compilation
from pyslang.syntax import SyntaxTree

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.simulation import LINT
from edgetrack.export.accelerator.streams import edge_stream, node_stream
from edgetrack.export.interface import Origin
from edgetrack.export.rtl.pipelines import export_rtl
from edgetrack.export.rtl.verilator import check_lint
from edgetrack.export.synthesis.pin_harness import stream_ports
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.integer_model import IntegerModel

IN = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=3, effects=2)), 1)
TOY = random_integer_model(toy_description())  # a mean, a residual
ORIGIN = Origin("a" * 64, 0.3, -0.7)
ALKAID_MODULES = Path(alkaid.__file__).parent / "codegen/rtl/verilog/source"


def exported(folder: Path, prefix: str = "", model: IntegerModel = IN) -> AcceleratorForm:
    config = AcceleratorConfig(24, 48, 3, 2, 2, 2, module_prefix=prefix)
    return export_accelerator(model, folder, config, ORIGIN)


def standard_errors(*forms: AcceleratorForm) -> set[str]:
    """What a front end that keeps to the standard says of one design that holds all of them."""
    design = Compilation()
    for form in forms:
        for text in form.sources.values():
            design.addSyntaxTree(SyntaxTree.fromText(text))
    found = design.getAllDiagnostics()
    return {str(one.code) for one in found if one.isError() or "Duplicate" in str(one.code)}


def test_two_accelerators_stand_in_one_design(tmp_path: Path) -> None:
    forms = [exported(tmp_path / prefix, prefix, model) for prefix, model in (("a_", IN), ("b_", TOY))]
    assert standard_errors(*forms) == set()
    modules = [set(re.findall(r"^\s*module\s+(\w+)", text, re.M)) for form in forms for text in form.sources.values()]
    assert all(len(names) == 1 and next(iter(names))[:2] in ("a_", "b_") for names in modules)
    assert [form.top for form in forms] == ["a_accelerator", "b_accelerator"]
    clashing = [exported(tmp_path / "none", "", IN), exported(tmp_path / "too", "", TOY)]
    assert "DiagCode(DuplicateDefinition)" in standard_errors(*clashing)


def test_with_a_prefix_it_gives_the_same_integers(tmp_path: Path) -> None:
    form = exported(tmp_path, "barrel_")
    sizes = ((24, 48), (5, 9), (0, 0), (7, 20))
    graphs = [random_graph(nodes, edges, seed=nodes, spread=4.0) for nodes, edges in sizes]
    for graph, received in zip(graphs, form.run_graphs(graphs), strict=True):
        np.testing.assert_array_equal(received.codes, IN.run_graph(graph)["phi_r2"])


@pytest.mark.parametrize("prefix", ["2nd_", "a-b", "a__", "ä"])
def test_a_prefix_that_names_no_module_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="module_prefix is"):
        AcceleratorConfig(module_prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "a_"])
def test_every_file_says_where_it_is_from_and_its_licence(prefix: str, tmp_path: Path) -> None:
    form = exported(tmp_path, prefix)
    files = {path.name: path.read_text() for path in (tmp_path / "verilog").glob("*.v")}
    assert files == dict(form.sources)
    foreign = set()
    for name, text in files.items():
        first, second, third = text.splitlines()[:3]
        assert first.startswith(f"// {name}: written by ")
        assert "edgetrack 0" in first
        assert second == f"// Network interaction_network, checkpoint SHA-256 {'a' * 64}."
        assert third in ("// SPDX-License-Identifier: Apache-2.0", "// SPDX-License-Identifier: LGPL-3.0-or-later")
        if "LGPL" in third:
            foreign.add(name)
            assert "alkaid" in first
    assert {f"{prefix}{path.name}" for path in ALKAID_MODULES.glob("*.v")} & set(files) <= foreign
    assert {name for name in files if re.search(r"_kernel(_logic\d+)?\.v$", name)} <= foreign
    assert not foreign & {f"{prefix}{name}" for name in ("accelerator.v", "phi_r1_pipeline.v", "gather.v")}
    notice = (tmp_path / "verilog" / "NOTICE").read_text()
    assert set(re.findall(r"^  (\w+\.v)$", notice, re.M)) == foreign
    assert "LGPL-3.0-or-later" in notice


def test_pipelines_alone_have_headers_too(tmp_path: Path) -> None:
    form = export_rtl(IN, tmp_path, origin=ORIGIN)
    for kernel in form.kernels.values():
        for name, text in kernel.sources.items():
            assert text == (tmp_path / "verilog" / name).read_text()
            assert text.startswith(f"// {name}: written by ")
    assert "shift_adder.v" in (tmp_path / "verilog" / "NOTICE").read_text()


def test_kernels_are_written_once(tmp_path: Path) -> None:
    exported(tmp_path)
    found = [path.name for path in tmp_path.rglob("*.v")]
    assert len(found) == len(set(found))


def test_the_top_module_has_no_parameters(tmp_path: Path) -> None:
    assert re.search(r"^module accelerator \(", exported(tmp_path).sources["accelerator.v"], re.M)


@pytest.mark.parametrize("model", [IN, TOY])
def test_the_description_alone_is_enough_to_pack_and_read_the_streams(model: IntegerModel, tmp_path: Path) -> None:
    form = exported(tmp_path, model=model)
    described = json.loads((tmp_path / "accelerator.json").read_text())
    for port in stream_ports(form.sources["accelerator.v"], "accelerator"):
        stream = described["streams"][port.name]
        assert {name: stream[f"{name}_bits"] for name in ("tdata", "tkeep", "tuser")} | {"tlast": 1} == dict(
            port.fields
        )
    graph = random_graph(23, 47, spread=3.0)
    coded = form.coded(graph)
    raw = {"x": graph.x, "edge_attr": graph.edge_attr, "source": graph.edge_index[0], "target": graph.edge_index[1]}
    for name, made in (("node", node_stream(form.plan, [coded])), ("edge", edge_stream(form.plan, [coded]))):
        stream = described["streams"][name]
        rows = [sum(int(word) << (32 * place) for place, word in enumerate(row)) for row in made.data]
        assert rows == packed_rows(stream, raw)
    assert [field["name"] for field in described["streams"]["logit"]["tuser"]][1:] == [
        str(flag.name).lower() for flag in Flags
    ]
    output = described["streams"]["logit"]["lane"][0]
    assert described["interface"]["thresholds"]["edges"]["logit"] == 0.3
    assert described["interface"]["thresholds"]["edges"]["least_code"] == int(0.3 * 2 ** -output["exponent"]) + 1
    assert described["interface"]["checkpoint_sha256"] == "a" * 64
    assert set(described["versions"]) == {"edgetrack", "alkaid"}


def packed_rows(stream: dict[str, Any], raw: dict[str, np.ndarray]) -> list[int]:
    """Rows of a stream as its description says, from raw features and indices."""
    rows, items = [], len(raw[stream["lane"][0]["name"]])
    for start in range(0, items, stream["lanes"]):
        row = 0
        for item in range(start, min(start + stream["lanes"], items)):
            for field in stream["lane"]:
                values = np.atleast_1d(raw[field["name"]][item]) * np.array(field.get("scale", [1.0]))
                lowest = -(2 ** (field["bits"] - 1)) if field["signed"] else 0
                codes = np.clip(np.rint(values / 2.0 ** field["exponent"]), lowest, lowest + 2 ** field["bits"] - 1)
                for column, code in enumerate(codes.astype(int).tolist()):
                    place = (item - start) * stream["lane_bits"] + field["low"] + column * field["bits"]
                    row |= (code % 2 ** field["bits"]) << place
        rows.append(row)
    return rows


@pytest.mark.parametrize(
    "size", [(1, 1, 1, 1, 1, 1), (4, 4, 4, 4, 2, 2), (64, 128, 4, 2, 4, 4), (16, 32, 16, 8, 16, 6)]
)
def test_no_width_is_cut_or_padded_in_silence(size: tuple[int, int, int, int, int, int], tmp_path: Path) -> None:
    form = export_accelerator(TOY, tmp_path, AcceleratorConfig(*size, timeout_cycles=100))
    check_lint(form.sources, form.top, LINT)
    wide = form.sources["gather.v"].replace(
        "address <= base + node_row[ADDRESS_BITS-1:0]", "address <= base + node_row"
    )
    assert wide != form.sources["gather.v"]
    with pytest.raises(RuntimeError, match="WIDTH"):
        check_lint({**form.sources, "gather.v": wide}, form.top, LINT)
