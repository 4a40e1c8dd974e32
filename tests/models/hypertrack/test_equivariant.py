"""The equivariant layer against a loop written from its equations, under rotations and shifts, and in steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack.config import Aggregation, HyperTrackConfig
from edgetrack.models.hypertrack.dense import Dense
from edgetrack.models.hypertrack.edge_convolution import Pairs
from edgetrack.models.hypertrack.equivariant import EquivariantEdgeConv
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.hypertrack.steps import LATENT, folded, unfolded
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows, rows_of

Array = NDArray[np.float64]
HITS, PAIRS = 12, 30
SMALL = HyperTrackConfig(convolution="equivariant", layers=3, hidden=6, message=5, latent=7)


def lively(module: nn.Module, seed: int = 0) -> nn.Module:
    """In evaluation mode and float64, with batch norms that do something and hits that move."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                scale = "running_var" in name or name.endswith("norm.weight")
                value.copy_(2.0 * torch.rand(value.shape, generator=generator) + (0.5 if scale else -1.0))
    return module.double().eval()


def layer(reduce: Aggregation = "mean", residual: bool = True, moves: bool = True) -> EquivariantEdgeConv:
    made = lively(EquivariantEdgeConv(4, (2, 1), 5, 4, reduce, residual, moves))
    assert isinstance(made, EquivariantEdgeConv)
    return made


def inputs(seed: int = 1) -> tuple[Tensor, Tensor, Pairs]:
    """h, x and pairs that there are once; the last hit has none."""
    generator = torch.Generator().manual_seed(seed)
    every = torch.combinations(torch.arange(HITS - 1))
    source, target = every[torch.randperm(len(every), generator=generator)[:PAIRS]].T
    features = (torch.randn(PAIRS, width, generator=generator, dtype=torch.float64) for width in (2, 1))
    h, x = (torch.randn(HITS, width, generator=generator, dtype=torch.float64) for width in (4, 3))
    return h, x, Pairs.of(source, target, HITS, *features)


def perceptron(layers: nn.Module, value: Array) -> Array:
    for one in layers.children():
        assert isinstance(one, Dense | nn.Linear)
        linear = one.linear if isinstance(one, Dense) else one
        value = linear.weight.detach().numpy() @ value + linear.bias.detach().numpy()
        if isinstance(one, Dense):
            mean, variance = one.norm.running_mean, one.norm.running_var
            assert mean is not None
            assert variance is not None
            value = (value - mean.numpy()) / np.sqrt(variance.numpy() + one.norm.eps)
            value = value * one.norm.weight.detach().numpy() + one.norm.bias.detach().numpy()
            value = value / (1 + np.exp(-value))
    return value


@torch.no_grad()
@pytest.mark.parametrize("reduce", ["mean", "sum", "max"])
def test_a_layer_is_a_loop_over_hits_and_their_neighbours(reduce: Aggregation) -> None:
    conv, (h, x, pairs) = layer(reduce), inputs()
    neighbours: list[list[tuple[int, Array]]] = [[] for _ in range(HITS)]
    for e, (i, j) in enumerate(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True)):
        odd, even = pairs.antisymmetric[e].numpy(), pairs.symmetric[e].numpy()
        neighbours[j].append((i, np.concatenate([odd, even])))
        neighbours[i].append((j, np.concatenate([-odd, even])))
    new_h, new_x = conv(h, x, pairs)
    for i, found in enumerate(neighbours):
        hi, xi = h[i].numpy(), x[i].numpy()
        messages, shifts = [np.zeros(5)], [np.zeros(3)]
        for j, features in found:
            squared = [((xi - x[j].numpy()) ** 2).sum()]
            read = np.concatenate([hi, h[j].numpy(), squared, features])
            messages.append(perceptron(nn.Sequential(conv.first, conv.second), read))
            assert conv.pull is not None
            shifts.append((xi - x[j].numpy()) * perceptron(conv.pull, messages[-1]))
        received = getattr(np, reduce)(messages[1:] or messages, axis=0)
        np.testing.assert_allclose(new_h[i].numpy(), hi + perceptron(conv.update, np.concatenate([hi, received])))
        np.testing.assert_allclose(new_x[i].numpy(), xi + np.mean(shifts[1:] or shifts, axis=0))
    assert float((new_x - x).abs().amax(dim=1)[:-1].min()) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("seed", range(4))
