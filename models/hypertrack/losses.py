"""Losses of M. Mieskolainen, "HyperTrack: Neural Combinatorics for High Energy Physics" (arXiv:2309.14113).

All are sums by index over edges or tokens: linear in their number, without a loop over particles or micrographs.
Everything is computed in float32, so that they may stand in a training of mixed precision.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def focal_terms(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """(…) focal terms −(1 − p)^γ log p, p the score of the right answer: equation 12 without weights.

    `target` (…) 0 or 1. Finite, with finite gradients, for every finite logit and γ ≥ 0.
    """
    right = torch.where(target > 0.5, logits, -logits).float()
    return -torch.exp(gamma * logsigmoid(-right)) * logsigmoid(right)


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 1.0, balanced: bool = True) -> Tensor:
    """Equation 12: () mean of the focal terms of edges, true ones weighted by false edges / true edges if `balanced`.

    Args: logits (E,); target (E,) 0 or 1. Where a class is missing all weigh the same. Zero without edges.
    """
    terms, true = focal_terms(logits, target, gamma), target > 0.5
    number_true = true.sum()
    number_false = true.numel() - number_true
    ratio = number_false / number_true.clamp(min=1)
    weight = torch.where(true & (number_false > 0), ratio, 1.0) if balanced else torch.ones_like(terms)
    return (weight * terms).sum() / weight.sum().clamp(min=1e-30)


def contrastive_edge_loss(
    logits: Tensor,
    pairs: Tensor,
    particle: Tensor,
    weight: Tensor,
    chosen: Tensor,
    temperature: float = 0.3,
    floor: float = 1e-3,
) -> Tensor:
    """Equation 13: () every true edge of a particle against all edges that leave the particle.

    An edge scores s = tanh(logit) / τ. For a particle with true edges P (both ends in it) and negative edges N (exactly
    one end in it), both above `floor` as sigmoid(logit):

        L = −1/|P| Σ_{p ∈ P} log( exp(s_p) / (exp(s_p) + Σ_{n ∈ N} exp(s_n)) )

    The loss is Σ W L / Σ W over the chosen particles with a true edge, W the sum of the weights of a particle's hits,
    divided by their mean number of hits. Zero where there is none.

    Args: logits (E,); pairs (2, E) int64 rows of hits, each pair once; particle (N,) int64 row of `chosen`; weight (N,)
    of hits; chosen (K,) bool: False for noise and for what is left out.
    """
    score = logits.float()
    scaled = (score.tanh() - 1.0) / temperature  # at most 0, so that exp stays below 1
    counted = score > (math.log(floor / (1.0 - floor)) if floor else -math.inf)
    first, second = particle[pairs[0]], particle[pairs[1]]
    same = first == second
    inside = (counted & same & chosen[first]).float()
    leaving = counted & ~same
    power = scaled.exp()
    negative = _sums(power * (leaving & chosen[first]), first, chosen) + _sums(
        power * (leaving & chosen[second]), second, chosen
    )
    terms = inside * (torch.log(power + negative[first]) - scaled)
    number = _sums(inside, first, chosen)
    loss = _sums(terms, first, chosen) / number.clamp(min=1.0)
    counts = (number > 0).float()
    importance = counts * _sums(weight.float(), particle, chosen)
    hits = counts * _sums(torch.ones_like(weight, dtype=torch.float32), particle, chosen)
    mean_hits = hits.sum() / counts.sum().clamp(min=1.0)
    return (importance * loss).sum() / importance.sum().clamp(min=1e-30) / mean_hits.clamp(min=1.0)


def random_subset(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(count,) bool, on the CPU: at most `size` of `count` elements, drawn evenly."""
    chosen = torch.zeros(count, dtype=torch.bool)
    chosen[torch.randperm(count, generator=generator)[:size]] = True
    return chosen


def pivot_majority(pivots: Tensor, noise: int) -> Tensor:
    """(B,) the particle that most pivots (B, P) of a micrograph are of; `noise` where none is of a particle.

    Of particles with as many pivots the one that comes first. Noise has no vote.
    """
    votes = (pivots[:, :, None] == pivots[:, None, :]).sum(2)
    votes = votes.masked_fill(pivots == noise, 0)
    return pivots.gather(1, votes.argmax(1, keepdim=True))[:, 0]


def mask_target(particle: Tensor, micrograph: Tensor, majority: Tensor, noise: int) -> Tensor:
    """(T,) bool, the meta-supervision of equation 14: is the token of the particle that its micrograph's pivots choose?

    Args: particle (T,) of tokens; micrograph (T,) int64; majority (B,) `pivot_majority`; noise: its number.
    """
    wanted = majority[micrograph]
    return (particle == wanted) & (wanted != noise)


def node_mask_loss(logits: Tensor, target: Tensor, micrograph: Tensor, count: int, gamma: float = 1.0) -> Tensor:
    """Equation 14: () mean over `count` micrographs of the mean focal term of their tokens.

    Args: logits (T,); target (T,) 0 or 1; micrograph (T,) int64 in 0 … count − 1. One without tokens adds zero.
    """
    terms = focal_terms(logits, target, gamma)
    tokens = terms.new_zeros(count).index_add(0, micrograph, torch.ones_like(terms)).clamp(min=1.0)
    return (terms / tokens[micrograph]).sum() / max(count, 1)


def intersect_loss(logits: Tensor, target: Tensor, hits: Tensor | float) -> Tensor:
    """Equation 15: () 1 − Σ ± score / `hits` over the tokens that score above one half: + for right ones, − for wrong.

    Args: logits (T,); target (T,) 0 or 1; hits: of all events together. Whether a token is chosen has no gradient.
    """
    score = torch.sigmoid(logits.float())
    sign = torch.where(target > 0.5, 1.0, -1.0) * (logits > 0)
    return 1.0 - (sign * score).sum() / hits


def overlap_loss(
    logits: Tensor, target: Tensor, micrograph: Tensor, count: int, jaccard: bool = False, smooth: float = 1.0
) -> Tensor:
    """() mean over `count` micrographs of 1 − Dice's coefficient, or 1 − Jaccard's index, of scores and target.

    With I = Σ score · target and S = Σ (score + target): (2 I + smooth) / (S + smooth), or (I + smooth) /
    (S − I + smooth).
    """
    score, wanted = torch.sigmoid(logits.float()), target.float()
    both = score.new_zeros(count).index_add(0, micrograph, score * wanted)
    either = score.new_zeros(count).index_add(0, micrograph, score + wanted)
    overlap = (both + smooth) / (either - both + smooth) if jaccard else (2 * both + smooth) / (either + smooth)
    return (1.0 - overlap).sum() / max(count, 1)


def _sums(value: Tensor, index: Tensor, chosen: Tensor) -> Tensor:
    """(K,) sums of `value` by row of `chosen`."""
    return value.new_zeros(len(chosen)).index_add(0, index, value)
