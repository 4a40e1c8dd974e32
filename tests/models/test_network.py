"""The float network: against an independent implementation, under permutations, and in another shape."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.named_modules import NamedModules
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import HIT_DOMAINS, Rows
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Table

with warnings.catch_warnings():  # its import scripts a class, which PyTorch now deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import MessagePassing

UNSCALED = InteractionNetworkConfig(node_scale=(1.0,) * 3, edge_scale=(1.0,) * 4)


def hits(x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Rows[Tensor]:
    counts = {"node": len(x), "edge": edge_index.shape[1]}
    ends = {"source": edge_index[0], "target": edge_index[1]}
    return Rows(HIT_DOMAINS, counts, {"x": x, "edge_attr": edge_attr}, ends)


def random_tensors(num_nodes: int, num_edges: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """x, edge_index, edge_attr."""
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(num_nodes, 3, generator=generator),
        torch.randint(num_nodes, (2, num_edges), generator=generator),
        torch.randn(num_edges, 4, generator=generator),
    )


class PygInteractionNetwork(MessagePassing):  # type: ignore[misc]  # it has no types
    """The Interaction Network of the paper, written once more with PyTorch Geometric's own gather and scatter."""

    def __init__(self, mlps: NamedModules) -> None:
        super().__init__(aggr="add", flow="source_to_target")
        self.mlps = mlps

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        summed = self.propagate(edge_index, x=x, edge_attr=edge_attr)
        h = self.mlps["phi_o"](torch.cat([x, summed], dim=1))
        source, target = edge_index
        logits: Tensor = self.mlps["phi_r2"](torch.cat([h[target], h[source], self.effects], dim=1))
        return logits.squeeze(1)

    def message(self, x_i: Tensor, x_j: Tensor, edge_attr: Tensor) -> Tensor:
        effects: Tensor = self.mlps["phi_r1"](torch.cat([x_i, x_j, edge_attr], dim=1))
        self.effects = effects
        return effects


def two_rounds_for_both_hits(mlps: NamedModules, rows: Rows[Tensor]) -> Tensor:
    """Logits of a network that tells both hits of each edge, by dense matrices of hits and edges."""
    incoming, outgoing = (
        nn.functional.one_hot(rows.ends[end], rows.counts["node"]).T.float() for end in ("target", "source")
    )
    hits, edges = rows.features["meridional"], rows.features["pair_geometry"]
    for tag in ("_1", "_2"):
        edges = mlps[f"phi_r1{tag}"](torch.cat([incoming.T @ hits, outgoing.T @ hits, edges], dim=1))
        hits = mlps[f"phi_o{tag}"](torch.cat([hits, incoming @ edges, outgoing @ edges], dim=1))
    logits: Tensor = mlps["phi_r2"](torch.cat([incoming.T @ hits, outgoing.T @ hits, edges], dim=1))
    return logits.squeeze(1)


def test_interaction_network_has_6448_parameters_at_40_hidden_units() -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=40))
    assert description.num_parameters() == 6448
    assert sum(p.numel() for p in GraphNetwork(description).parameters()) == 6448
    assert interaction_network(InteractionNetworkConfig(hidden=41)).num_parameters() != 6448


def test_interaction_network_equals_a_pytorch_geometric_one_with_the_same_weights() -> None:
    network = seeded_network(interaction_network(UNSCALED), seed=3)
    graph = random_tensors(200, 3000, seed=4)
    other = PygInteractionNetwork(network.mlps)
    with torch.no_grad():
        expected, got = other(*graph), network(hits(*graph))
        # float32 sums of about 15 messages in another order: a few units in the last place of values near 1
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
        assert got.std() > 1e-3
        first = network.mlps["phi_r1"].get_submodule("0")
        assert isinstance(first, nn.Linear)
        first.weight[0, 0] += 0.1
        assert not torch.allclose(got, network(hits(*graph)), rtol=1e-5, atol=1e-5)


