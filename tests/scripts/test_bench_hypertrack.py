"""The bench of HyperTrack: forms that are compared are equal, and a form that is not stops it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.mask_models import float_mask_model
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.hypertrack.set_transformer import SetTransformer
from edgetrack.models.hypertrack.steps import folded
from edgetrack.models.micrographs import Micrographs
from edgetrack.scripts.benches.hypertrack import HyperTrackBenchConfig, bench_hypertrack
from edgetrack.scripts.console import Console
from edgetrack.studies import hypertrack_speed as bench
from edgetrack.studies import voxel_speed
from edgetrack.studies.straightforward_hypertrack import networkx_candidates, pyg_network
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig

TINY = HyperTrackBenchConfig(nodes=60, pairs=150, tracks=12, hits=2000, voxels=1024, links=3000, repeats=2)


def test_cases_have_sizes_ratios_and_milliseconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = bench_hypertrack(TINY, tmp_path, Console())
    network, clustering, adjacency = result["cases"]
    assert not result["failed"]
    assert network["size"] == {"nodes": 60, "directed_edges": 300}
    assert 0 < network["largest_difference"] < bench.TOLERANCE
    assert clustering["size"]["candidates"] > 5
    assert adjacency["size"]["pairs"] > 1000
    assert 16 < adjacency["peak_bytes_per_pair"]["all_hits"] < 64
    for case, other in ((network, "pyg"), (network, "module"), (clustering, "networkx")):
        times = case["milliseconds"]
        assert case["ratios"][other] == pytest.approx(times[other] / times["ours"])
    assert "HyperTrack: clustering" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mlps.layer_3_message_1.0.weight", "mlps.fusion_2.0.bias", "mlps.edge_2.0.weight"])
def test_another_weight_stops_the_bench(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(network: HyperTrackNetwork) -> tuple[object, dict[str, torch.Tensor]]:
        description, state = folded(network)
        state[name] = state[name] + 0.1
        return description, state

    monkeypatch.setattr(bench, "folded", changed)
    with pytest.raises(RuntimeError, match="fused inference is"):
        bench.network_case(60, 150, 1, 1)


def test_another_transformer_stops_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(module: SetTransformer) -> object:
        other = float_mask_model(module)

        def shifted(graph: HitGraph, latent: NDArray[np.float32], micrographs: Micrographs) -> NDArray[np.float32]:
            logits: NDArray[np.float32] = other(graph, latent, micrographs).astype(np.float32)
            logits[micrographs.nodes % 7 == 0] -= 4 * bench.MARGIN
            return logits

        return shifted

    monkeypatch.setattr(bench, "float_mask_model", changed)
    with pytest.raises(RuntimeError, match="not found by both loops"):
        bench.clustering_case(12, 1, 1)


@pytest.mark.parametrize(
    ("change", "words"), [("lost", "[1-9][0-9]* are lacking"), ("twice", " 1 come twice"), ("made", "1 are linked")]
)
def test_a_wrong_pair_stops_the_bench(change: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = VoxelDynamics.edges

    def wrong(dynamics: VoxelDynamics, points: NDArray[np.floating], threads: int = 1) -> NDArray[np.int64]:
        edges = right(dynamics, points, threads)
        match change:
            case "lost":
                return edges[:, ::2]
            case "twice":
                return np.append(edges, edges[::-1, :1], axis=1)
        linked = set(map(tuple, np.sort(edges, axis=0).T.tolist()))
        free = next((0, j) for j in range(1, len(points)) if (0, j) not in linked)
        return np.append(edges, np.array([free]).T, axis=1)

    monkeypatch.setattr(VoxelDynamics, "edges", wrong)
    with pytest.raises(RuntimeError, match=words):
        voxel_speed.adjacency_case(2000, 1024, 3000, 1, 1)


def test_voxels_are_images_of_seeds() -> None:
    with pytest.raises(ValueError, match="multiple of 64"):
        voxel_speed.adjacency_case(2000, 1000, 3000, 1, 1)


def test_masks_do_not_follow_the_truth_alone() -> None:
    """The transformer has a say in the candidates that are compared."""
    graph = bench.random_tracks(12, 1)[0]
    latent = np.random.default_rng(1).normal(0, 1, (graph.num_nodes, 61)).astype(np.float32)
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        mask = bench._mask(graph, latent, SetTransformer().eval())
        with torch.inference_mode():
            values.append(mask([0, 1, 2, 3], [0, 1, 2]))
    assert np.abs(values[0] - values[1]).max() > 1e-3


def test_other_settings_of_the_loop_and_of_layers_are_refused() -> None:
    graph, logits = bench.random_tracks(3, 1)
    with pytest.raises(ValueError, match="one a round"):
        networkx_candidates(graph, logits, lambda hits, pivots: np.ones(len(hits)), 0.0, ClusteringConfig())
    with pytest.raises(ValueError, match="take means"):
        pyg_network(HyperTrackNetwork(HyperTrackConfig(aggregation=("sum",))))


def test_pairs_of_the_random_graph_are_different_ones() -> None:
    graph = bench.random_graph(30, 435, 3)
    assert len({(a, b) for a, b in graph.edge_index.T.tolist() if a < b}) == 435
    with pytest.raises(ValueError, match="at most 435"):
        bench.random_graph(30, 436, 3)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="--tracks = 0"):
        HyperTrackBenchConfig(tracks=0)
