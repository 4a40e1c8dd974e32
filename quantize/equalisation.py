"""The same float function with hidden units of like ranges, so that one scale a layer suits all of them.

A hidden ReLU unit may be multiplied by any positive number where the next layer divides by it. Nagel et al.,
"Data-free quantization through weight equalization and bias correction" (2019), equation 11, choose the numbers so
that each unit's largest incoming and outgoing weights are equal; here they are powers of two, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from edgetrack.models.description import NetworkDescription

SWEEPS = 20  # layers pull at each other; a handful of sweeps settles them


def equalised_state(state: Mapping[str, Tensor], description: NetworkDescription) -> dict[str, Tensor]:
    """Weights of a `GraphNetwork` that computes exactly the same, each hidden unit with balanced weights.

    Args: state: `GraphNetwork.state_dict()` of `description`. Cost: a few passes over the weights.
    """
    balanced = {name: value.clone() for name, value in state.items()}
    for name, mlp in description.parameters.items():
        for _ in range(SWEEPS):
            moved = [_balance(balanced, f"mlps.{name}", index) for index in range(len(mlp.widths) - 1)]
            if not any(moved):
                break
    return balanced


def _balance(state: dict[str, Tensor], mlp: str, index: int) -> bool:
    """Balance the units between layers `index` and `index` + 1 of an MLP in place; whether any was moved."""
    # a float MLP is Linear, ReLU, Linear, …: its layers have every second index
    into, bias, out = (f"{mlp}.{2 * index}.weight", f"{mlp}.{2 * index}.bias", f"{mlp}.{2 * index + 2}.weight")
    incoming = state[into].abs().amax(dim=1)
    outgoing = state[out].abs().amax(dim=0)
    alive = (incoming > 0) & (outgoing > 0)
    ratio = torch.where(alive, outgoing, 1.0).log2() - torch.where(alive, incoming, 1.0).log2()
    factor = torch.exp2((ratio / 2).round())
    state[into] = state[into] * factor[:, None]
    state[bias] = state[bias] * factor
    state[out] = state[out] / factor
    return bool((factor != 1).any())
