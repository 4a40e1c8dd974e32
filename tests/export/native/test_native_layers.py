"""Layers as narrow as their bounds prove, against plain integer arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description
from mixed_formats import mixed_integer_model
from toy_networks import NETWORKS, toy_rows

from edgetrack.export.native.form import NativeConfig, NativeForm
from edgetrack.export.native.integer_dialect import IntegerDialect
from edgetrack.export.native.integer_layers import Layer, flush_length
from edgetrack.export.native.planes import Plane, planes_of, zero_of
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel


def slow_flush_length(weights: np.ndarray, largest: list[int], groups: list[int]) -> int:
    """Whether any number of codes can leave 16 bits, by trying the worst ones of each pair."""
    best = 0
    for length in range(1, max(groups) + 1):
        fits = True
        first = 0
        for size in groups:
            for begin in range(first, first + size, length):
                chunk = range(begin, min(begin + length, first + size))
                for neuron in range(weights.shape[1]):
                    for pair in ((0, 1), (2, 3)):
                        terms = [int(weights[p, neuron, c]) * largest[p] for p in chunk for c in pair]
                        fits &= sum(t for t in terms if t > 0) <= 32767
                        fits &= sum(t for t in terms if t < 0) >= -32768
            first += size
        best = length if fits else best
    return best


@pytest.mark.parametrize("seed", range(20))
def test_as_many_products_are_added_in_16_bits_as_always_fit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(1, 5, rng.integers(1, 4)).tolist()
    spread = int(rng.choice([8, 31, 70, 127]))
    weights = rng.integers(-spread, spread + 1, (sum(groups), 5, 4))
    largest = rng.choice([255, 127, 15], sum(groups)).tolist()
    assert flush_length(weights, largest, groups) == slow_flush_length(weights, largest, groups)


def test_a_pair_that_saturates_is_seen() -> None:
    weights = np.zeros((1, 1, 4), np.int64)
    weights[0, 0, :2] = 64
    assert flush_length(weights, [255], [1]) == 1
    weights[0, 0, 0] = 65
    assert flush_length(weights, [255], [1]) == 0
    weights[0, 0, 1] = -65
    assert flush_length(weights, [255], [1]) == 1


def test_planes_hold_four_bytes_or_one_word_and_their_zero_is_even() -> None:
    assert planes_of(6, Format(8, -3)) == (Plane(0, 4, Format(8, -3)), Plane(4, 2, Format(8, -3)))
    assert [plane.count for plane in planes_of(3, Format(9, 0))] == [1, 1, 1]
    assert [zero_of(Format(bits, 0)) for bits in (2, 5, 8, 9)] == [2, 16, 128, 0]
    assert zero_of(Format(8, 0, narrow=True)) == 128
    assert zero_of(Format(8, 0, signed=False)) == 0


MODELS: dict[str, Callable[[], IntegerModel]] = {
    "mixed formats, every step": lambda: mixed_integer_model(NETWORKS["every step"], 1),
    "mixed formats, attention": lambda: mixed_integer_model(NETWORKS["attention"], 1),
    "weights of 14 bits": lambda: random_integer_model(toy_description(), 2, weight_bits=14),
}


@pytest.mark.parametrize("name", MODELS)
def test_formats_of_any_width_give_the_models_integers(name: str) -> None:
    model = MODELS[name]()
    form = NativeForm(model, NativeConfig(threads=(2,), optimise=0))
    for seed, (size, spread) in enumerate(((40, 1.0), (30, 20.0))):
        rows = toy_rows(model.description, size, seed, spread)
        wanted = model.run_graph(rows, hidden=True)
        for value, codes in form.run_graph(rows).items():
            np.testing.assert_array_equal(codes, wanted[value], err_msg=value)
    narrow = {layer.narrow for layer in first_layers(model)}
    assert narrow == ({True, False} if name == "mixed formats, every step" else narrow)


def first_layers(model: IntegerModel) -> list[Layer]:
    dialect = IntegerDialect(model)
    return [
        Layer(model.layers[mlp.name][0], dialect.planes(mlp.source), model.bounds[f"{mlp.name}.0"].largest)
        for mlp in model.description.mlps
    ]


def test_grids_far_apart_and_left_shifts_give_the_models_integers() -> None:
    model = random_integer_model(toy_description(), 3)
    coarse = {"residual": Format(8, -13), "sum_2": Format(5, 4), "mean": Format(8, -20, narrow=True)}
    model = replace(model, formats={**model.formats, **coarse})
    layers = {**model.layers, "message_2": (replace(model.layers["message_2"][0], activation=Format(8, -40)),)}
    model = replace(model, layers=layers, formats={**model.formats, "message_2": Format(8, -40)})
    form = NativeForm(model, NativeConfig(threads=(1,), optimise=0))
    graph = random_graph(40, 200, 1)
    wanted = model.run_graph(graph, hidden=True)
    for value, codes in form.run_graph(graph).items():
        np.testing.assert_array_equal(codes, wanted[value], err_msg=value)
    assert set(np.unique(wanted["message_2"])) & {-128, 127}
