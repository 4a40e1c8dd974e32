"""Integer models whose every format differs: widths 3 to 12 bits, coarse and fine grids, signed, unsigned, narrow.

What carries these carries whatever a precision recipe asks for.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Mlp, Table, keeps_codes
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel
from edgetrack.quantize.tables import table_codes


def mixed_integer_model(description: NetworkDescription, seed: int) -> IntegerModel:
    """Random formats and weights; results are scaled so that a good part of the codes is used, ends included."""
    return _Maker(description, np.random.default_rng(seed)).make()


class _Maker:
    def __init__(self, description: NetworkDescription, rng: np.random.Generator) -> None:
        self.description, self.rng = description, rng
        self.formats: dict[str, Format] = {}
        self.layers: dict[str, tuple[IntegerLayer, ...]] = {}
        self.tables: dict[str, IntArray] = {}

    def make(self) -> IntegerModel:
        for value in self.description.inputs:
            self.formats[value.name] = replace(self._format(), exponent=-6)
        for step in self.description.steps:
            if isinstance(step, Mlp):
                self._make_mlp(step)
            elif not keeps_codes(step):
                largest = max(self._largest(part) for part in step.sources)
                self.formats[step.name] = self._scaled(largest)
                if isinstance(step, Table):
                    source = self._columns(step.source)[0]
                    self.tables[step.name] = table_codes(step, source, self.formats[step.name])
        return IntegerModel(self.description, self.formats, self.layers, self.tables)

    def _make_mlp(self, step: Mlp) -> None:
        columns = self._columns(step.source)
        exponent = min(fmt.exponent for fmt in columns)
        magnitudes = np.array([fmt.magnitude << (fmt.exponent - exponent) for fmt in columns])
        made = []
        for fan_in, fan_out in pairwise((len(columns), *step.widths)):
            weight_format = Format(int(self.rng.integers(3, 9)), int(self.rng.integers(-9, 2)), narrow=True)
            weight = self.rng.integers(weight_format.lowest, weight_format.highest + 1, (fan_out, fan_in))
            exponent += weight_format.exponent
            bound = int((np.abs(weight) @ magnitudes).max())
            bias = self.rng.integers(-bound // 8 - 1, bound // 8 + 2, fan_out)
            activation = self._scaled(bound * 2.0**exponent / (2 * np.sqrt(fan_in)))
            made.append(IntegerLayer(weight, weight_format, bias, activation))
            magnitudes, exponent = np.full(fan_out, activation.magnitude), activation.exponent
        self.layers[step.name] = tuple(made)
        self.formats[step.name] = made[-1].activation

    def _format(self) -> Format:
        signed = bool(self.rng.integers(2))
        return Format(int(self.rng.integers(4, 13)), 0, signed, narrow=bool(signed and self.rng.integers(2)))

    def _scaled(self, largest: float) -> Format:
        """A random format that ends near ±largest."""
        fmt = self._format()
        return replace(fmt, exponent=int(np.floor(np.log2(largest))) + 1 - fmt.bits)

    def _columns(self, name: str) -> list[Format]:
        step = self.description.step(name)
        if keeps_codes(step):
            return [fmt for part in step.sources for fmt in self._columns(part)]
        return [self.formats[name]] * self.description.shape(name).width

    def _largest(self, name: str) -> float:
        return max(fmt.magnitude * fmt.step for fmt in self._columns(name))
