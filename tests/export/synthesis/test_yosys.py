"""Estimates: primitives by kind, each distinct module once, and the sum of parts."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgetrack.export.synthesis import hierarchy as yosys_hierarchy
from edgetrack.export.synthesis.hierarchy import (
    DesignResources,
    PartResources,
    count_parts,
    estimate_hierarchy,
)
from edgetrack.export.synthesis.yosys import Resources, count_primitives, estimate_resources

GOLDEN = Path(__file__).parent / "golden"
LANES = {"lanes.v": (GOLDEN / "lanes.v").read_text()}


def test_primitives_are_counted_by_kind() -> None:
    cells = {
        "LUT2": 3,
        "LUT6": 4,
        "INV": 1,
        "SRL16E": 2,
        "FDRE": 10,
        "FDSE": 1,
        "CARRY4": 5,
        "CARRY8": 1,
        "DSP48E2": 2,
        "RAMB18E2": 1,
        "RAMB36E2": 2,
        "RAM64M8": 1,
        "RAM32M": 2,
        "RAM64X1D": 1,
        "RAM256X1D": 1,
        "URAM288": 3,
        "MUXF7": 9,
        "BUFG": 1,
    }
    memory = 8 + 2 * 4 + 2 + 8
    assert count_primitives(cells) == Resources(
        lut=10 + memory, ff=11, carry4=7, dsp=2, bram36=2.5, lutram=memory, uram=3
    )
    assert "estimate" in count_primitives({}).basis


def test_resources_add_up() -> None:
    one = Resources(lut=1, ff=2, carry4=3, dsp=4, bram36=0.5, lutram=6, uram=7)
    assert one + one == one * 2 == Resources(lut=2, ff=4, carry4=6, dsp=8, bram36=1.0, lutram=12, uram=14)


def stored() -> dict[str, Any]:
    statistics: dict[str, Any] = json.loads((GOLDEN / "yosys_lanes.json").read_text())
    return statistics


def test_stored_statistics_give_parts_with_their_instances() -> None:
    shallow = Resources(lut=8 + 8, ff=8, carry4=2, dsp=0, bram36=0, lutram=8)
    deep = Resources(lut=8, ff=0, carry4=2, dsp=0, bram36=0.5)
    assert count_parts(stored(), "lanes") == (
        PartResources("lane", 2, shallow),
        PartResources("lane", 1, deep),
        PartResources("lanes", 1, Resources(lut=7, ff=1, carry4=0, dsp=0, bram36=0)),
    )


def test_parts_of_parts_are_counted_as_often_as_they_stand() -> None:
    statistics = {
        "modules": {
            "\\top": {"num_cells_by_type": {"LUT2": 1, "$paramod$abc\\lane": 3, "other": 1}},
            "$paramod$abc\\lane": {"num_cells_by_type": {"FDRE": 2, "$paramod\\memory\\DEPTH=s32'1": 4}},
            "$paramod\\memory\\DEPTH=s32'1": {"num_cells_by_type": {"RAM64M8": 1}},
            "\\other": {"num_cells_by_type": {"$paramod\\memory\\DEPTH=s32'1": 1}},
        }
    }
    parts = count_parts(statistics, "top")
    assert [(part.name, part.instances) for part in parts] == [
        ("lane", 3),
        ("lane/memory", 12),
        ("other", 1),
        ("other/memory", 1),
        ("top", 1),
    ]
    design = DesignResources(sum((part.total for part in parts[1:]), parts[0].total), parts)
    assert (design.total.ff, design.total.lutram) == (3 * 2, 13 * 8)
    assert design.inside("lane") == Resources(lut=96, ff=6, carry4=0, dsp=0, bram36=0, lutram=96)
    blocks = design.blocks()
    assert {name: instances for name, (instances, _) in blocks.items()} == {"lane": 3, "other": 1, "top": 1}
    assert blocks["lane"][1] == design.inside("lane")


def test_hierarchy_and_flattened_design_take_the_same_and_answers_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = estimate_hierarchy(LANES, "lanes", tmp_path)
    flat = estimate_resources(LANES, "lanes", tmp_path)
    assert design.parts == count_parts(stored(), "lanes")
    assert design.total == flat  # no register or logic reaches over a boundary here
    assert (design.total.bram36, design.total.lutram, design.total.ff) == (0.5, 16, 17)
    monkeypatch.setattr(yosys_hierarchy, "synthesise", None)
    assert estimate_hierarchy(LANES, "lanes", tmp_path) == design
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json"]


def test_a_bad_design_is_an_error_with_yosys_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)Yosys ended with 1 on module lanes.*syntax error"):
        estimate_hierarchy({"lanes.v": "module lanes (input wire clk; endmodule"}, "lanes", tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)on module missing.*missing"):
        estimate_resources(LANES, "missing", tmp_path)
    assert not list(tmp_path.iterdir())
