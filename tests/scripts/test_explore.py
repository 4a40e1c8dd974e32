"""`edgetrack explore`: tables, files and choices; and its formulas against simulation and synthesis."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgetrack.export.accelerator.flags import Flags
from edgetrack.export.accelerator.kind import ACCELERATOR
from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.accelerator.resource_model import STATED_ERRORS
from edgetrack.export.accelerator.simulation import AcceleratorLibrary
from edgetrack.export.exploration.grid import (
    Grid,
    configurations,
    evaluate,
    explore,
    representative_networks,
    trained_network,
)
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.models.pretrained_checkpoints import DEFAULT_QUANTISED, load_kind
from edgetrack.quantize.checkpoint import integer_model
from edgetrack.scripts.config import load_config
from edgetrack.scripts.export import ExportConfig
from edgetrack.scripts.main import main
from edgetrack.studies.exploration_check import check, spread

TINY = Grid(
    nodes=24,
    edges=48,
    hidden=(3, 4),
    weight_bits=(4,),
    activation_bits=(6,),
    edge_lanes=(1, 2, 4),
    node_lanes=(1, 2),
    latency_cutoff=(4.0,),
)
SMALL = (
    "--set",
    "grid={nodes: 24, edges: 48, hidden: [3, 4], weight_bits: [4], activation_bits: [6], "
    "edge_lanes: [1, 2, 4], node_lanes: [1, 2], latency_cutoff: [4.0]}",
)


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["explore", "--folder", str(folder), *SMALL, *words])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> KernelLibrary:
    return KernelLibrary(tmp_path_factory.mktemp("kernels"))


def test_it_writes_every_candidate_a_picture_and_settings_that_export_takes(tmp_path: Path) -> None:
    result = run(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    rows = list(csv.DictReader((tmp_path / "exploration.csv").read_text().splitlines()))
    assert answer["candidates"] == len(rows) == 2 * 3 * 2
    assert sum(row["front"] == "True" for row in rows) == len(answer["front"]) >= 2
    choice = answer["choice"]
    assert choice["hidden"] == 4  # the larger network fits as well
    assert choice["latency_ns"] <= 2000
    assert json.loads((tmp_path / "exploration.json").read_text())["device"] == "xcvu9p-flga2104-2-e"
    assert (tmp_path / "exploration.png").read_bytes().startswith(b"\x89PNG")
    assert b"</svg>" in (tmp_path / "exploration.svg").read_bytes()
    exported = load_config(ExportConfig, tmp_path / "chosen.yaml").settings.of(ACCELERATOR)
    assert (exported.edge_lanes, exported.graphs_in_flight) == (choice["edge_lanes"], choice["graphs_in_flight"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert run(tmp_path).exit_code == 0
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_no_design_within_the_limits_fails_and_says_which(tmp_path: Path) -> None:
    result = run(tmp_path, "--set", "limits.latency_us=0.01")
    assert result.exit_code == 1
    assert "not one keeps to the latency of 0.01 µs" in result.output
    assert (tmp_path / "exploration.csv").is_file()
    assert not (tmp_path / "chosen.yaml").exists()


def test_what_it_cannot_explore_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, "--check", "-1")
    assert result.exit_code == 1
    assert "check is -1, wanted the number of designs to build" in result.output
    result = run(tmp_path, "--set", "grid.clock_mhz=[100, 200]")
    assert "wanted one above 0, or one for each of 1 values of latency_cutoff" in result.output


def test_slots_and_accumulators_are_the_fewest_that_reach_the_rate_of_the_lanes(library: KernelLibrary) -> None:
    network, _ = representative_networks(TINY)
    (rtl,) = TINY.pipelines
    kernels = library.figures(network.model, rtl)
    for config in configurations(network.model, TINY, rtl, kernels):
        rows = max(-(-TINY.nodes // config.node_lanes), -(-TINY.edges // config.edge_lanes))
        assert evaluate(network, config, TINY, kernels).interval_cycles == rows
        for name in ("graphs_in_flight", "accumulators"):
            if getattr(config, name) > 1:
                fewer = replace(config, **{name: getattr(config, name) - 1})
                assert evaluate(network, fewer, TINY, kernels).interval_cycles > rows


def test_a_trained_network_keeps_its_sizes(library: KernelLibrary) -> None:
    network = trained_network(integer_model(load_kind(DEFAULT_QUANTISED, "quantised")))
    assert network.size == (16, 6, 8)
    grid = replace(TINY, edge_lanes=(1,), node_lanes=(1,))
    (only,) = explore([network], grid, library, lambda *_: None)
    assert (only.hidden, only.config.edge_lanes) == (16, 1)


def test_checks_spread_over_the_front(library: KernelLibrary) -> None:
    candidates = explore(representative_networks(TINY), TINY, library, lambda *_: None)
    luts = sorted(one.resources.lut for one in candidates)
    picked = [one.resources.lut for one in spread(candidates, 3, 1_000_000)]
    assert (picked[0], picked[-1], len(picked)) == (luts[0], luts[-1], 3)
    assert max(one.resources.lut for one in spread(candidates, 3, luts[4])) <= luts[4]
    with pytest.raises(ValueError, match="no design of the front has at most 10 LUTs"):
        spread(candidates, 3, 10)


@pytest.mark.slow
def test_formulas_agree_with_simulation_and_synthesis(
    tmp_path: Path, library: KernelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = replace(TINY, hidden=(4,))
    (network,) = representative_networks(grid)
    (rtl,) = grid.pipelines
    candidate = evaluate(network, AcceleratorConfig(24, 48, 3, 2, 3, 2, rtl), grid, library.figures(network.model, rtl))
    found = check(network, candidate, tmp_path)
    assert found.mismatches == 0
    assert (found.latency_cycles, found.interval_cycles) == (candidate.latency_cycles, candidate.interval_cycles)
    for name, error in found.errors().items():
        assert abs(error) <= STATED_ERRORS[name], (name, error)
    run = AcceleratorLibrary.run
    monkeypatch.setattr(
        AcceleratorLibrary, "run", lambda *given: [replace(one, flags=Flags.CAPACITY) for one in run(*given)]
    )
    assert check(network, candidate, tmp_path).mismatches > 1000  # logits of a flagged graph mean nothing
