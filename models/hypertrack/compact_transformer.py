"""HyperTrack's set transformer for hardware: ReLU, fewer and narrower layers, no layer norm, softmax by two tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgetrack.models.blocks import multi_head_attention, residual
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.set_transformer import check_sizes
from edgetrack.models.hypertrack.token_rows import TOKEN_DOMAINS
from edgetrack.models.steps import Input, Map, Mlp, Step


@dataclass(frozen=True)
class CompactTransformerConfig:
    """Sizes of the compact set transformer.

    A token is `latent` columns of the graph network and x, y, z in m; `latent_scale` and `position_scale` (powers of
    two) bring both to one range, since they share the input's format. `width` numbers a token, `heads` of `width` /
    `heads` each, `hidden` units in the MLP behind each attention; one block looks at the pivots, `blocks` at all tokens
    of the micrograph.
    Raises ValueError for a size below 1, a width that `heads` do not divide, and scales that are no powers of two.
    """

    kind: Literal["compact_transformer"] = "compact_transformer"
    latent: int = 13
    width: int = 32
    heads: int = 2
    blocks: int = 1
    hidden: int = 32
    latent_scale: float = 1.0
    position_scale: tuple[float, float, float] = (4.0, 4.0, 1.0)

    def __post_init__(self) -> None:
        check_sizes(self.width, self.heads, self.blocks)
        for name in ("latent", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        scales = [self.latent_scale, *self.position_scale]
        if len(scales) != 4 or any(math.frexp(factor)[0] != 0.5 for factor in scales):
            raise ValueError(
                f"latent_scale and position_scale are {scales}, wanted one and three powers of two such as 0.5, 1 or "
                "4: quantised networks scale their inputs exactly"
            )

    @property
    def token_scale(self) -> tuple[float, ...]:
        """One power of two a column of a token."""
        return (*(self.latent_scale,) * self.latent, *self.position_scale)


def compact_transformer(config: CompactTransformerConfig) -> NetworkDescription:
    """Mieskolainen, "HyperTrack" (2023), equations 5–11, in what hardware has; input `tokens`, output `mask`.

    Each block is x + attention(x), then + MLP(x). Without layer norms, formats bound the values instead. Exponentials
    lie in (0, 1] and their sums in [1, keys]: sums over many keys want more bits than other values, up to the 12 that a
    table takes (the recipe's `aggregation_bits`). 14,817 parameters at the defaults.
    """
    width = config.width
    steps: list[Step] = [
        Mlp("encoded", "tokens", (width, width)),
        *_attention_block("to_pivots", "encoded", config, ("asking", "pivot")),
    ]
    hidden = "to_pivots"
    for number in range(1, config.blocks + 1):
        steps += _attention_block(f"block_{number}", hidden, config, ("query", "key"))
        hidden = f"block_{number}"
    steps.append(Mlp("mask", hidden, (max(width // 2, 1), 1)))
    tokens = Input("tokens", "token", config.token_scale)
    return NetworkDescription("compact_transformer", (tokens,), tuple(steps), "mask", TOKEN_DOMAINS)


def _attention_block(name: str, tokens: str, config: CompactTransformerConfig, ends: tuple[str, str]) -> list[Step]:
    width, heads = config.width, config.heads
    return [
        *multi_head_attention(f"{name}_seen", tokens, tokens, tokens, heads, width // heads, width, ends),
        Map(f"{name}_attended", "add", (tokens, f"{name}_seen")),
        *residual(name, f"{name}_attended", (config.hidden, width)),
    ]
