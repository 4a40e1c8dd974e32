"""Brevitas network → integer model: the quantisers are read, checked against the contract, never approximated."""

from __future__ import annotations

import math

import numpy as np
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Step, Table, keeps_codes, refuse_step
from edgetrack.quantize.exact_in_float import check_exact_in_float32
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel, columns_of
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import Quantizer
from edgetrack.quantize.tables import table_codes


def extract_integer_model(network: QuantizedNetwork) -> IntegerModel:
    """The integers of `network`, equal to its evaluation forward on graphs within the recipe's `max_degree`.

    Raises ValueError with the layer's name for a scale that is no power of two or not per tensor, a zero point, a
    width that is no whole number, or integers that float32 cannot hold exactly.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            model = _Extraction(network).model()
    finally:
        network.train(was_training)
    check_exact_in_float32(model)
    return model


class _Extraction:
    """Reads a network step by step; the formats of what a step reads are known before it."""

    def __init__(self, network: QuantizedNetwork) -> None:
        self.network = network
        self.description: NetworkDescription = network.description
        self.formats: dict[str, Format] = {}
        self.layers: dict[str, tuple[IntegerLayer, ...]] = {}
        self.tables: dict[str, IntArray] = {}

    def model(self) -> IntegerModel:
        for value in (*self.description.inputs, *self.description.steps):
            self._read(value)
        return IntegerModel(self.description, self.formats, self.layers, self.tables, self.network.recipe.max_degree)

    def _read(self, step: Input | Step) -> None:
        match step:
            case Gather() | Concat():
                pass
            case Mlp():
                self.layers[step.name] = self._mlp(step)
                self.formats[step.name] = self.layers[step.name][-1].activation
            case Input() | Map() | Scatter():
                if not keeps_codes(step):
                    self.formats[step.name] = _activation_format(self.network.quantisers[step.name], step.name)
            case Table():
                fmt = self.formats[step.name] = _activation_format(self.network.quantisers[step.name], step.name)
                self.tables[step.name] = table_codes(step, self._source_format(step), fmt)
            case _:
                refuse_step(step, "extraction")

    def _columns(self, name: str) -> set[Format]:
        return set(columns_of(self.description, self.formats, name))

    def _source_format(self, step: Table) -> Format:
        columns = self._columns(step.source)
        if len(columns) != 1:
            raise ValueError(f"table {step.name} reads {step.source!r} in several formats; join values after the table")
        return columns.pop()

    def _mlp(self, step: Mlp) -> tuple[IntegerLayer, ...]:
        exponent = min(fmt.exponent for fmt in self._columns(step.source))
        layers = []
        linears, activations = self.network.mlp_layers(step)
        for index, (linear, activation) in enumerate(zip(linears, activations, strict=True)):
            layer = f"{step.name}.{index}"
            fmt = _activation_format(activation, layer)
            last = index == len(step.widths) - 1
            if fmt.signed != last:
                raise ValueError(
                    f"layer {layer}: activation is {'signed' if fmt.signed else 'unsigned'}, wanted "
                    f"{'signed (an MLP ends without ReLU)' if last else 'unsigned (ReLU)'}"
                )
            layers.append(_extract_linear(linear, layer, exponent, fmt))
            exponent = fmt.exponent
        return tuple(layers)


def _extract_linear(linear: Quantizer, layer: str, exponent: int, activation: Format) -> IntegerLayer:
    """One `QuantLinear` that reads integers on the grid 2^exponent."""
    if not (linear.weight_quant.is_quant_enabled and linear.bias_quant.is_quant_enabled):
        raise ValueError(f"layer {layer}: weight or bias is not quantised; give it a fixed-point quantiser")
    weight = linear.quant_weight()
    weight_format = _format(weight, f"{layer}.weight", bool(linear.weight_quant.is_narrow_range))
    grid = exponent + weight_format.exponent
    reads = IntQuantTensor(
        torch.zeros(1, linear.in_features),
        torch.tensor(2.0**exponent),
        torch.tensor(0.0),
        torch.tensor(8.0),
        True,
        False,
    )
    bias = linear.bias_quant(linear.bias, reads, weight)
    bias_exponent = _exponent(bias.scale, f"{layer}.bias")
    if bias_exponent != grid:
        raise ValueError(
            f"layer {layer}: bias stands on 2^{bias_exponent}, its accumulator on 2^{grid}; use a bias "
            f"quantiser with the accumulator's scale (Int16Bias)"
        )
    return IntegerLayer(
        _codes(weight.value, weight_format.exponent, f"{layer}.weight"),
        weight_format,
        _codes(bias.value, grid, f"{layer}.bias"),
        activation,
    )


def _activation_format(quantizer: Quantizer, name: str) -> Format:
    proxy = quantizer.act_quant
    if not proxy.is_quant_enabled:
        raise ValueError(f"layer {name}: activation is not quantised; give it a fixed-point quantiser")
    probe = quantizer(torch.zeros(1, 1))
    return _format(probe, name, bool(proxy.is_narrow_range))


def _format(value: IntQuantTensor, name: str, narrow: bool) -> Format:
    bits = float(value.bit_width)
    if bits != round(bits) or not 2 <= bits <= 32:
        raise ValueError(f"layer {name}: {bits} bits, wanted a whole number from 2 to 32")
    if bool((value.zero_point != 0).any()):
        raise ValueError(
            f"layer {name}: zero point {value.zero_point.flatten().tolist()}, wanted 0; use a symmetric quantiser"
        )
    return Format(int(bits), _exponent(value.scale, name), bool(value.signed), narrow)


def _exponent(scale: Tensor, name: str) -> int:
    if scale.numel() != 1:
        raise ValueError(f"layer {name}: {scale.numel()} scales, one a channel; wanted one a tensor")
    mantissa, exponent = math.frexp(float(scale))
    if mantissa != 0.5:
        raise ValueError(
            f"layer {name}: scale {float(scale)!r} is no power of two; use a fixed-point quantiser "
            f"(restrict_scaling_type POWER_OF_TWO)"
        )
    return exponent - 1


def _codes(value: Tensor, exponent: int, name: str) -> IntArray:
    scaled = value.detach().cpu().numpy().astype(np.float64) * 2.0**-exponent
    codes = np.rint(scaled).astype(np.int64)
    if not np.array_equal(codes, scaled):
        raise ValueError(f"layer {name}: values are off the grid 2^{exponent}; quantise with zero zero-point")
    return codes
