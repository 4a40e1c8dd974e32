"""Dense batches of micrographs against a loop over them, and the mask model that runs them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_networks import random_graph
from micrograph_sets import random_micrographs

from edgetrack.models.hypertrack.mask_models import float_mask_model, hit_tokens, mask_logits
from edgetrack.models.hypertrack.padded_tokens import batches_of_similar_size, first_of_each, padded_tokens
from edgetrack.models.hypertrack.set_transformer import SetTransformer
from edgetrack.models.micrographs import Micrographs


def transformer(width: int = 8, seed: int = 0) -> SetTransformer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SetTransformer(width, 2, 1).eval()


def test_each_row_of_a_batch_is_one_micrograph_and_zero_behind_it() -> None:
    micrographs = random_micrographs(30, 6, seed=1)
    tokens = torch.randn(len(micrographs.nodes), 5, generator=torch.Generator().manual_seed(1))
    which = np.array([4, 0, 5])
    padded = padded_tokens(tokens, micrographs, which)
    assert padded.tokens.shape == (3, micrographs.sizes[which].max(), 5)
    for row, b in enumerate(which):
        own = tokens[micrographs.offsets[b] : micrographs.offsets[b + 1]]
        assert torch.equal(padded.tokens[row, : len(own)], own)
        assert not padded.tokens[row, len(own) :].any()
        assert padded.token_mask[row].tolist() == [place < len(own) for place in range(padded.tokens.shape[1])]
        nodes = micrographs.nodes[micrographs.offsets[b] : micrographs.offsets[b + 1]].tolist()
        for place, pivot in enumerate(micrographs.pivots[b].tolist()):
            assert torch.equal(padded.pivots[row, place], own[nodes.index(pivot)])


def test_a_pivot_that_stands_twice_counts_once() -> None:
    pivots = np.array([[3, 3, 3], [1, 2, 1], [5, 4, 6], [7, 8, 8]])
    wanted = [[True, False, False], [True, True, False], [True, True, True], [True, True, False]]
    assert first_of_each(pivots).tolist() == wanted
    micrographs = Micrographs(np.array([3, 4, 3, 4]), np.array([0, 2, 4]), np.array([[3, 4, 3], [3, 4, 4]]))
    tokens = torch.randn(2, 8, generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    logits = mask_logits(transformer(), tokens, micrographs)
    torch.testing.assert_close(logits[:2], logits[2:], rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(1, 60), max_size=40), st.floats(1.0, 2.0), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_batches_hold_each_micrograph_once_and_waste_little(sizes: list[int], spread: float, limit: int) -> None:
    many = np.array(sizes, np.int64)
    batches = list(batches_of_similar_size(many, spread, limit))
    assert sorted(np.concatenate([np.zeros(0, np.int64), *batches]).tolist()) == list(range(len(sizes)))
    for batch in batches:
        least, most = int(many[batch].min()), int(many[batch].max())
        assert most <= max(least * spread, least + 2)
        assert len(batch) == 1 or len(batch) * most <= limit


@torch.no_grad()
def test_logits_of_many_micrographs_are_those_of_each_alone() -> None:
    module, micrographs = transformer(), random_micrographs(50, 23, seed=2, largest=20)
    tokens = torch.randn(len(micrographs.nodes), 8, generator=torch.Generator().manual_seed(2))
    got = mask_logits(module, tokens, micrographs)
    for b in range(len(micrographs)):
        padded = padded_tokens(tokens, micrographs, np.array([b]))
        assert bool(padded.token_mask.all())
        own = got[micrographs.offsets[b] : micrographs.offsets[b + 1]]
        torch.testing.assert_close(own, module(*padded)[0], rtol=1e-4, atol=1e-5)
    assert float(got.std()) > 1e-3


def test_gradients_reach_every_token_and_no_other_micrograph() -> None:
    micrographs = random_micrographs(20, 5, seed=3)
    tokens = torch.randn(len(micrographs.nodes), 8, requires_grad=True)
    torch.autograd.backward(mask_logits(transformer(), tokens, micrographs)[: micrographs.offsets[1]].sum())
    assert tokens.grad is not None
    touched = tokens.grad.abs().amax(dim=1) > 0
    assert touched.tolist() == [row < micrographs.offsets[1] for row in range(len(micrographs.nodes))]


def test_the_mask_model_reads_latent_and_position_of_its_hits() -> None:
    graph = random_graph(40, 90, seed=4)
    latent = np.random.default_rng(4).normal(size=(40, 5))
    micrographs = random_micrographs(40, 7, seed=4)
    tokens = hit_tokens(graph, latent)
    r, phi, z = graph.x.astype(np.float64).T
    for hit in (0, 17, 39):
        angle = np.pi * phi[hit]
        wanted = [*latent[hit], r[hit] * np.cos(angle), r[hit] * np.sin(angle), z[hit]]
        np.testing.assert_allclose(tokens[hit], wanted, rtol=1e-6, atol=1e-7)
    module = transformer().train()
    logits = float_mask_model(module)(graph, latent, micrographs)
    wanted_logits = mask_logits(module, torch.from_numpy(tokens[micrographs.nodes]), micrographs)
    assert np.array_equal(logits, wanted_logits.detach().numpy())
    assert logits.shape == micrographs.nodes.shape


def test_no_micrographs_give_no_logits() -> None:
    none = Micrographs(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3), np.int64))
    assert float_mask_model(transformer())(random_graph(4, 6), np.zeros((4, 5)), none).shape == (0,)
    assert padded_tokens(torch.zeros(0, 8), none).tokens.shape == (0, 0, 8)


def test_tokens_of_all_hits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tokens have shape \(4, 8\), wanted \(\d+, width\).*micrographs.nodes"):
        padded_tokens(torch.zeros(4, 8), random_micrographs(4, 9, largest=4))
    with pytest.raises(ValueError, match=r"latent has shape \(3, 5\), wanted \(4, L\)"):
        hit_tokens(random_graph(4, 6), np.zeros((3, 5)))
