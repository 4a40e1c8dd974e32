"""The losses of HyperTrack against loops written from the paper's equations."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgetrack.models.hypertrack.losses import (
    contrastive_edge_loss,
    focal_loss,
    intersect_loss,
    mask_target,
    node_mask_loss,
    overlap_loss,
    pivot_majority,
    random_subset,
)

seeds = st.integers(0, 10_000)


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def random_edges(
    seed: int, hits: int = 30, edges: int = 120, particles: int = 6
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits, pairs, particle of each hit (the last one is noise), weight of each hit."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, hits, (2, edges))
    pairs[1] = np.where(pairs[0] == pairs[1], (pairs[1] + 1) % hits, pairs[1])
    particle = rng.integers(0, particles + 1, hits)
    logits = rng.normal(0, 4, edges)
    weight = rng.uniform(0, 1e-3, hits)
    return torch.tensor(logits), torch.from_numpy(pairs), torch.from_numpy(particle), torch.tensor(weight)


def slow_focal(logits: list[float], target: list[int], gamma: float, balanced: bool) -> float:
    positives, negatives = sum(target), len(target) - sum(target)
    ratio = negatives / positives if balanced and positives and negatives else 1.0
    total = weights = 0.0
    for logit, y in zip(logits, target, strict=True):
        p = sigmoid(logit) if y else 1.0 - sigmoid(logit)
        w = ratio if y else 1.0
        total += w * -((1.0 - p) ** gamma) * math.log(p)
        weights += w
    return total / weights


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([0.0, 1.0, 2.0]), st.booleans())
def test_focal_loss_is_equation_12(seed: int, gamma: float, balanced: bool) -> None:
    rng = np.random.default_rng(seed)
    logits, target = rng.normal(0, 3, 40), rng.integers(0, 2, 40)
    wanted = slow_focal(logits.tolist(), target.tolist(), gamma, balanced)
    found = focal_loss(torch.tensor(logits), torch.tensor(target), gamma, balanced)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_balance_gives_both_classes_the_same_weight() -> None:
    logits = torch.zeros(101)
    target = torch.tensor([1.0] + [0.0] * 100)
    pushed = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(focal_loss(pushed, target, gamma=0.0), pushed)
    assert gradient[0].item() == pytest.approx(-gradient[1:].sum().item())


def slow_contrastive(
    logits: list[float],
    pairs: list[tuple[int, int]],
    particle: list[int],
    weight: list[float],
    chosen: set[int],
    tau: float,
    floor: float,
) -> float:
    loss = total_weight = hits = 0.0
    objects = 0
    for k in sorted(chosen):
        inside = {i for i, p in enumerate(particle) if p == k}
        edges = [(l, (i in inside) + (j in inside)) for l, (i, j) in zip(logits, pairs, strict=True)]  # noqa: E741
        positive = [math.tanh(l) for l, ends in edges if ends == 2 and sigmoid(l) > floor]  # noqa: E741
        negative = [math.tanh(l) for l, ends in edges if ends == 1 and sigmoid(l) > floor]  # noqa: E741
        if not positive:
            continue
        against = sum(math.exp(s / tau) for s in negative)
        terms = [-math.log(math.exp(s / tau) / (math.exp(s / tau) + against)) for s in positive]
        w = sum(weight[i] for i in inside)
        loss += w * sum(terms) / len(terms)
        total_weight += w
        hits += len(inside)
        objects += 1
    return loss / total_weight / (hits / objects) if total_weight else 0.0  # nothing to weigh is nothing to lose


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([0.1, 0.3, 1.0]), st.sampled_from([0.0, 1e-3, 0.2]))
def test_contrastive_loss_is_equation_13(seed: int, tau: float, floor: float) -> None:
    logits, pairs, particle, weight = random_edges(seed)
    chosen = random_subset(6, 4, torch.Generator().manual_seed(seed))
    found = contrastive_edge_loss(
        logits, pairs, particle, weight, torch.cat([chosen, torch.zeros(1, dtype=torch.bool)]), tau, floor
    )
    ends = [(int(i), int(j)) for i, j in pairs.T]
    kept = set(torch.nonzero(chosen)[:, 0].tolist())
    wanted = slow_contrastive(logits.tolist(), ends, particle.tolist(), weight.tolist(), kept, tau, floor)
    assert found.item() == pytest.approx(wanted, rel=2e-5)
    turned = contrastive_edge_loss(
        logits, pairs.flip(0), particle, weight, torch.cat([chosen, torch.zeros(1, dtype=torch.bool)]), tau, floor
    )
    assert turned.item() == pytest.approx(found.item(), rel=1e-6)  # a pair has no direction


def test_edges_between_hits_of_noise_play_no_part() -> None:
    logits, pairs, particle, weight = random_edges(3)
    chosen = torch.tensor([True] * 6 + [False])
    noise = (particle[pairs[0]] == 6) & (particle[pairs[1]] == 6)
    assert noise.any()
    other = torch.where(noise, logits + 1.0, logits)
    leaving = (particle[pairs[0]] == 6) ^ (particle[pairs[1]] == 6)
    losses = [
        contrastive_edge_loss(value, pairs, particle, weight, chosen).item()
        for value in (logits, other, torch.where(leaving, -logits, logits))
    ]
    assert losses[0] == losses[1] != losses[2]


def test_random_subsets_are_drawn_evenly_from_the_generator() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([random_subset(10, 3, generator) for _ in range(2000)])
    assert set(drawn.sum(1).tolist()) == {3}
    assert drawn.float().mean(0).numpy() == pytest.approx(0.3, abs=0.05)
    assert random_subset(3, 300, generator).all()


def random_micrographs(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Logits, particle and micrograph of tokens, pivots' particles, noise."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, 5)
    micrograph = np.repeat(np.arange(5), sizes)
    particle, pivots = rng.integers(0, 5, sizes.sum()), rng.integers(0, 5, (5, 3))
    logits = rng.normal(0, 3, sizes.sum())
    return torch.tensor(logits), torch.from_numpy(particle), torch.from_numpy(micrograph), torch.from_numpy(pivots), 4


def slow_targets(particle: Tensor, micrograph: Tensor, pivots: Tensor, noise: int) -> list[int]:
    out = []
    for own, m in zip(particle.tolist(), micrograph.tolist(), strict=True):
        votes = Counter(p for p in pivots[m].tolist() if p != noise)  # keeps the order of the pivots, as does max
        out.append(int(bool(votes) and own == max(votes, key=lambda p: votes[p])))
    return out


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_the_target_of_a_mask_is_the_particle_of_most_pivots(seed: int) -> None:
    _, particle, micrograph, pivots, noise = random_micrographs(seed)
    found = mask_target(particle, micrograph, pivot_majority(pivots, noise), noise)
    assert found.int().tolist() == slow_targets(particle, micrograph, pivots, noise)


@pytest.mark.parametrize(
    ("pivots", "majority"),
    [([2, 1, 1], 1), ([2, 1, 0], 2), ([9, 9, 0], 0), ([9, 9, 9], 9)],
)
def test_noise_has_no_vote(pivots: list[int], majority: int) -> None:
    assert pivot_majority(torch.tensor([pivots]), noise=9).tolist() == [majority]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_losses_of_masks_are_equations_14_and_15(seed: int) -> None:
    logits, particle, micrograph, pivots, noise = random_micrographs(seed)
    target = slow_targets(particle, micrograph, pivots, noise)
    node = dice = jaccard = intersect = 0.0
    for m in range(5):
        own = [(l, y) for l, y, at in zip(logits.tolist(), target, micrograph.tolist(), strict=True) if at == m]  # noqa: E741
        node += sum(-(1 - (p := sigmoid(l if y else -l))) * math.log(p) for l, y in own) / len(own)  # noqa: E741
        both, either = sum(sigmoid(l) * y for l, y in own), sum(sigmoid(l) + y for l, y in own)  # noqa: E741
        dice += 1 - (2 * both + 1) / (either + 1)
        jaccard += 1 - (both + 1) / (either - both + 1)
        intersect -= sum((1 if y else -1) * sigmoid(l) / 50 for l, y in own if sigmoid(l) > 0.5)  # noqa: E741
    wanted = torch.tensor(target)
    assert node_mask_loss(logits, wanted, micrograph, 5).item() == pytest.approx(node / 5, rel=1e-5)
    assert overlap_loss(logits, wanted, micrograph, 5).item() == pytest.approx(dice / 5, rel=1e-5)
    assert overlap_loss(logits, wanted, micrograph, 5, jaccard=True).item() == pytest.approx(jaccard / 5, rel=1e-5)
    assert intersect_loss(logits, wanted, 50).item() == pytest.approx(1 + intersect, rel=1e-5)


@pytest.mark.parametrize("size", [0.0, 1.0, 80.0, 1e4])
@pytest.mark.parametrize("labels", ["both", "all", "none"])
def test_losses_and_gradients_are_finite(size: float, labels: str) -> None:
    _, pairs, particle, weight = random_edges(1)
    if labels == "all":
        particle = torch.zeros_like(particle)
    if labels == "none":
        particle = torch.full_like(particle, 6)
    logits = (size * torch.linspace(-1, 1, 120)).requires_grad_()
    chosen = torch.tensor([True] * 6 + [False])
    y = (particle[pairs[0]] == particle[pairs[1]]) & (particle[pairs[0]] != 6)
    where = torch.arange(120) // 10
    for loss in (
        focal_loss(logits, y.float()),
        focal_loss(logits, y, gamma=0.5),
        contrastive_edge_loss(logits, pairs, particle, weight, chosen),
        contrastive_edge_loss(logits, pairs, particle, torch.zeros(30), chosen, temperature=0.03, floor=0.0),
        node_mask_loss(logits, y, where, 12),
        intersect_loss(logits, y, 100),
        overlap_loss(logits, y, where, 13),
    ):
        (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()


def test_losses_of_no_edge_are_zero() -> None:
    logits = torch.zeros(0, requires_grad=True)
    none = torch.zeros(2, 0, dtype=torch.int64)
    loss = focal_loss(logits, torch.zeros(0)) + contrastive_edge_loss(
        logits, none, torch.zeros(3, dtype=torch.int64), torch.ones(3), torch.tensor([True])
    )
    torch.autograd.grad(loss, logits)
    assert loss.item() == 0.0


def test_losses_are_computed_in_float32_whatever_the_network_computes_in() -> None:
    logits, pairs, particle, weight = random_edges(5)
    coarse = logits.bfloat16()
    chosen = torch.tensor([True] * 6 + [False])
    y = particle[pairs[0]] == particle[pairs[1]]
    assert torch.equal(focal_loss(coarse, y), focal_loss(coarse.float(), y))
    assert torch.equal(
        contrastive_edge_loss(coarse, pairs, particle, weight, chosen),
        contrastive_edge_loss(coarse.float(), pairs, particle, weight, chosen),
    )