def test_both_hits_are_told_of_an_edge_and_read_helices_where_the_config_says_so() -> None:
    config = InteractionNetworkConfig(
        hidden=9,
        effects=5,
        steps=2,
        receivers="both",
        features="helix",
        hit_values=6,
        meridional_scale=(1.0,) * 3,
        pair_scale=(1.0,) * 3,
    )
    network = seeded_network(interaction_network(config), seed=3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # first weights hardly let anything through so many layers
    x, edge_index, features = random_tensors(40, 200, seed=4)
    rows = replace(hits(x, edge_index, features), features={"meridional": x, "pair_geometry": features[:, :3]})
    assert network.description.shape("phi_o_2") == ("node", 6)
    with torch.no_grad():
        got = network(rows)
        torch.testing.assert_close(two_rounds_for_both_hits(network.mlps, rows), got, rtol=1e-4, atol=1e-4)
        turned = replace(rows, ends={"source": rows.ends["target"], "target": rows.ends["source"]})
        assert not torch.allclose(two_rounds_for_both_hits(network.mlps, turned), got, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(("receivers", "changed"), [("target", [2]), ("both", [1, 2])])
def test_an_edge_hears_of_what_follows_it_only_where_both_hits_are_told(
    receivers: Literal["target", "both"], changed: list[int]
) -> None:
    """Hits 0 → 1 → 2 → 3; the edge to hit 3 changes."""
    network = seeded_network(interaction_network(InteractionNetworkConfig(receivers=receivers)), seed=1)
    x, _, edge_attr = random_tensors(4, 3, seed=2)
    edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
    other = edge_attr.clone()
    other[2] += 1
    with torch.no_grad():
        difference = network(hits(x, edge_index, edge_attr)) - network(hits(x, edge_index, other))
    assert difference.nonzero().squeeze(1).tolist() == changed


def test_scaled_inputs_equal_scaling_them_before() -> None:
    scale_x, scale_e = (4.0, 1.0, 0.5), (4.0, 32.0, 0.5, 0.125)
    scaled = seeded_network(interaction_network(InteractionNetworkConfig(node_scale=scale_x, edge_scale=scale_e)), 1)
    plain = seeded_network(interaction_network(UNSCALED), 1)
    x, edge_index, edge_attr = random_tensors(30, 90, seed=2)
    got = scaled(hits(x, edge_index, edge_attr))
    assert torch.equal(got, plain(hits(x * torch.tensor(scale_x), edge_index, edge_attr * torch.tensor(scale_e))))
    assert not torch.equal(got, plain(hits(x, edge_index, edge_attr)))


@pytest.mark.parametrize("steps", [1, 2])
def test_edge_order_does_not_matter_up_to_rounding(steps: int) -> None:
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=8, steps=steps)), seed=5)
    x, edge_index, edge_attr = random_tensors(100, 2000, seed=6)
    order = torch.randperm(2000, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        got, shuffled = (
            network(hits(x, edge_index, edge_attr)),
            network(hits(x, edge_index[:, order], edge_attr[order])),
        )
    # only the order of the float32 sums differs
    torch.testing.assert_close(shuffled, got[order], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(shuffled, got, rtol=1e-5, atol=1e-5)


def test_node_order_does_not_matter_at_all() -> None:
    network = seeded_network(interaction_network(InteractionNetworkConfig()), seed=8)
    x, edge_index, edge_attr = random_tensors(50, 300, seed=9)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(10))
    position = torch.empty_like(order)
    position[order] = torch.arange(50)
    with torch.no_grad():
        got, permuted = (
            network(hits(x, edge_index, edge_attr)),
            network(hits(x[order], position[edge_index], edge_attr)),
        )
        unmatched = network(hits(x[order], edge_index, edge_attr))
    torch.testing.assert_close(permuted, got, rtol=1e-6, atol=1e-6)  # matrix products of other rows in one block
    assert not torch.allclose(unmatched, got, rtol=1e-2, atol=1e-2)


def test_every_step_computes_what_a_hand_written_graph_says() -> None:
    """Nodes 0, 1, 2 with values 1, 2, 4; edges 0→2 and 1→2. The identity MLP doubles nothing and adds nothing."""
    description = NetworkDescription(
        "toy",
        (Input("x", "node", (1.0,)), Input("edge_attr", "edge", (2.0,))),
        (
            Gather("from_", "x", "source"),
            Gather("to", "x", "target"),
            Concat("both", ("from_", "to")),
            Map("with_attr", "add", ("from_", "edge_attr")),
            Map("minus", "subtract", ("from_", "to")),
            Scatter("total", "with_attr", "sum"),
            Scatter("mean", "with_attr", "mean"),
            Scatter("back", "to", "sum", "source"),
            Scatter("largest", "with_attr", "max"),
            Scatter("negative", "minus", "max"),
            Map("minus_to", "multiply", ("minus", "to")),
            Map("inner", "dot", ("both", "both")),
            Map("size", "absolute", ("minus",)),
            Table("root", "square_root", "to"),
            Mlp("out", "edge_attr", (1,)),
        ),
        "out",
    )
    network = GraphNetwork(description)
    x, edge_attr = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0.5], [1.0]])
    made = network.values(hits(x, torch.tensor([[0, 1], [2, 2]]), edge_attr))
    expected = {
        "from_": [[1.0], [2.0]],
        "to": [[4.0], [4.0]],
        "both": [[1.0, 4.0], [2.0, 4.0]],
        "with_attr": [[1.0 + 2 * 0.5], [2.0 + 2 * 1.0]],
        "total": [[0.0], [0.0], [2.0 + 4.0]],
        "mean": [[0.0], [0.0], [6.0 / 2]],
        "back": [[4.0], [4.0], [0.0]],
        "minus": [[1.0 - 4.0], [2.0 - 4.0]],
        "largest": [[0.0], [0.0], [4.0]],
        "negative": [[0.0], [0.0], [2.0 - 4.0]],
        "minus_to": [[-3.0 * 4.0], [-2.0 * 4.0]],
        "inner": [[1.0 + 4.0 * 4.0], [2.0 * 2.0 + 4.0 * 4.0]],
        "size": [[3.0], [2.0]],
        "root": [[2.0], [2.0]],
    }
    for name, value in expected.items():
        assert np.array_equal(made[name].detach().numpy(), np.array(value)), name


