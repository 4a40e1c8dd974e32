"""Ranges and codes as the report shows them, on hand-made and random integer models."""

from __future__ import annotations

import re

import numpy as np
import pytest
from integer_networks import random_graph, random_integer_model, toy_description

from edgetrack.export.hls4ml.types import requantized
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.ranges import (
    CodeUse,
    activation_use,
    unclipped_values,
    weight_use,
)
from edgetrack.report.figures_ranges import code_sparkline

NETWORKS = {"toy": toy_description(), "in": interaction_network(InteractionNetworkConfig(hidden=6))}


@pytest.mark.parametrize("name", NETWORKS)
def test_values_before_their_format_give_the_models_own_codes(name: str) -> None:
    model = random_integer_model(NETWORKS[name], seed=3)
    graph = random_graph(40, 150, seed=1, spread=2.0)
    made = model.run_graph(graph, hidden=True)
    last = {f"{mlp.name}.{len(mlp.widths) - 1}": mlp.name for mlp in model.description.mlps}
    names = []
    for value, fmt, integers, exponent in unclipped_values(model, graph):
        codes = made[last.get(value, value)]
        assert np.array_equal(fmt.requantize(integers, exponent), codes)
        names.append(last.get(value, value))
    exact = {step.name for step in model.description.steps if step.kind in ("gather", "concat")}
    assert names == [value for value in made if value not in exact]


def test_saturation_counts_what_the_limits_cut_and_only_that() -> None:
    model = random_integer_model(toy_description(), seed=3)
    graph = random_graph(40, 150, seed=1, spread=2.0)
    uses = {use.name: use for use in activation_use(model, [graph, graph])[0]}
    scaled = graph.x.astype(np.float64) * [4.0, 1.0, 0.5]
    fmt = model.formats["x"]  # 8 bits, LSB 2^-7
    cut = (np.rint(scaled * 128) > 127) | (np.rint(scaled * 128) < -128)
    assert 0 < cut.sum() < cut.size
    assert uses["x"].fmt == fmt
    assert uses["x"].saturated == 2 * cut.sum()
    assert uses["x"].total == 2 * cut.size
    assert uses["x"].saturation == cut.sum() / cut.size
    assert uses["x"].largest == pytest.approx(np.abs(scaled).max(), abs=2.0**-8)
    assert uses["x"].used == (-128, 127)


def test_relus_zero_is_no_saturation() -> None:
    model = random_integer_model(toy_description(), seed=3)
    graph = random_graph(40, 150, seed=1)
    use = {use.name: use for use in activation_use(model, [graph])[0]}["message.0"]
    accumulators = next(v for name, _, v, _ in unclipped_values(model, graph) if name == "message.0")
    assert (accumulators < 0).any()
    assert use.zeros >= (accumulators < 0).sum()
    codes = model.run_graph(graph, hidden=True)["message.0"]
    assert use.saturated <= (codes == use.fmt.highest).sum()


def test_accumulators_reach_no_more_bits_than_they_have() -> None:
    for description in NETWORKS.values():
        model = random_integer_model(description, seed=5)
        accumulators = activation_use(model, [random_graph(50, 200, spread=8.0)])[1]
        assert [use.name for use in accumulators] == [
            f"{mlp.name}.{index}" for mlp in description.mlps for index in range(len(mlp.widths))
        ]
        assert all(2 <= use.used_bits <= use.bits for use in accumulators)


def test_empty_graph_has_ranges_of_nothing() -> None:
    model: IntegerModel = random_integer_model(toy_description())
    empty = HitGraph(np.zeros((0, 3), np.float32), np.zeros((2, 0), np.int64))
    uses, accumulators = activation_use(model, [empty])
    assert {use.total for use in uses} == {0}
    assert {use.saturation for use in uses} == {None}
    assert {use.used for use in uses} == {None}
    assert accumulators
    assert activation_use(model, []) == ([], [])


def test_weight_codes_are_counted() -> None:
    model = random_integer_model(toy_description(), seed=2)
    use = weight_use(model)[0]
    weight = model.layers["encode"][0].weight
    assert use.name == "encode.0"
    assert use.total == weight.size
    assert {code for code, count in zip(use.fmt.codes(), use.counts, strict=True) if count} == set(weight.ravel())
    assert use.saturated == 0
    assert use.largest == np.abs(weight).max() * use.fmt.step


def test_quantiles_leave_zeros_out() -> None:
    # codes −2 … 1, LSB 1/2: two of −1.0, three zeros, one of 0.5 and one of −0.5
    use = CodeUse("t", Format(2, -1), np.array([2, 1, 3, 1]), 1.0, 0)
    assert use.zeros == 3
    assert use.quantiles((0.0, 0.5, 0.51, 1.0)).tolist() == [0.5, 0.5, 1.0, 1.0]
    assert CodeUse("t", Format(2, -1), np.array([0, 0, 3, 0]), 0.0, 0).quantiles((0.5,)).size == 0


def test_formats_are_named_as_hls_names_them() -> None:
    assert requantized(Format(8, -7)) == "fixed<8,1,RND_CONV,SAT>"
    assert requantized(Format(8, -6, signed=False)) == "ufixed<8,2,RND_CONV,SAT>"
    assert requantized(Format(6, -5, narrow=True)) == "fixed<6,1,RND_CONV,SAT_SYM>"


@pytest.mark.parametrize("bits", [2, 6, 8, 10])
def test_sparkline_draws_a_bar_for_each_group_of_codes_that_occurs(bits: int) -> None:
    fmt = Format(bits, 0, narrow=True)
    counts = np.zeros(len(fmt.codes()), np.int64)
    counts[[0, -1]] = 5
    bars = re.findall(r"M[\d.]+ 26v-", str(code_sparkline(CodeUse("t", fmt, counts, 1.0, 0))))
    assert len(bars) == 2
    assert "nan" not in code_sparkline(CodeUse("t", fmt, np.zeros_like(counts), 0.0, 0))
