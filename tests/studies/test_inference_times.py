"""Inference times: every runtime gives the same logits before it is timed, and what cannot run is said."""

from __future__ import annotations

import pytest
import torch

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import Rows
from edgetrack.studies import inference_times as bench
from edgetrack.studies.runtimes import PEER, Run, random_hits

NETWORK = seeded_network(interaction_network(InteractionNetworkConfig(hidden=4)), 1).eval()
GRAPH = random_hits(10, 100, 3)
MODEL = bench.calibrated_model(NETWORK, GRAPH, 6)


def eager(network: GraphNetwork, tensors: Rows[torch.Tensor]) -> Run:
    return lambda: network(tensors)


def other_weights(network: GraphNetwork, tensors: Rows[torch.Tensor]) -> Run:
    return eager(seeded_network(network.description, 2).eval(), tensors)


def no_compiler(network: GraphNetwork, tensors: Rows[torch.Tensor]) -> Run:
    raise RuntimeError("no compiler\nhere")


def case(monkeypatch: pytest.MonkeyPatch, compiled: object = eager) -> dict[str, object]:
    monkeypatch.setattr(bench, "keep_memory", lambda: True)
    monkeypatch.setattr(bench, "_compiled", compiled)
    return bench.inference_case(2.0, GRAPH, NETWORK, MODEL, repeats=1, optimise=0)


def test_all_runtimes_have_times_and_a_missing_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = case(monkeypatch)
    names = {"pyg", "pytorch", "onnx", "qcdq", "native_float", "native_int8", "compiled"}
    times, ratios = found["milliseconds"], found["ratios"]
    assert isinstance(times, dict)
    assert isinstance(ratios, dict)
    assert set(times) == set(ratios) == names
    assert all(ratios[name] == pytest.approx(times[PEER] / times[name]) for name in names)
    assert found["skipped"] == {"pyg_gpu": bench.SKIPPED_GPU}
    assert found["size"] == {"nodes": 10, "edges": 100}


def test_a_compiled_network_of_other_weights_stops_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="compiled differs by"):
        case(monkeypatch, other_weights)


def test_a_missing_compiler_is_a_skip_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = case(monkeypatch, no_compiler)["skipped"]
    assert isinstance(skipped, dict)
    assert skipped["compiled"] == "RuntimeError: no compiler"


def test_the_typical_graph_has_the_median_of_edges() -> None:
    graphs = load_graphs(sample_graphs())[:5]
    edges = sorted(graph.num_edges for graph in graphs)
    assert bench.typical_graph(graphs).num_edges == edges[2]
    with pytest.raises(ValueError, match="no graphs to time"):
        bench.typical_graph([])
