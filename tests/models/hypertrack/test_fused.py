"""HyperTrack's fused inference against the module that is trained and the steps that are exported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypertrack_networks import pair_graph, random_network, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack import fused as fused_module
from edgetrack.models.hypertrack import fused_kernels as kernels
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.fused import FusedHyperTrack, fused
from edgetrack.models.hypertrack.steps import config_of, folded, hypertrack
from edgetrack.models.inference import edge_logits
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, rows_of

SMALL = HyperTrackConfig(layers=2, hidden=6, message=5, latent=7)
FUSED = [
    HyperTrackConfig(),
    SMALL,
    replace(SMALL, features="cylindrical"),
    replace(SMALL, features="cylindrical", aggregation=("sum", "max")),
]


def made(config: HyperTrackConfig) -> FusedHyperTrack:
    result = fused(random_network(config))
    assert result is not None
    return result


@pytest.mark.parametrize("config", FUSED)
@pytest.mark.parametrize("tile", [1, 7, 1024])
def test_fused_inference_is_the_module(config: HyperTrackConfig, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_module, "TILE", tile)
    network, rows = random_network(config), tensors(pair_graph(), config)
    z, logits = made(config).latent_and_logits(rows)
    with torch.no_grad():
        torch.testing.assert_close(z, network.encode(rows), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(logits, network(rows), atol=1e-6, rtol=1e-6)
        assert z.std() > 1e-2
        assert logits.std() > 5e-5
        network.edge[0].linear.weight[0] += 0.5  # type: ignore[index, union-attr, operator]
        assert not torch.allclose(logits, network(rows), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("part", ["layer_1_message_1", "layer_2_message_2", "layer_2_update_1", "fusion_2", "logit"])
def test_every_weight_counts(part: str) -> None:
    network, rows = random_network(SMALL), tensors(pair_graph(), SMALL)
    state = folded(network)[1]
    before = FusedHyperTrack(SMALL, state)(rows)
    state[f"mlps.{part}.0.weight"][0, 0] += 0.5
    assert not torch.allclose(FusedHyperTrack(SMALL, state)(rows), before, atol=1e-5)


@pytest.mark.parametrize("config", FUSED)
def test_edge_logits_of_steps_and_of_the_module_are_those_of_the_steps(config: HyperTrackConfig) -> None:
    graphs, network = [pair_graph(0), pair_graph(1)], random_network(config)
    description, state = folded(network)
    stepped = GraphNetwork(description)
    stepped.load_state_dict(state)
    assert config_of(description) == replace(config, aggregation=config.aggregations)
    plain = [stepped(as_tensors(rows_of(graph, description))).detach().numpy() for graph in graphs]
    for one in (stepped, network):
        for got, wanted in zip(edge_logits(one, graphs), plain, strict=True):
            np.testing.assert_allclose(got, wanted, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 78), st.booleans())
def test_order_and_orientation_of_pairs_do_not_matter(seed: int, edges: int, flip: bool) -> None:
    graph, network = pair_graph(2, edges=edges), made(SMALL)
    order = np.random.default_rng(seed).permutation(edges)
    shuffled = HitGraph(graph.x, graph.edge_index[:: -1 if flip else 1, order])
    got, wanted = network(tensors(shuffled, SMALL)), network(tensors(graph, SMALL))
    torch.testing.assert_close(got, wanted[order], atol=1e-6, rtol=1e-6)


def test_a_second_run_gives_the_same_bits_and_leaves_what_it_read() -> None:
    network, rows = made(SMALL), tensors(pair_graph(), SMALL)
    before = {name: value.clone() for name, value in rows.features.items()}
    assert torch.equal(network(rows), network(rows))
    assert all(torch.equal(before[name], value) for name, value in rows.features.items())


@pytest.mark.parametrize("nodes", [0, 3])
def test_graphs_without_edges(nodes: int) -> None:
    graph = HitGraph(np.full((nodes, 3), 0.1, np.float32), np.zeros((2, 0), np.int64))
    for config in FUSED:
        rows = tensors(graph, config)
        z, logits = made(config).latent_and_logits(rows)
        assert logits.shape == (0,)
        torch.testing.assert_close(z, random_network(config).encode(rows), atol=1e-5, rtol=1e-5)


def test_other_networks_are_left_to_themselves() -> None:
    softmax = replace(SMALL, aggregation=("softmax",))
    moving = replace(SMALL, convolution="equivariant")
    for config in (softmax, moving):
        assert config_of(hypertrack(config)) == replace(config, aggregation=config.aggregations)
        assert fused(random_network(config)) is None
        with pytest.raises(ValueError, match="run the module itself"):
            FusedHyperTrack(config, {})
    compact = compact_hypertrack(CompactHyperTrackConfig())
    assert config_of(compact) is None
    assert config_of(replace(compact, name="hypertrack")) is None
    assert config_of(replace(hypertrack(SMALL), output="edge_1")) is None


def test_silu_is_that_of_float64_within_a_few_units_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-88, 88, 200_001), [0.0, -0.0, 1e-30, -1e-30, 1e30, -1e4, np.inf]])
    x = x.astype(np.float32)[:, None]
    rows, wanted = x.copy(), torch.nn.functional.silu(torch.from_numpy(x).double()).numpy()
    kernels.activate(rows, np.zeros(1, np.float32))
    inside = np.abs(x) < 87
    np.testing.assert_allclose(rows[inside], wanted[inside], rtol=4e-6, atol=1e-37)
    np.testing.assert_allclose(rows[~inside], wanted[~inside], rtol=1e-6, atol=1e-30)
    nothing = np.full((1, 1), np.nan, np.float32)
    kernels.activate(nothing, np.zeros(1, np.float32))
    assert np.isnan(nothing[0, 0])
