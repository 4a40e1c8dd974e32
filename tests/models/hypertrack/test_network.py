"""HyperTrack's graph network against the paper's equations, its parameter counts, and its own steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypertrack_networks import pair_graph, random_network, tensors
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.network import HyperTrackNetwork, dense_layers
from edgetrack.models.hypertrack.steps import LATENT, folded, hypertrack, unfolded
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows, as_tensors, hit_rows, rows_of

SMALL = HyperTrackConfig(layers=2, hidden=6, message=5, latent=7)


@pytest.mark.parametrize(("part", "parameters"), [("layers", 132_544), ("fusion", 24_759), ("edge", 2_941)])
def test_published_sizes_have_the_published_numbers_of_parameters(part: str, parameters: int) -> None:
    network = HyperTrackNetwork(HyperTrackConfig())
    assert sum(value.numel() for value in getattr(network, part).parameters()) == parameters


def test_the_network_is_the_papers_equations() -> None:
    """One loop over hits and their neighbours, with nothing shared and everything concatenated."""
    graph, network = pair_graph(), random_network(SMALL)
    neighbours: list[list[int]] = [[] for _ in range(graph.num_nodes)]
    for i, j in graph.edge_index.T:
        neighbours[i].append(j)
        neighbours[j].append(i)
    degree = np.array([len(found) for found in neighbours])
    h = hit_rows(graph, ("cartesian",)).features["cartesian"].astype(np.float64)
    outputs = []
    for index, layer in enumerate(network.layers):
        new = []
        for i, found in enumerate(neighbours):
            messages = [
                mlp(
                    [layer.first, layer.second],
                    np.concatenate(
                        [
                            h[i],
                            h[i] * h[j],
                            h[j] - h[i],
                            [h[i] @ h[j], np.linalg.norm(h[i] - h[j]), (degree[i] - degree[j]) / degree.mean()],
                        ]
                    ),
                )
                for j in found
            ]
            mean = np.mean(messages, axis=0) if messages else np.zeros(SMALL.message)
            updated = mlp(layer.update, np.concatenate([h[i], mean]))
            new.append(updated + h[i] if index else updated)
        h = np.array(new)
        outputs.append(h)
    z = np.array([mlp(network.fusion, np.concatenate(row)) for row in zip(*outputs, strict=True)])
    last = network.edge[2]
    assert isinstance(last, nn.Linear)
    wanted = [
        (mlp(network.edge[:2], z[i] * z[j]) @ array(last.weight).T + array(last.bias))[0] for i, j in graph.edge_index.T
    ]
    got = network(tensors(graph, SMALL)).detach().numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert np.ptp(got) > 1e-3


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        replace(SMALL, features="cylindrical"),
        replace(SMALL, aggregation=("sum", "max")),
        replace(SMALL, features="cylindrical", aggregation=("softmax",)),
    ],
)
def test_the_steps_are_the_network(config: HyperTrackConfig) -> None:
    graph, network = pair_graph(1), random_network(config)
    description, state = folded(network)
    stepped = GraphNetwork(description)
    stepped.load_state_dict(state)
    rows = as_tensors(rows_of(graph, description))
    values = stepped.values(rows)
    torch.testing.assert_close(values[LATENT], network.encode(rows), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(stepped(rows), network(rows), atol=1e-5, rtol=1e-4)


def test_folded_weights_can_be_trained_on() -> None:
    config = replace(SMALL, features="cylindrical")
    network = random_network(config)
    graphs = [tensors(pair_graph(seed), config) for seed in range(3)]
    again = unfolded(config, folded(network)[1], graphs)
    torch.testing.assert_close(again(graphs[0]), network(graphs[0]), atol=1e-4, rtol=1e-4)
    norm = dense_layers(again)[3].norm
    seen: list[Tensor] = []
    norm.register_forward_hook(lambda module, values, result: seen.append(result))
    again.train()
    again(Rows(graphs[0].domains, graphs[0].counts, graphs[0].features, graphs[0].ends))
    assert abs(float((seen[0] - norm.bias).detach().mean())) < 1e-4  # it normalises again


def test_unfolding_refuses_weights_of_another_network() -> None:
    state = folded(random_network(SMALL))[1]
    rows = [tensors(pair_graph(), SMALL)]
    with pytest.raises(ValueError, match="layer_3_message_1"):
        unfolded(replace(SMALL, layers=3), state, rows)
    with pytest.raises(ValueError, match=r"weight is \(5, .* wants \(8, "):
        unfolded(replace(SMALL, message=8), state, rows)
    with pytest.raises(ValueError, match="got no graph"):
        unfolded(SMALL, state, [])


def test_logits_follow_the_hits_and_ignore_order_and_direction() -> None:
    graph, network = pair_graph(2), random_network(replace(SMALL, features="cartesian"))
    rng = np.random.default_rng(0)
    nodes, edges = rng.permutation(graph.num_nodes), rng.permutation(graph.num_edges)
    moved = graph.permuted(nodes, edges)
    turned = replace(moved, edge_index=moved.edge_index[::-1])
    wanted = network(tensors(graph, SMALL))[edges]
    torch.testing.assert_close(network(tensors(turned, SMALL)), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "graph", [pair_graph(nodes=3, edges=0), pair_graph(nodes=1, edges=0), pair_graph(nodes=3, edges=1)]
)
def test_graphs_without_edges_or_with_one_are_taken_in_both_modes(graph: HitGraph) -> None:
    network = random_network(SMALL)
    for mode in (True, False):
        logits = network.train(mode)(tensors(graph, SMALL))
        assert logits.shape == (graph.num_edges,)
        assert bool(torch.isfinite(logits).all())


def test_gradients_of_equal_hits_are_finite() -> None:
    graph = HitGraph(np.tile(np.array([[0.5, 0.1, 0.2]], np.float32), (4, 1)), np.stack(np.triu_indices(4, 1)))
    network = random_network(SMALL).train()
    network(tensors(graph, SMALL)).sum().backward()
    assert all(bool(torch.isfinite(value.grad).all()) for value in network.parameters() if value.grad is not None)


def test_sizes_that_make_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="layers is 0, wanted at least 1"):
        HyperTrackConfig(layers=0)
    with pytest.raises(ValueError, match="aggregation has 2 entries, wanted 1 for all layers or 5"):
        HyperTrackConfig(aggregation=("mean", "sum"))
    with pytest.raises(ValueError, match="latent is 1"):
        HyperTrackConfig(latent=1)


def test_symmetric_values_live_on_pairs() -> None:
    description = hypertrack(HyperTrackConfig())
    for name in ("layer_3_product", "layer_3_dot", "layer_3_distance", "logit"):
        assert description.shape(name).domain == "edge"


def array(value: Tensor) -> NDArray[np.float64]:
    return value.detach().double().numpy()


def mlp(layers: object, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear, batch norm by its definition, SiLU by its definition."""
    for layer in layers:  # type: ignore[attr-defined]
        x = array(layer.linear.weight) @ x + array(layer.linear.bias)
        norm = layer.norm
        x = (x - array(norm.running_mean)) / np.sqrt(array(norm.running_var) + norm.eps) * array(norm.weight)
        x = x + array(norm.bias)
        x = x / (1 + np.exp(-x))
    return x
