"""HyperTrack's set transformer: which hits of a micrograph belong to the track that its pivots lie on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD_WIDTHS = (32, 16, 1)  # the mask head's layers


@dataclass(frozen=True)
class SetTransformerConfig:
    """Sizes of the set transformer; `width` is that of a token too: 61 latent columns and x, y, z.

    Raises ValueError for sizes below 1, or a width that `heads` do not divide.
    """

    kind: Literal["set_transformer"] = "set_transformer"
    width: int = 64
    heads: int = 4
    blocks: int = 4

    def __post_init__(self) -> None:
        check_sizes(self.width, self.heads, self.blocks)


class SetTransformer(nn.Module):
    """M. Mieskolainen, arXiv:2309.14113, equations 5–11, batched over micrographs.

    Tokens and pivots pass one encoder; a MAB looks from each token at the encoded pivots, `blocks` SABs from each token
    at all tokens of its micrograph, and the head gives the mask's logit. Attention blocks as in Lee et al., "Set
    transformer" (2019). Nothing knows the order of tokens or pivots. 137,025 parameters with the published sizes.

    Time O(B T² width), memory O(B T width) with PyTorch's fused attention.
    Raises ValueError for sizes below 1, or a width that `heads` do not divide.
    """

    def __init__(self, width: int = 64, heads: int = 4, blocks: int = 4) -> None:
        super().__init__()
        check_sizes(width, heads, blocks)
        self.width, self.heads = width, heads
        self.encoder = silu_layers(width, (width, width))
        self.to_pivots = AttentionBlock(width, heads)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(blocks))
        self.head = silu_layers(width, HEAD_WIDTHS)

    def forward(self, tokens: Tensor, token_mask: Tensor, pivots: Tensor, pivot_mask: Tensor) -> Tensor:
        """(B, T) logits of the mask; those of padding mean nothing.

        Args: tokens (B, T, width) and pivots (B, P, width), float; token_mask (B, T) and pivot_mask (B, P), bool, True
        where there is one. Padding may hold any finite numbers.
        Raises ValueError for shapes that do not fit, and masks that are not boolean.
        """
        self._check(tokens, token_mask, pivots, pivot_mask)
        hidden = self.to_pivots(self.encoder(tokens), self.encoder(pivots), pivot_mask)  # equation 9
        for block in self.blocks:
            hidden = block(hidden, hidden, token_mask)  # equation 10
        logits: Tensor = self.head(hidden).squeeze(-1)  # equation 11
        return logits

    def _check(self, tokens: Tensor, token_mask: Tensor, pivots: Tensor, pivot_mask: Tensor) -> None:
        for name, value, mask in (("tokens", tokens, token_mask), ("pivots", pivots, pivot_mask)):
            if value.ndim != 3 or value.shape[-1] != self.width or value.shape[0] != tokens.shape[0]:
                raise ValueError(
                    f"{name} have shape {tuple(value.shape)}, wanted (micrographs, {name}, {self.width}), the same "
                    "number of micrographs for tokens and pivots"
                )
            if mask.shape != value.shape[:2] or mask.dtype != torch.bool:
                raise ValueError(
                    f"the mask of {name} is {tuple(mask.shape)} {mask.dtype}, wanted {tuple(value.shape[:2])} bool"
                )


class AttentionBlock(nn.Module):
    """MAB(Q, K) of equations 5–8: H = LN(Q + W_o heads), then LN(H + MLP(H)); SAB(X) is MAB(X, X).

    The scores are ⟨q, k⟩ / √width, where width is that of all heads together, as in the paper's equation 5; Vaswani et
    al. (2017) divide by the root of one head's width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm_attended = nn.LayerNorm(width)
        self.change = nn.Sequential(*silu_layers(width, (width, width)), nn.SiLU())
        self.norm_changed = nn.LayerNorm(width)

    def forward(self, queries: Tensor, keys: Tensor, key_mask: Tensor) -> Tensor:
        """queries (B, T, width), keys (B, K, width), key_mask (B, K) bool → (B, T, width).

        Where a micrograph has no key at all, the heads give zero.
        """
        some = key_mask.any(dim=1)
        seen = key_mask | ~some[:, None]  # a softmax over nothing would be 0 / 0
        heads = functional.scaled_dot_product_attention(
            self._split(self.query(queries)),
            self._split(self.key(keys)),
            self._split(self.value(keys)),
            attn_mask=seen[:, None, None, :],
            scale=1.0 / math.sqrt(queries.shape[-1]),
        )  # (B, heads, T, width / heads)
        heads = torch.where(some[:, None, None], heads.transpose(1, 2).flatten(2), 0.0)
        attended = self.norm_attended(queries + self.out(heads))
        result: Tensor = self.norm_changed(attended + self.change(attended))
        return result

    def _split(self, value: Tensor) -> Tensor:
        """(B, T, width) → (B, heads, T, width / heads)."""
        micrographs, tokens, width = value.shape
        return value.reshape(micrographs, tokens, self.heads, width // self.heads).transpose(1, 2)


def silu_layers(width: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with SiLU between them, none after the last: (…, width) → (…, widths[-1])."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in zip((width, *widths), widths, strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def check_sizes(width: int, heads: int, blocks: int) -> None:
    """Raise ValueError for a transformer that there cannot be."""
    for name, size in (("width", width), ("heads", heads), ("blocks", blocks)):
        if size < 1:
            raise ValueError(f"{name} is {size}, wanted at least 1")
    if width % heads:
        raise ValueError(f"width {width} is not divided by {heads} heads; choose a multiple")