def test_coordinates_follow_rotations_reflections_and_shifts_and_latents_stay(seed: int) -> None:
    conv, (h, x, pairs) = layer(), inputs(seed)
    rng = np.random.default_rng(seed)
    turn = torch.from_numpy(np.linalg.qr(rng.normal(size=(3, 3)))[0] * (-1) ** seed)  # half of them reflect
    shift = torch.from_numpy(rng.normal(size=3))
    wanted_h, wanted_x = conv(h, x, pairs)
    got_h, got_x = conv(h, x @ turn.T + shift, pairs)
    torch.testing.assert_close(got_h, wanted_h)
    torch.testing.assert_close(got_x, wanted_x @ turn.T + shift)
    stretched_h, _ = conv(h, x * torch.tensor([1.0, 1.0, 1.5]), pairs)
    assert float((stretched_h - wanted_h).abs().max()) > 1e-3


@torch.no_grad()
def test_the_direction_in_which_a_pair_is_written_plays_no_part() -> None:
    conv, (h, x, pairs) = layer(), inputs()
    turned = Pairs.of(pairs.target, pairs.source, HITS, pairs.symmetric, -pairs.antisymmetric)
    for got, wanted in zip(conv(h, x, turned), conv(h, x, pairs), strict=True):
        torch.testing.assert_close(got, wanted)


def test_hits_at_one_place_have_finite_gradients_and_a_last_layer_moves_nothing() -> None:
    conv, (h, x, pairs) = layer(), inputs()
    x = torch.zeros_like(x).requires_grad_()
    new_h, new_x = conv(h, x, pairs)
    torch.autograd.backward(new_h.square().sum() + new_x.square().sum())
    gradients = [x.grad, *(parameter.grad for parameter in conv.parameters())]
    assert all(gradient is not None and bool(torch.isfinite(gradient).all()) for gradient in gradients)
    last = layer(moves=False)
    assert last(h, x, pairs)[1] is x


def graph(seed: int = 0) -> HitGraph:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.uniform(0.03, 1, HITS), rng.uniform(-1, 1, HITS), rng.uniform(-1, 1, HITS)])
    every = np.stack(np.triu_indices(HITS - 1, 1))
    return HitGraph(x.astype(np.float32), every[:, rng.permutation(every.shape[1])[:PAIRS]])


def network(config: HyperTrackConfig) -> HyperTrackNetwork:
    made = lively(HyperTrackNetwork(config), 3).float()
    assert isinstance(made, HyperTrackNetwork)
    return made


@torch.no_grad()
@pytest.mark.parametrize("invariant", [True, False])
def test_the_network_on_cartesian_hits_knows_no_orientation(invariant: bool) -> None:
    config = SMALL if invariant else replace(SMALL, convolution="super_edge")
    made, rows = network(config), as_tensors(hit_rows(graph(), config.inputs))
    turn = torch.from_numpy(np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]).float()
    moved = replace(rows, features={**rows.features, "cartesian": rows.features["cartesian"] @ turn.T + 0.3})
    difference = float((made.encode(moved) - made.encode(rows)).abs().max())
    assert (difference < 1e-4) is invariant
    assert float(made.encode(rows).std(dim=0).max()) > 1e-2


@torch.no_grad()
@pytest.mark.parametrize("features", ["cartesian", "cylindrical"])
@pytest.mark.parametrize("aggregation", [("mean",), ("sum", "max", "softmax")])
def test_the_steps_are_the_network_and_can_be_trained_on(
    features: Literal["cartesian", "cylindrical"], aggregation: tuple[Aggregation, ...]
) -> None:
    config = replace(SMALL, features=features, aggregation=aggregation)
    made = network(config)
    description, state = folded(made)
    stepped = GraphNetwork(description)
    stepped.load_state_dict(state)
    rows = as_tensors(rows_of(graph(1), description))
    values = stepped.values(rows)
    torch.testing.assert_close(values[LATENT], made.encode(rows), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(stepped(rows), made(rows), atol=1e-4, rtol=1e-4)
    again = unfolded(config, state, [rows])
    torch.testing.assert_close(again.eval()(rows), made(rows), atol=1e-3, rtol=1e-3)


def test_every_parameter_of_the_network_learns() -> None:
    made = network(SMALL).train()
    torch.autograd.backward(made(as_tensors(hit_rows(graph(), SMALL.inputs))).square().sum())
    assert all(parameter.grad is not None for parameter in made.parameters())
