"""Scales that start right: thresholds from weights and from what a few graphs send through the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from edgetrack.models.rows import Graph, as_tensors, disjoint_union, rows_of
from edgetrack.models.steps import Mlp
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import bits_of, exponent_of, scale_of, set_threshold_exponent
from edgetrack.quantize.recipe import WIDEST

NEARLY_DEAD = (
    "nearly dead, too small for a format beside the others; set it to 0 in the float checkpoint, which is exact, or "
    "train the float network again without it"
)
MAX_VALUES = 1 << 21  # of one tensor, in whole rows evenly spaced, that a threshold is chosen from


@dataclass(frozen=True)
class CalibrationConfig:
    """How thresholds are chosen.

    `error` takes the power of two with the least mean squared error, between saturating and rounding; the network's
    output is judged by the error of its sigmoid, since large logits matter less. `percentile` takes the power of two
    next above that percentile of absolute values. `graphs` is how many graphs are looked at.
    """

    method: Literal["error", "percentile"] = "error"
    percentile: float = 99.9
    graphs: int = 8
    search: int = 8  # powers of two tried below the one that holds the largest value

    def __post_init__(self) -> None:
        if not 0.0 < self.percentile <= 100.0:
            raise ValueError(f"percentile is {self.percentile}, wanted a number in (0, 100]")
        if self.graphs < 1 or self.search < 0:
            raise ValueError(f"graphs is {self.graphs} and search {self.search}, wanted at least 1 and 0")


@dataclass(frozen=True)
class CalibratedScale:
    """What calibration made of one weight or activation."""

    exponent: int  # of the format: its codes stand for multiples of 2^exponent
    largest: float  # largest absolute value seen
    saturated: float  # fraction of values outside the format


@torch.no_grad()
def calibrate(
    network: QuantizedNetwork, graphs: Sequence[Graph], config: CalibrationConfig
) -> dict[str, CalibratedScale]:
    """Set the scales of `network` in place, in one pass: each from what the scales before it let through.

    Scales that the recipe fixes (inputs with an `input_range`) stay. Returns what was chosen, by name as
    `QuantizedNetwork.layers` gives them. O(N + E) of the first `config.graphs` graphs.

    Raises ValueError without a graph that has elements in every domain, where a bias does not fit its width, and for
    a layer whose values are too small for any format (one of zeros is exact).
    """
    found = (rows_of(graph, network.description) for graph in graphs)
    rows = list(islice((one for one in found if all(one.counts.values())), config.graphs))
    if not rows:
        raise ValueError("calibration got no graph with edges; give some training graphs")
    chosen: dict[str, CalibratedScale] = {}
    hooks = []
    for name, layer in network.layers().items():
        if name in {value.name for value in network.description.inputs} and network.recipe.input_range is not None:
            continue
        if isinstance(layer, qnn.QuantLinear):
            chosen[name] = calibrate_one(layer, layer.weight, config, False)
        else:
            hooks.append(layer.register_forward_pre_hook(_observer(network, name, config, chosen)))
    was_training = network.training
    network.eval()
    try:
        network(disjoint_union([as_tensors(one) for one in rows]))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    _check_scales(network, chosen)
    _check_biases(network)
    return chosen


def _observer(
    network: QuantizedNetwork, name: str, config: CalibrationConfig, chosen: dict[str, CalibratedScale]
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    output = network.description.step(network.description.output)
    is_output = name == (f"{output.name}.{len(output.widths) - 1}" if isinstance(output, Mlp) else output.name)

    def observe(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        chosen[name] = calibrate_one(module, arguments[0], config, is_output)

    return observe


def calibrate_one(quantizer: nn.Module, values: Tensor, config: CalibrationConfig, is_output: bool) -> CalibratedScale:
    """Set one scale from the values (n, width) that its quantiser is to hold."""
    values = values.detach()
    values = values[:: max(values.numel() // MAX_VALUES, 1)].flatten().double()
    signed = not isinstance(quantizer, qnn.QuantReLU)
    values = values if signed else values.clamp(min=0)
    exponent = threshold_exponent(values, bits_of(quantizer), signed, config, is_output)
    set_threshold_exponent(quantizer, exponent)
    largest = float(values.abs().max()) if len(values) else 0.0
    saturated = float((values.abs() > 2.0**exponent).double().mean()) if len(values) else 0.0
    return CalibratedScale(exponent_of(quantizer), largest, saturated)


def threshold_exponent(
    values: Tensor, bits: int, signed: bool, config: CalibrationConfig, is_output: bool = False
) -> int:
    """The exponent k for which codes that reach ± 2^k hold `values` (n,) best; 0 for nothing but zeros."""
    if not len(values) or not float(values.abs().max()):
        return 0
    if config.method == "percentile":
        rank = min(int(len(values) * config.percentile / 100.0), len(values) - 1)
        level = float(values.abs().kthvalue(rank + 1).values) or float(values.abs().max())
        return int(torch.tensor(level, dtype=torch.float64).log2().ceil())
    largest = int(values.abs().max().log2().ceil())
    errors = []
    for exponent in range(largest, largest - config.search - 1, -1):
        step = 2.0 ** (exponent - bits + int(signed))
        highest = 2.0**exponent / step - 1
        rounded = (values / step).round().clamp(-highest if signed else 0.0, highest) * step
        difference = rounded.sigmoid() - values.sigmoid() if is_output else rounded - values
        errors.append(float(difference.square().mean()))
    return largest - int(torch.tensor(errors).argmin())


def _check_scales(network: QuantizedNetwork, chosen: Mapping[str, CalibratedScale]) -> None:
    """Brevitas holds scales above a least one, which is no power of two."""
    for name, layer in network.layers().items():
        if name in chosen and scale_of(layer) != 2.0 ** exponent_of(layer):
            raise ValueError(f"layer {name}: its largest value is {chosen[name].largest:.4g}, {NEARLY_DEAD}")


def _check_biases(network: QuantizedNetwork) -> None:
    """Biases must fit their width on the accumulator's grid."""
    description = network.description
    for step in description.mlps:
        exponent = network.finest_exponent(step.source)
        for index, (linear, activation) in enumerate(zip(*network.mlp_layers(step), strict=True)):
            assert isinstance(linear, qnn.QuantLinear)
            grid = exponent + exponent_of(linear)
            bits = network.recipe.layer_bits(description, step.name, index).bias
            largest = float(linear.bias.abs().max())
            needed = round(largest * 2.0**-grid).bit_length() + 1
            if needed > WIDEST["bias_bits"]:
                weight = float(linear.weight.abs().max())
                raise ValueError(
                    f"layer {step.name}.{index}: bias {largest:.4g} on its accumulator's grid 2^{grid} needs {needed} "
                    f"bits, where {WIDEST['bias_bits']} are the most. Its weights reach {weight:.4g}, its inputs' grid "
                    f"is 2^{exponent}: the layer or what feeds it is {NEARLY_DEAD}"
                )
            if needed > bits:
                raise ValueError(
                    f"layer {step.name}.{index}: bias {largest:.4g} on its accumulator's grid 2^{grid} "
                    f"needs {needed} bits, the recipe gives {bits}; set bias_bits to {needed} or more"
                )
            exponent = exponent_of(activation)
