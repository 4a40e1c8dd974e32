"""The quantised Interaction Network as users of PyTorch Geometric and Brevitas write it, and a plain training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Int16Bias,
    Uint8ActPerTensorFixedPoint,
)
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.models.rows import Rows
from edgetrack.models.sample import Sample
from edgetrack.quantize.network import QuantizedNetwork, concatenate
from edgetrack.quantize.quantizers import INITIAL_THRESHOLD, bits_of
from edgetrack.studies.straightforward_networks import message_passing

CLIP = 1.0  # largest norm of a step's gradient


def plain_brevitas(network: QuantizedNetwork) -> nn.Module:
    """DeZoort's network of the same weights, formats and scales, by Brevitas' own quantisers; rows → logits (E,)."""
    base = message_passing()
    description, recipe = network.description, network.recipe

    class InteractionNetwork(base):  # type: ignore[misc, valid-type]  # it has no types
        def __init__(self) -> None:
            super().__init__(aggr="add")
            self.layers = nn.ModuleDict()
            for mlp in description.mlps:
                for index, layer in enumerate(network.mlp_layers(mlp)[0]):
                    bits = recipe.layer_bits(description, mlp.name, index).bias
                    self.layers[f"{mlp.name}_{index}_weight"] = _linear(layer, bits)
                for index, layer in enumerate(network.mlp_layers(mlp)[1]):
                    self.layers[f"{mlp.name}_{index}"] = _activation(layer)
            for name in ("x", "edge_attr", "aggregate"):
                self.layers[name] = _activation(network.quantisers[name])
            self.scales = {name: network.get_buffer(f"scale_{name}") for name in ("x", "edge_attr")}
            self.hits: IntQuantTensor = None
            self.edges: IntQuantTensor = None
            self.effects: IntQuantTensor = None

        def forward(self, rows: Rows[Tensor]) -> Tensor:
            self.hits, self.edges = (self.layers[name](rows.features[name] * self.scales[name]) for name in self.scales)
            edge_index = torch.stack([rows.ends["source"], rows.ends["target"]])
            total = self.propagate(edge_index, x=self.hits.value)
            aggregate = self.layers["aggregate"](total)
            hits = self.mlp("phi_o", concatenate([self.hits, aggregate]))
            pairs = [_of(hits, hits.value[edge_index[1]]), _of(hits, hits.value[edge_index[0]]), self.effects]
            logits: Tensor = self.mlp("phi_r2", concatenate(pairs)).value
            return logits.squeeze(1)

        def message(self, x_i: Tensor, x_j: Tensor) -> Tensor:
            joined = concatenate([_of(self.hits, x_i), _of(self.hits, x_j), self.edges])
            self.effects = self.mlp("phi_r1", joined)
            effects: Tensor = self.effects.value
            return effects

        def mlp(self, name: str, value: IntQuantTensor) -> IntQuantTensor:
            for index in range(3):
                value = self.layers[f"{name}_{index}"](self.layers[f"{name}_{index}_weight"](value))
            return value

    made: nn.Module = InteractionNetwork().train()
    return made


class _Weight(Int8WeightPerTensorFixedPoint):  # type: ignore[misc]  # Brevitas has no types
    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_const = INITIAL_THRESHOLD


class _Signed(Int8ActPerTensorFixedPoint):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = INITIAL_THRESHOLD


class _Unsigned(Uint8ActPerTensorFixedPoint):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.PARAMETER
    scaling_init = INITIAL_THRESHOLD


def _linear(like: Any, bias_bits: int) -> nn.Module:
    layer = qnn.QuantLinear(
        like.in_features,
        like.out_features,
        bias=True,
        weight_quant=_Weight.let(bit_width=bits_of(like)),
        bias_quant=Int16Bias.let(bit_width=bias_bits),
        return_quant_tensor=False,
    )
    return _same_state(layer, like)


def _activation(like: Any) -> nn.Module:
    if isinstance(like, qnn.QuantReLU):
        made = qnn.QuantReLU(act_quant=_Unsigned.let(bit_width=bits_of(like)), return_quant_tensor=True)
    else:
        made = qnn.QuantIdentity(act_quant=_Signed.let(bit_width=bits_of(like)), return_quant_tensor=True)
    return _same_state(made, like)


def _same_state(made: nn.Module, like: nn.Module) -> nn.Module:
    made.load_state_dict(like.state_dict())
    learns = {name: value.requires_grad for name, value in like.named_parameters()}
    for name, value in made.named_parameters():
        value.requires_grad_(learns[name])
    return made


def _of(like: IntQuantTensor, value: Tensor) -> IntQuantTensor:
    return IntQuantTensor(value, like.scale, like.zero_point, like.bit_width, like.signed, like.training)


def plain_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, samples: Iterable[Sample]) -> list[float]:
    """One step a sample, in this order: cross-entropy, clipped gradient, step. Returns the loss of each."""
    losses = []
    for sample in samples:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(network(sample.rows), sample.targets["y"])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.detach())
    return [float(loss) for loss in losses]
