"""The set transformer in steps, and its weights between the module and the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edgetrack.models.blocks import activated, multi_head_attention
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.set_transformer import (
    HEAD_WIDTHS,
    AttentionBlock,
    SetTransformer,
    SetTransformerConfig,
)
from edgetrack.models.hypertrack.token_rows import TOKEN_DOMAINS
from edgetrack.models.steps import Input, Map, Mlp, Step, Table

State = dict[str, Tensor]


def transformer_description(config: SetTransformerConfig) -> NetworkDescription:
    """HyperTrack's equations 5–11 on tokens, pairs and pivot pairs; input `tokens`, output `mask`, one logit a token.

    Layer norms are steps too: a mean, a variance + ε and a diagonal linear layer, whose weights `folded` sets.
    """
    width = config.width
    steps = activated("encoded", "tokens", (width, width), "silu")
    hidden = "encoded"
    for name, ends in _blocks(config.blocks).items():
        steps += attention_block(name, hidden, width, config.heads, ends)
        hidden = name
    steps += activated("mask", hidden, HEAD_WIDTHS, "silu")
    tokens = Input("tokens", "token", (1.0,) * width)
    return NetworkDescription("set_transformer", (tokens,), tuple(steps), "mask", TOKEN_DOMAINS)


def attention_block(name: str, tokens: str, width: int, heads: int, ends: tuple[str, str]) -> list[Step]:
    """Equations 5–8: each token looks at those that it has pairs with; 1 / √width is part of the queries' weights."""
    return [
        *multi_head_attention(f"{name}_out", tokens, tokens, tokens, heads, width // heads, width, ends),
        Map(f"{name}_seen", "add", (tokens, f"{name}_out")),
        *layer_norm(f"{name}_attended", f"{name}_seen", width),
        *activated(f"{name}_change", f"{name}_attended", (width, width), "silu"),
        Table(f"{name}_change_silu", "silu", f"{name}_change"),
        Map(f"{name}_changed", "add", (f"{name}_attended", f"{name}_change_silu")),
        *layer_norm(name, f"{name}_changed", width),
    ]


def layer_norm(name: str, value: str, width: int) -> list[Step]:
    """γ (x − ⟨x⟩) / √(⟨(x − ⟨x⟩)²⟩ + ε) + β of each row.

    ⟨x⟩ and the variance + ε are linear layers of one column with weights 1 / width and biases 0 and ε, γ and β a
    diagonal one: `norm_state` gives them.
    """
    return [
        Mlp(f"{name}_mean", value, (1,)),
        Map(f"{name}_centred", "subtract", (value, f"{name}_mean")),
        Map(f"{name}_squares", "dot", (f"{name}_centred", f"{name}_centred")),
        Mlp(f"{name}_variance", f"{name}_squares", (1,)),
        Table(f"{name}_inverse", "reciprocal_square_root", f"{name}_variance"),
        Map(f"{name}_normal", "multiply", (f"{name}_centred", f"{name}_inverse")),
        Mlp(name, f"{name}_normal", (width,)),
    ]


@torch.no_grad()
def folded(module: SetTransformer) -> tuple[NetworkDescription, State]:
    """The description, and the state of a `GraphNetwork` of it that computes what `module` does."""
    config = SetTransformerConfig(width=module.width, heads=module.heads, blocks=len(module.blocks))
    state = {**layers_state("encoded", module.encoder), **layers_state("mask", module.head)}
    for name, block in zip(_blocks(config.blocks), (module.to_pivots, *module.blocks), strict=True):
        assert isinstance(block, AttentionBlock)
        state |= _block_state(name, block)
    return transformer_description(config), {name: tensor.detach().clone() for name, tensor in state.items()}


def set_transformer(config: SetTransformerConfig) -> SetTransformer:
    """The module of these sizes, with random weights."""
    return SetTransformer(config.width, config.heads, config.blocks)


def config_of(description: NetworkDescription) -> SetTransformerConfig:
    """Sizes of the transformer that a description is of. Raises ValueError for another network."""
    names = set(description.names)
    heads = sum(f"to_pivots_out_head_{head}_q" in names for head in range(1, len(names)))
    blocks = sum(f"block_{block}" in names for block in range(1, len(names)))
    config = SetTransformerConfig(width=description.inputs[0].width, heads=max(heads, 1), blocks=max(blocks, 1))
    if description != transformer_description(config):
        raise ValueError(f"network {description.name!r} is not a set transformer's, wanted one that `folded` described")
    return config


@torch.no_grad()
def unfolded(config: SetTransformerConfig, state: Mapping[str, Tensor], rows: Sequence[object] = ()) -> SetTransformer:
    """The module that `folded` made `state` of: bit for bit where √width is a power of two.

    `rows` are not looked at: nothing has statistics. Raises ValueError for weights of another network, and for layer
    norms that are none any more.
    """
    module = set_transformer(config)
    wanted = {name: value.shape for name, value in folded(module)[1].items()}
    odd = sorted(set(wanted) ^ set(state)) or sorted(name for name in wanted if state[name].shape != wanted[name])
    if odd:
        raise ValueError(f"{odd[0]!r}: these are not the weights of a network of {config}; give its own config")
    _load_layers(module.encoder, "encoded", state)
    _load_layers(module.head, "mask", state)
    for name, block in zip(_blocks(config.blocks), (module.to_pivots, *module.blocks), strict=True):
        assert isinstance(block, AttentionBlock)
        _load_block(block, name, state)
    return module


def is_set_transformer(description: NetworkDescription) -> bool:
    """Whether `folded` described it, so that `unfolded` makes the module of it."""
    try:
        config_of(description)
    except ValueError:
        return False
    return True


def layers_state(name: str, layers: nn.Sequential) -> State:
    """State of the steps `activated` makes of linear layers with a function between them (or behind the last)."""
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    state: State = {}
    for key, linear in zip(_layer_names(name, len(linears)), linears, strict=True):
        state |= linear_state(key, linear.weight, linear.bias)
    return state


def linear_state(name: str, weight: Tensor, bias: Tensor) -> State:
    """State of an `Mlp` step of one layer."""
    return {f"mlps.{name}.0.weight": weight, f"mlps.{name}.0.bias": bias}


def norm_state(name: str, norm: nn.LayerNorm) -> State:
    """State of the steps of `layer_norm`."""
    width = norm.weight.shape[0]
    return {
        **linear_state(f"{name}_mean", norm.weight.new_full((1, width), 1.0 / width), norm.weight.new_zeros(1)),
        **linear_state(
            f"{name}_variance", norm.weight.new_full((1, 1), 1.0 / width), norm.weight.new_full((1,), norm.eps)
        ),
        **linear_state(name, torch.diag(norm.weight), norm.bias),
    }


def _block_state(name: str, block: AttentionBlock) -> State:
    state = linear_state(f"{name}_out", block.out.weight, block.out.bias)
    scale = {"q": 1.0 / math.sqrt(block.query.out_features), "k": 1.0, "v": 1.0}
    for part, linear in _projections(block).items():
        rows = zip(linear.weight.chunk(block.heads), linear.bias.chunk(block.heads), strict=True)
        for head, (weight, bias) in enumerate(rows, start=1):
            state |= linear_state(f"{name}_out_head_{head}_{part}", weight * scale[part], bias * scale[part])
    return {
        **state,
        **norm_state(f"{name}_attended", block.norm_attended),
        **layers_state(f"{name}_change", block.change),
        **norm_state(name, block.norm_changed),
    }


def _load_block(block: AttentionBlock, name: str, state: Mapping[str, Tensor]) -> None:
    _load(block.out, [f"{name}_out"], state)
    for part, linear in _projections(block).items():
        _load(linear, [f"{name}_out_head_{head}_{part}" for head in range(1, block.heads + 1)], state)
    for parameter in block.query.parameters():
        parameter.mul_(math.sqrt(block.query.out_features))
    _load_layers(block.change, f"{name}_change", state)
    _load_norm(block.norm_attended, f"{name}_attended", state)
    _load_norm(block.norm_changed, name, state)


def _load_layers(layers: nn.Sequential, name: str, state: Mapping[str, Tensor]) -> None:
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    for key, linear in zip(_layer_names(name, len(linears)), linears, strict=True):
        _load(linear, [key], state)


def _load(linear: nn.Linear, names: Sequence[str], state: Mapping[str, Tensor]) -> None:
    """Weights and biases of one-layer MLPs, one behind the other."""
    linear.weight.copy_(torch.cat([state[f"mlps.{name}.0.weight"] for name in names]))
    linear.bias.copy_(torch.cat([state[f"mlps.{name}.0.bias"] for name in names]))


def _load_norm(norm: nn.LayerNorm, name: str, state: Mapping[str, Tensor]) -> None:
    norm.weight.copy_(state[f"mlps.{name}.0.weight"].diagonal())
    norm.bias.copy_(state[f"mlps.{name}.0.bias"])
    epsilon = float(state[f"mlps.{name}_variance.0.bias"])
    if epsilon != float(torch.tensor(norm.eps)):
        norm.eps = epsilon
    for key, wanted in norm_state(name, norm).items():
        if not torch.equal(state[key], wanted):
            raise ValueError(
                f"{key} is no layer norm's: wanted a mean, a variance and a diagonal, as `folded` writes them; train "
                "the module, not its steps"
            )


def _blocks(blocks: int) -> dict[str, tuple[str, str]]:
    """Names of the attention blocks, in order, and the ends of the pairs that they look along."""
    return {
        "to_pivots": ("asking", "pivot"),
        **{f"block_{number}": ("query", "key") for number in range(1, blocks + 1)},
    }


def _layer_names(name: str, layers: int) -> list[str]:
    """Names that `activated` gives to the layers."""
    return [*(f"{name}_{index}" for index in range(layers - 1)), name]


def _projections(block: AttentionBlock) -> dict[str, nn.Linear]:
    return {"q": block.query, "k": block.key, "v": block.value}
