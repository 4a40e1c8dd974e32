"""Blocks against independent formulas: PyTorch's softmax and attention, PyTorch Geometric's EdgeConv."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_networks import clusters

from edgetrack.models.blocks import (
    activated,
    attention,
    edge_convolution,
    multi_head_attention,
    residual,
    softmax,
    squared_distance,
)
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import HIT_DOMAINS, Rows, as_tensors
from edgetrack.models.steps import PAIR, TOKEN, Input, Mlp, Step

with warnings.catch_warnings():  # its import scripts a class, which PyTorch now deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.nn import EdgeConv

TOKENS = Input("tokens", "token", (1.0,) * 3)


def on_tokens(steps: list[Step], output: str) -> GraphNetwork:
    return seeded_network(NetworkDescription("block", (TOKENS,), tuple(steps), output, (TOKEN, PAIR)), 1).eval()


def graph(nodes: int = 20, edges: int = 60, width: int = 3) -> Rows[Tensor]:
    generator = torch.Generator().manual_seed(3)
    index = torch.randint(nodes, (2, edges), generator=generator)
    return Rows(
        HIT_DOMAINS,
        {"node": nodes, "edge": edges},
        {"x": torch.randn(nodes, width, generator=generator)},
        {"source": index[0], "target": index[1]},
    )


def on_nodes(steps: list[Step], output: str, width: int = 3) -> GraphNetwork:
    return seeded_network(NetworkDescription("block", (Input("x", "node", (1.0,) * width),), tuple(steps), output), 1)


@torch.no_grad()
def test_softmax_equals_torch_for_every_query() -> None:
    description = NetworkDescription(
        "softmax", (Input("s", "pair", (1.0, 1.0)),), tuple(softmax("w", "s", "query")), "w", (TOKEN, PAIR)
    )
    query = torch.tensor([0, 0, 0, 2, 2, 3])
    scores = torch.tensor([[1.0, -50.0], [2.0, 80.0], [3.0, 0.5], [100.0, 0.0], [100.0, 1.0], [-7.0, 3.0]])
    rows = Rows((TOKEN, PAIR), {"token": 4, "pair": 6}, {"s": scores}, {"query": query, "key": query})
    got = GraphNetwork(description).values(rows)["w"]
    for token in (0, 2, 3):
        torch.testing.assert_close(got[query == token], torch.softmax(scores[query == token], dim=0))


@torch.no_grad()
def test_attention_equals_torch_with_a_mask_and_unseen_tokens_get_zero() -> None:
    network = on_tokens(attention("a", "tokens", "tokens", "tokens", 4), "a")
    rows = as_tensors(clusters(30, seed=4))
    x = rows.features["tokens"]
    mask = torch.zeros(30, 30, dtype=torch.bool)
    mask[rows.ends["query"], rows.ends["key"]] = True
    q, k, v = (network.mlps[f"a_{part}"](x) for part in "qkv")
    scores = (q @ k.T).masked_fill(~mask, -torch.inf)
    wanted = torch.where(mask.any(1, keepdim=True), torch.softmax(scores, dim=1).nan_to_num(0.0) @ v, 0.0)
    got = network.values(rows)["a"]
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    assert 0 < int((~mask.any(1)).sum()) < 30
    assert float(got.std()) > 1e-3


@torch.no_grad()
def test_multi_head_attention_equals_torchs_own_with_the_same_weights() -> None:
    heads, width = 2, 6
    embed: list[Step] = [Mlp("h", "tokens", (width,))]
    network = on_tokens(embed + multi_head_attention("m", "h", "h", "h", heads, width // heads, width), "m")
    theirs = nn.MultiheadAttention(width, heads, batch_first=True).eval()
    parts = {part: [network.mlps[f"m_head_{head}_{part}"].get_submodule("0") for head in (1, 2)] for part in "qkv"}
    factor = {"q": (width // heads) ** 0.5, "k": 1.0, "v": 1.0}  # theirs divides the scores by √width
    for value in ("weight", "bias"):
        joined = [factor[part] * torch.cat([getattr(one, value) for one in parts[part]]) for part in "qkv"]
        getattr(theirs, f"in_proj_{value}").copy_(torch.cat(joined))
        getattr(theirs.out_proj, value).copy_(getattr(network.mlps["m"].get_submodule("0"), value))
    pairs = torch.cartesian_prod(torch.arange(9), torch.arange(9))
    tokens = torch.randn(9, 3, generator=torch.Generator().manual_seed(5))
    rows = Rows((TOKEN, PAIR), {"token": 9, "pair": 81}, {"tokens": tokens}, {"query": pairs[:, 0], "key": pairs[:, 1]})
    values = network.values(rows)
    wanted, _ = theirs(values["h"][None], values["h"][None], values["h"][None])
    torch.testing.assert_close(values["m"], wanted[0], rtol=1e-5, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize(("reduce", "aggr"), [("max", "max"), ("mean", "mean"), ("sum", "add")])
def test_edge_convolution_equals_pytorch_geometric(reduce: str, aggr: str) -> None:
    network = on_nodes(edge_convolution("c", "x", (8, 5), reduce), "c")  # type: ignore[arg-type]
    theirs = EdgeConv(network.mlps["c_message"], aggr=aggr)
    rows = graph()
    edge_index = torch.stack([rows.ends["source"], rows.ends["target"]])
    torch.testing.assert_close(network.values(rows)["c"], theirs(rows.features["x"], edge_index), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_residual_distance_and_activation_equal_their_formulas() -> None:
    steps: list[Step] = [
        *residual("r", "x", (7, 3)),
        *squared_distance("d", "x", "r"),
        *activated("a", "x", (6, 4, 2), "silu"),
    ]
    network = on_nodes(steps, "a")
    rows = graph()
    x, values = rows.features["x"], network.values(rows)
    torch.testing.assert_close(values["r"], x + network.mlps["r_change"](x))
    torch.testing.assert_close(values["d"], (x - values["r"]).square().sum(1, keepdim=True))
    hidden = nn.functional.silu(network.mlps["a_1"](nn.functional.silu(network.mlps["a_0"](x))))
    torch.testing.assert_close(values["a"], network.mlps["a"](hidden))


def test_rounds_with_shared_weights_have_the_parameters_of_one() -> None:
    steps: list[Step] = [Mlp("h_0", "x", (4,))]
    for index in (1, 2, 3):
        steps += edge_convolution(f"h_{index}", f"h_{index - 1}", (6, 4), "sum", weights="shared")
    network = on_nodes(steps, "h_3")
    assert network.description.num_parameters() == (3 + 1) * 4 + (8 + 1) * 6 + (6 + 1) * 4
    assert sum(parameter.numel() for parameter in network.parameters()) == network.description.num_parameters()
    torch.autograd.backward(network.values(graph())["h_3"].square().sum())
    shared = network.mlps["shared"].get_submodule("0")
    assert isinstance(shared, nn.Linear)
    assert shared.weight.grad is not None
    assert np.abs(shared.weight.grad.numpy()).min() > 0
