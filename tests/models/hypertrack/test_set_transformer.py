"""The set transformer against a loop over micrographs, tokens and heads, written in NumPy from equations 5–11."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from micrograph_sets import lively_transformer
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.models.hypertrack.set_transformer import AttentionBlock, SetTransformer

Array = NDArray[np.float64]


def batch(sizes: list[int], pivots: list[int], width: int = 16, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random tokens and pivots, padded with large numbers."""
    generator = torch.Generator().manual_seed(seed)
    parts: list[Tensor] = []
    for counts in (sizes, pivots):
        longest = max(counts)
        mask = torch.arange(longest) < torch.tensor(counts)[:, None]
        parts += [torch.randn(len(counts), longest, width, generator=generator), mask]
        parts[-2][~mask] = 1e4
    return parts[0], parts[1], parts[2], parts[3]


def linear(layer: nn.Module, x: Array) -> Array:
    assert isinstance(layer, nn.Linear)
    weight, bias = (value.detach().double().numpy() for value in (layer.weight, layer.bias))
    return np.asarray([sum(row[c] * x[c] for c in range(len(x))) for row in weight] + bias)


def silu(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)))


def perceptron(layers: nn.Sequential, x: Array) -> Array:
    for layer in layers:
        x = silu(x) if isinstance(layer, nn.SiLU) else linear(layer, x)
    return x


def layer_norm(norm: nn.Module, x: Array) -> Array:
    assert isinstance(norm, nn.LayerNorm)
    scale, shift = (value.detach().double().numpy() for value in (norm.weight, norm.bias))
    mean = sum(x) / len(x)
    variance = sum((x - mean) ** 2) / len(x)
    return np.asarray((x - mean) / np.sqrt(variance + norm.eps) * scale + shift)


def attention_block(block: AttentionBlock, queries: list[Array], keys: list[Array], heads: int) -> list[Array]:
    result = []
    for query in queries:
        q = linear(block.query, query)
        width = len(q) // heads
        joined = []
        for head in range(heads):
            columns = slice(head * width, (head + 1) * width)
            k = [linear(block.key, key)[columns] for key in keys]
            v = [linear(block.value, key)[columns] for key in keys]
            scores = np.array([q[columns] @ one / np.sqrt(len(q)) for one in k])
            weights = np.exp(scores) / np.exp(scores).sum()
            joined += list(sum((w * one for w, one in zip(weights, v, strict=True)), np.zeros(width)))
        h = layer_norm(block.norm_attended, query + linear(block.out, np.array(joined)))
        result.append(layer_norm(block.norm_changed, h + perceptron(block.change, h)))
    return result


def reference(transformer: SetTransformer, tokens: list[Array], pivots: list[Array]) -> Array:
    """Mask logits of the tokens of one micrograph."""
    hidden = [perceptron(transformer.encoder, token) for token in tokens]
    keys = [perceptron(transformer.encoder, pivot) for pivot in pivots]
    hidden = attention_block(transformer.to_pivots, hidden, keys, transformer.heads)
    for block in transformer.blocks:
        assert isinstance(block, AttentionBlock)
        hidden = attention_block(block, hidden, hidden, transformer.heads)
    return np.array([perceptron(transformer.head, h)[0] for h in hidden])


def test_published_sizes_have_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in SetTransformer().parameters()) == 137_025


@torch.no_grad()
@pytest.mark.parametrize("heads", [1, 4])
def test_each_micrograph_equals_the_loop_written_from_the_equations(heads: int) -> None:
    transformer = lively_transformer(1, heads=heads)
    sizes, pivots = [5, 1, 8, 2], [3, 1, 2, 3]
    inputs = batch(sizes, pivots)
    got = transformer(*inputs).numpy()
    for b, (size, count) in enumerate(zip(sizes, pivots, strict=True)):
        tokens = list(inputs[0][b, :size].double().numpy())
        wanted = reference(transformer, tokens, list(inputs[2][b, :count].double().numpy()))
        np.testing.assert_allclose(got[b, :size], wanted, rtol=2e-4, atol=2e-5)
    assert np.ptp(got[0, :5]) > 1e-2


