"""The table of sectors: losses by hand, and its lines for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.scripts.benches.sectors import SectorsBenchConfig, bench_sectors, fitting
from edgetrack.scripts.console import Console
from edgetrack.studies.sector_cases import SectorTableConfig, sector_cases

HALVES = SectorTableConfig(phi_sectors=(1, 2), eta_sectors=(1,), capacities=("8/3", "16/16"))


def two_tracks() -> HitGraph:
    """Two particles of four hits at r = 40, 70, 110, 170 mm, and a false edge. Halves meet at φ = 0 and ±π.

    Particle 1 crosses φ = 0 in the middle: without a margin it is left in two halves, no double majority. Particle 2
    stays in the left half.
    """
    phi = np.array([-0.02, -0.01, 0.01, 0.02, -1.0, -1.0, -1.0, -1.0])
    x = np.column_stack([np.tile([0.04, 0.07, 0.11, 0.17], 2), phi / np.pi, np.zeros(8)])
    edges = np.array([(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (2, 7)]).T
    return HitGraph(x, edges, np.array([True] * 6 + [False]), np.repeat([1, 2], 4))


def test_losses_at_seams_and_by_overflow_by_hand() -> None:
    cases = {case["name"]: case for case in sector_cases([two_tracks()], HALVES)}
    assert list(cases) == ["1 × 1, none", "2 × 1, messages", "2 × 1, true edges", "2 × 1, none"]
    none = cases["2 × 1, none"]
    assert none["seams"]["lost_edges"] == 2
    assert none["seams"]["lost_true_edges"] == 1
    assert (none["seams"]["efficiency"]["lost"], none["seams"]["efficiency"]["particles"]) == (1, 2)
    assert none["edge_percentiles"] == {"50": 4, "90": 4, "99": 4, "99.9": 4, "100": 4}
    assert none["node_percentiles"]["100"] == 6
    assert none["duplicated_work"] == 5 / 7
    # the left half holds edges 0, 3, 4 and 5 and has room for three: particle 2 keeps two of three, and its majority
    small = none["capacities"]["8/3"]
    assert (small["lost_edges"], small["lost_true_edges"], small["overflowing_sectors"]) == (1, 1, 0.5)
    assert (small["efficiency"]["lost"], small["efficiency_with_seams"]["lost"]) == (0, 1)
    assert none["capacities"]["16/16"]["lost_edges"] == 0

    assert cases["2 × 1, true edges"]["cut"]["overlap_phi"] == 0.01 + 0.001  # float32 φ lies a little beyond 0.01
    assert cases["2 × 1, true edges"]["seams"]["lost_edges"] == 1  # the false one
    assert cases["2 × 1, true edges"]["seams"]["efficiency"]["lost"] == 0
    assert cases["2 × 1, messages"]["seams"]["lost_edges"] == 0
    assert cases["2 × 1, messages"]["cut"]["overlap_phi"] == 1.0


def test_overflow_that_breaks_a_track_counts_and_is_not_recommended() -> None:
    config = SectorTableConfig(phi_sectors=(1,), eta_sectors=(1,), capacities=("8/2", "2/16", "8/7"))
    (case,) = sector_cases([two_tracks()], config)
    lost = {name: room["efficiency"]["lost"] for name, room in case["capacities"].items()}
    assert lost == {"8/2": 1, "2/16": 2, "8/7": 0, "99 %": 0}
    assert (case["recommended"]["nodes"], case["recommended"]["edges"]) == (8, 16)
    assert fitting([case], "8/2", 0.001) == []
    assert fitting([case], "8/2", 0.5) == [case]


def test_recommended_capacity_is_smaller_than_the_fullest_sector_where_that_costs_nothing() -> None:
    crowd = HitGraph(
        np.tile([0.1, 0.5, 0.0], (40, 1)),
        np.array([np.arange(0, 39), np.arange(1, 40)]),
        np.zeros(39, bool),
        np.arange(40),
    )
    (case,) = sector_cases([two_tracks()] * 10 + [crowd], SectorTableConfig(phi_sectors=(1,), eta_sectors=(1,)))
    assert case["node_percentiles"]["100"] == 40
    assert (case["recommended"]["nodes"], case["recommended"]["edges"]) == (8, 16)


def test_cheapest_cut_of_each_margin_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_graph(two_tracks(), tmp_path / "event.npz")
    result = bench_sectors(SectorsBenchConfig(str(tmp_path), HALVES), tmp_path, Console())
    assert result["fits"]["16/16"] == ["1 × 1, none", "2 × 1, true edges", "2 × 1, messages"]
    assert "16/16: 2 × 1, messages" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacities": ("660",)}, "NODES/EDGES"),
        ({"margins": ("wide",)}, "'wide' is unknown"),
        ({"rounds": 0}, "rounds"),
        ({"phi_sectors": ()}, "at least one"),
    ],
)
def test_impossible_tables_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SectorTableConfig(**change)


def test_graphs_without_truth_are_refused() -> None:
    with pytest.raises(ValueError, match="no truth"):
        sector_cases([HitGraph(np.zeros((1, 3), np.float32), np.zeros((2, 0), np.int64))], HALVES)


def test_quarters_of_2_gev_events_at_pile_up_200_fit_660_hits_and_1320_edges(trackml_hitgraphs: Path) -> None:
    graphs = load_graphs(trackml_hitgraphs / "2gev")
    config = SectorTableConfig(phi_sectors=(4,), eta_sectors=(1,), margins=("messages",), capacities=("660/1320",))
    (case,) = sector_cases(graphs, config)
    assert case["cut"]["overlap_phi"] == 0.136
    assert case["seams"]["lost_edges"] == 0
    assert case["node_percentiles"]["99.9"] == 531
    room = case["capacities"]["660/1320"]
    assert room["overflowing_sectors"] == 4 / 300
    assert 0 < room["efficiency"]["loss"] < 0.001
