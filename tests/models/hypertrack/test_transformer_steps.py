"""The set transformer in steps equals the module, and its weights go there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from integer_networks import random_graph
from micrograph_sets import lively_transformer, random_micrographs

from edgetrack.export.onnx.float_network import FloatOnnx, export_float_onnx
from edgetrack.models.checkpoint import Checkpoint
from edgetrack.models.first_network import continued_network, first_network, trained_network
from edgetrack.models.hypertrack.mask_models import float_mask_model, hit_tokens, mask_logits, rows_mask_model
from edgetrack.models.hypertrack.set_transformer import SetTransformer, SetTransformerConfig
from edgetrack.models.hypertrack.token_rows import token_rows
from edgetrack.models.hypertrack.transformer_steps import config_of, folded, transformer_description, unfolded
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors

SMALL = SetTransformerConfig(width=16, heads=2, blocks=1)


def in_steps(transformer: SetTransformer) -> GraphNetwork:
    description, state = folded(transformer)
    network = GraphNetwork(description)
    network.load_state_dict(state)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize(("width", "heads", "blocks"), [(16, 4, 2), (64, 4, 4), (6, 1, 1)])
def test_steps_equal_the_module_on_ragged_micrographs(width: int, heads: int, blocks: int) -> None:
    transformer = lively_transformer(1, width, heads, blocks)
    network = in_steps(transformer)
    for seed, count in enumerate((9, 1, 0)):
        micrographs = random_micrographs(40, count, seed, largest=12)
        tokens = torch.randn(len(micrographs.nodes), width, generator=torch.Generator().manual_seed(seed))
        got = network(as_tensors(token_rows(tokens.numpy(), micrographs)))
        torch.testing.assert_close(got, mask_logits(transformer, tokens, micrographs), rtol=1e-4, atol=1e-4)
        assert count < 9 or float(got.std()) > 1e-2


@torch.no_grad()
def test_epsilon_is_the_same_where_a_token_hardly_varies() -> None:
    """Layer norms of rows whose variance is of ε's size: with another ε, the steps would differ visibly."""
    transformer = lively_transformer(2, 16, 4, 1)
    transformer.encoder[-1].weight.mul_(1e-2)  # type: ignore[operator]
    transformer.encoder[-1].bias.fill_(0.3)  # type: ignore[operator]
    transformer.to_pivots.out.weight.mul_(1e-2)
    transformer.to_pivots.out.bias.fill_(-0.1)
    micrographs = random_micrographs(40, 6, 3)
    tokens = torch.randn(len(micrographs.nodes), 16, generator=torch.Generator().manual_seed(3))
    network = in_steps(transformer)
    rows = as_tensors(token_rows(tokens.numpy(), micrographs))
    variance = network.values(rows)["to_pivots_attended_variance"]
    assert float(variance.median()) < 1e-3
    wanted = mask_logits(transformer, tokens, micrographs)
    torch.testing.assert_close(network(rows), wanted, rtol=1e-3, atol=1e-3)
    network.mlps["to_pivots_attended_variance"].get_parameter("0.bias").mul_(100.0)
    assert float((network(rows) - wanted).abs().max()) > 1e-2


@pytest.mark.parametrize(("width", "heads", "exact"), [(64, 4, True), (16, 2, True), (12, 2, False)])
def test_weights_go_to_the_steps_and_back(width: int, heads: int, exact: bool) -> None:
    transformer = lively_transformer(3, width, heads, 2)
    description, state = folded(transformer)
    back = unfolded(config_of(description), state)
    assert (back.width, back.heads, len(back.blocks)) == (width, heads, 2)
    states = transformer.state_dict(), back.state_dict()
    assert states[0].keys() == states[1].keys()
    for name, wanted in states[0].items():
        torch.testing.assert_close(states[1][name], wanted, rtol=0 if exact else 1e-6, atol=0)
    assert folded(back)[0] == folded(transformer)[0]


def test_another_epsilon_comes_back() -> None:
    transformer = lively_transformer(3, 16, 2, 1)
    transformer.to_pivots.norm_changed.eps = 0.01
    back = unfolded(SMALL, folded(transformer)[1])
    assert back.to_pivots.norm_changed.eps == pytest.approx(0.01)
    assert back.to_pivots.norm_attended.eps == transformer.to_pivots.norm_attended.eps


def test_what_is_no_set_transformer_is_not_unfolded() -> None:
    description, state = folded(lively_transformer(3, 16, 2, 1))
    with pytest.raises(ValueError, match="'other' is not a set transformer's"):
        config_of(replace(description, name="other"))
    with pytest.raises(ValueError, match=r"'mlps.block_2.0.bias': these are not the weights of a network of"):
        unfolded(replace(SMALL, blocks=2), state)
    with pytest.raises(ValueError, match=r"'mlps.block_1.0.bias': these are not the weights"):
        unfolded(replace(SMALL, width=8), state)
    state["mlps.block_1.0.weight"][0, 1] = 0.25
    with pytest.raises(ValueError, match=r"mlps.block_1.0.weight is no layer norm's: wanted .* a diagonal"):
        unfolded(SMALL, state)


def test_the_named_network_is_trained_as_the_module_and_kept_in_steps() -> None:
    module = first_network(SMALL, seed=4)
    assert isinstance(module, SetTransformer)
    description, state = trained_network(SMALL, module)
    again = continued_network(SMALL, Checkpoint("float", description, state, 0.0), [])
    for name, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_the_description_has_the_published_interface() -> None:
    description = transformer_description(SetTransformerConfig())
    assert [(value.name, value.domain, value.width) for value in description.inputs] == [("tokens", "token", 64)]
    assert description.shape(description.output) == ("token", 1)
    assert [domain.name for domain in description.domains] == ["token", "pair", "pivot_pair"]


@torch.no_grad()
def test_float_onnx_equals_the_module_for_any_sizes(tmp_path: Path) -> None:
    transformer = lively_transformer(4, 16, 4, 2)
    network = in_steps(transformer)
    exported = FloatOnnx(export_float_onnx(network, tmp_path / "transformer.onnx"), network.description)
    for seed, count in enumerate((12, 3, 0)):
        micrographs = random_micrographs(60, count, seed, largest=14)
        tokens = np.random.default_rng(seed).normal(size=(len(micrographs.nodes), 16)).astype(np.float32)
        got = exported.output(token_rows(tokens, micrographs))
        wanted = mask_logits(transformer, torch.from_numpy(tokens), micrographs).numpy()
        np.testing.assert_allclose(got[:, 0], wanted, rtol=1e-4, atol=1e-4)


def test_mask_models_of_steps_and_of_the_module_agree() -> None:
    transformer = lively_transformer(5, 16, 4, 1)
    network = in_steps(transformer)
    graph, micrographs = random_graph(30, 60, seed=5), random_micrographs(30, 8, 5)
    latent = np.random.default_rng(5).normal(size=(30, 13)).astype(np.float32)
    with torch.no_grad():
        steps = rows_mask_model(lambda rows: network(as_tensors(rows)).numpy())(graph, latent, micrographs)
    wanted = float_mask_model(transformer)(graph, latent, micrographs)
    np.testing.assert_allclose(steps, wanted, rtol=1e-4, atol=1e-4)
    assert hit_tokens(graph, latent).shape == (30, 16)
