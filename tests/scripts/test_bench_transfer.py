"""The benches of the transfer matrix and of track builders on small graphs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.scripts.benches.threshold_graphs import NETWORKS, folder_name
from edgetrack.scripts.benches.tracking import TrackingBenchConfig, bench_tracking
from edgetrack.scripts.benches.transfer import TransferBenchConfig, bench_transfer
from edgetrack.scripts.console import Console

QUIET = Console(quiet=True)
TWO = ("2=in-2gev-float", "1=in-1gev-float")


@pytest.fixture
def given(tmp_path: Path) -> str:
    """Four simulated graphs at 2 GeV, two others at 1 GeV: no network has seen them."""
    graphs = load_graphs(sample_graphs())
    for pt_min, part in ((2.0, graphs[:4]), (1.0, graphs[4:6])):
        for graph in part:
            save_graph(graph, tmp_path / "graphs" / folder_name(pt_min) / f"{graph.name}.npz")
    return str(tmp_path / "graphs")


def test_the_matrix_has_every_network_at_every_threshold(given: str, tmp_path: Path) -> None:
    config = TransferBenchConfig(given, networks=TWO, thresholds=(2.0, 1.0))
    cases = bench_transfer(config, tmp_path, QUIET)["cases"]
    assert [(case["trained"], case["tested"], case["graphs"]) for case in cases] == [
        (2.0, 2.0, 3),
        (2.0, 1.0, 1),
        (1.0, 2.0, 3),
        (1.0, 1.0, 1),
    ]
    assert len({case["loss"] for case in cases}) == 4
    assert all(case["edge_accuracy"] > 0.9 for case in cases)
    assert (tmp_path / "transfer.png").read_bytes().startswith(b"\x89PNG")


def test_track_builders_differ_and_are_drawn_where_pt_is_known(given: str, tmp_path: Path) -> None:
    cases = bench_tracking(TrackingBenchConfig(given, networks=TWO), tmp_path, QUIET)["cases"]
    assert [(case["pt_min"], case["name"]) for case in cases[:3]] == [
        (2.0, "union-find"),
        (2.0, "DBSCAN"),
        (2.0, "best neighbours"),
    ]
    assert len({case["perfect"] for case in cases[:3]}) > 1
    assert cases[0]["particles"] == cases[2]["particles"]
    below = sum(one["particles"] for one in cases[0]["by_pt"] if one["high"] <= 5)
    above = sum(one["particles"] for one in cases[0]["by_pt"] if one["low"] >= 5)
    assert below > 10 * above > 0
    assert (tmp_path / "tracking.png").read_bytes().startswith(b"\x89PNG")


def test_networks_without_their_threshold_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted GeV=NAME, such as 1=in-1gev-float"):
        TransferBenchConfig(networks=("in-1gev-float",))
    with pytest.raises(ValueError, match="wanted one network each"):
        TrackingBenchConfig(networks=(*TWO, "2=in-1gev-float"))
    assert set(NETWORKS) == {2.0, 1.5, 1.0}