def two_step_residual_mean() -> NetworkDescription:
    """Two message-passing steps, a residual, a mean: shaped unlike the Interaction Network."""
    return NetworkDescription(
        "toy",
        (Input("x", "node", (1.0, 1.0, 1.0)), Input("edge_attr", "edge", (1.0,) * 4)),
        (
            Mlp("embed", "x", (6,)),
            Gather("a_target", "embed", "target"),
            Gather("a_source", "embed", "source"),
            Concat("a", ("a_target", "a_source", "edge_attr")),
            Mlp("message_a", "a", (8, 6)),
            Scatter("mean_a", "message_a", "mean"),
            Map("h", "add", ("embed", "mean_a")),
            Gather("b_target", "h", "target"),
            Gather("b_source", "h", "source"),
            Concat("b", ("b_target", "b_source")),
            Mlp("message_b", "b", (8, 6)),
            Scatter("sum_b", "message_b", "sum", "source"),
            Map("k", "add", ("h", "sum_b")),
            Gather("c_target", "k", "target"),
            Gather("c_source", "k", "source"),
            Concat("c", ("c_target", "c_source", "message_b")),
            Mlp("score", "c", (8, 1)),
        ),
        "score",
    )


def test_a_network_of_another_shape_runs_and_learns() -> None:
    network = seeded_network(two_step_residual_mean(), seed=11)
    graph = random_tensors(40, 160, seed=12)
    logits = network(hits(*graph))
    assert logits.shape == (160,)
    logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize(("num_nodes", "num_edges"), [(5, 0), (0, 0), (1, 1)])
def test_graphs_without_edges_or_nodes_give_empty_logits(num_nodes: int, num_edges: int) -> None:
    graph = (torch.zeros(num_nodes, 3), torch.zeros(2, num_edges, dtype=torch.int64), torch.zeros(num_edges, 4))
    for description in (interaction_network(InteractionNetworkConfig()), two_step_residual_mean()):
        assert GraphNetwork(description)(hits(*graph)).shape == (num_edges,)


def test_first_weights_follow_from_the_seed_alone() -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=4))
    state = torch.get_rng_state()
    first, again, other = (seeded_network(description, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
