"""The bench of inference times on small graphs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.graphs.files import load_graphs, save_graph
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.scripts.benches.inference import InferenceBenchConfig, bench_inference
from edgetrack.scripts.console import Console
from edgetrack.studies import inference_times


def test_each_threshold_is_timed_on_its_own_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_times, "keep_memory", lambda: True)
    graphs = load_graphs(sample_graphs())[:2]
    for folder, graph in zip(("2gev", "1gev"), graphs, strict=True):
        save_graph(graph, tmp_path / "graphs" / folder / "graph.npz")
    given = str(tmp_path / "graphs")
    config = InferenceBenchConfig(given, thresholds=(2.0, 1.0), compiled=False, repeats=1, optimise=0)
    cases = bench_inference(config, tmp_path, Console(quiet=True))["cases"]
    assert [case["pt_min"] for case in cases] == [2.0, 1.0]
    assert [case["size"]["edges"] for case in cases] == [graph.num_edges for graph in graphs]
    assert all(case["skipped"]["compiled"] == "--no-compiled" for case in cases)
    assert (tmp_path / "inference.png").read_bytes().startswith(b"\x89PNG")


def test_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="--repeats = 0"):
        InferenceBenchConfig(repeats=0)
    with pytest.raises(ValueError, match="wanted 2 to 8"):
        InferenceBenchConfig(weight_bits=1)