@torch.no_grad()
def test_the_scale_is_the_root_of_the_full_width() -> None:
    """The twin of the loop: with the scale of one head, the result is another one."""
    transformer = lively_transformer(1)
    inputs = batch([5, 7], [3, 3])
    got = transformer(*inputs)
    for block in (transformer.to_pivots, *transformer.blocks):
        assert isinstance(block, AttentionBlock)
        block.query.weight.mul_(2.0)
        block.query.bias.mul_(2.0)
    assert float((transformer(*inputs) - got)[inputs[1]].abs().max()) > 1e-3


@torch.no_grad()
def test_the_order_of_tokens_and_of_pivots_carries_nothing() -> None:
    transformer = lively_transformer(2)
    tokens, token_mask, pivots, pivot_mask = batch([9, 6], [3, 2], seed=3)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(4))
    got = transformer(tokens[:, order], token_mask[:, order], pivots.flip(1), pivot_mask.flip(1))
    wanted = transformer(tokens, token_mask, pivots, pivot_mask)[:, order]
    torch.testing.assert_close(got[token_mask[:, order]], wanted[token_mask[:, order]], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_padding_has_no_influence() -> None:
    transformer = lively_transformer(3)
    tokens, token_mask, pivots, pivot_mask = batch([9, 6], [3, 2], seed=5)
    padded = transformer(tokens, token_mask, pivots, pivot_mask)
    alone = transformer(tokens[1:, :6], token_mask[1:, :6], pivots[1:, :2], pivot_mask[1:, :2])
    torch.testing.assert_close(padded[1, :6], alone[0], rtol=1e-4, atol=1e-5)
    tokens[~token_mask], pivots[~pivot_mask] = -77.0, 5e5
    other = transformer(tokens, token_mask, pivots, pivot_mask)
    torch.testing.assert_close(other[token_mask], padded[token_mask], rtol=0, atol=0)
    token_mask[1, 6] = True
    assert not torch.equal(transformer(tokens, token_mask, pivots, pivot_mask)[1, :6], padded[1, :6])


def test_micrographs_without_pivots_or_tokens_give_finite_logits_and_gradients() -> None:
    transformer = lively_transformer(4)
    tokens, token_mask, pivots, pivot_mask = batch([4, 3, 2], [3, 3, 2], seed=6)
    pivot_mask[0] = False
    token_mask[1] = False
    logits = transformer(tokens, token_mask, pivots, pivot_mask)
    assert bool(torch.isfinite(logits).all())
    torch.autograd.backward(logits[token_mask].square().sum())
    for name, parameter in transformer.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        if not name.endswith("key.bias"):  # a shift of all scores of a query: the softmax does not see it
            assert float(parameter.grad.abs().max()) > 0, name


@torch.no_grad()
def test_a_micrograph_without_pivots_has_zero_heads() -> None:
    transformer = lively_transformer(5)
    inputs = batch([4], [2], seed=7)
    inputs[3][:] = False
    block = transformer.to_pivots
    encoded = transformer.encoder(inputs[0])
    h = block.norm_attended(encoded + block.out.bias)
    torch.testing.assert_close(
        block(encoded, transformer.encoder(inputs[2]), inputs[3]), block.norm_changed(h + block.change(h))
    )


@torch.no_grad()
def test_an_empty_batch_gives_no_logits() -> None:
    transformer = lively_transformer(6)
    empty, mask = torch.zeros(0, 5, 16), torch.zeros(0, 5, dtype=torch.bool)
    assert transformer(empty, mask, empty[:, :3], mask[:, :3]).shape == (0, 5)


def test_what_does_not_fit_is_refused() -> None:
    tokens, token_mask, pivots, pivot_mask = batch([4, 3], [3, 3])
    transformer = lively_transformer()
    with pytest.raises(ValueError, match=r"tokens have shape \(2, 4, 8\), wanted \(micrographs, tokens, 16\)"):
        transformer(tokens[..., :8], token_mask, pivots, pivot_mask)
    with pytest.raises(ValueError, match=r"mask of pivots is \(2, 3\) torch.float32, wanted \(2, 3\) bool"):
        transformer(tokens, token_mask, pivots, pivot_mask.float())
    with pytest.raises(ValueError, match="width 10 is not divided by 4 heads"):
        SetTransformer(10, 4, 1)
    with pytest.raises(ValueError, match="blocks is 0, wanted at least 1"):
        SetTransformer(blocks=0)
