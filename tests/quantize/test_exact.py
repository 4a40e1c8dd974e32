"""Exact arithmetic and its bounds, against fractions; reciprocals for every degree; shifts of any size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integer_networks import random_graph

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.operations import OPERATIONS
from edgetrack.models.rows import Rows, hit_rows
from edgetrack.models.steps import Input, Scatter, Table
from edgetrack.quantize.exact import Bound, Exact, reciprocal_bits, reciprocals, scattered_max
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerModel

FORMATS = st.builds(
    Format, bits=st.integers(2, 12), exponent=st.integers(-9, 9), signed=st.just(True), narrow=st.booleans()
) | st.builds(Format, bits=st.integers(1, 12), exponent=st.integers(-9, 9), signed=st.just(False))


def real(codes: IntArray, exponent: int) -> list[list[Fraction]]:
    return [[int(code) * Fraction(2) ** exponent for code in row] for row in codes]


def in_fractions(name: str, parts: list[list[Fraction]]) -> list[Fraction]:
    """Each operation once more, on one row, number by number."""
    match name, parts:
        case "add", [a, b]:
            return [x + y for x, y in zip(a, b, strict=True)]
        case "subtract", [a, b]:
            return [x - y for x, y in zip(a, b, strict=True)]
        case "multiply", [a, b]:
            return [x * y for x, y in zip(a, b, strict=True)]
        case "dot", [a, b]:
            return [sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))]
        case "absolute", [a]:
            return [max(x, -x) for x in a]
        case "negate", [a]:
            return [0 - x for x in a]
        case "l1_distance", [a, b]:
            return [sum((max(x - y, y - x) for x, y in zip(a, b, strict=True)), Fraction(0))]
    raise AssertionError(f"{name} has no independent formula here")


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
def test_every_operation_equals_fractions_and_stays_within_its_bound(name: str, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 5))
    formats = [data.draw(FORMATS) for _ in range(OPERATIONS[name].arity)]
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    codes = [rng.integers(fmt.lowest, fmt.highest + 1, (6, width)) for fmt in formats]
    for fmt, column in zip(formats, codes, strict=True):
        column[0], column[1] = fmt.lowest, fmt.highest
    parts = [Exact(column, fmt.exponent) for column, fmt in zip(codes, formats, strict=True)]
    got = OPERATIONS[name].apply(*parts)
    reals = [real(column, fmt.exponent) for column, fmt in zip(codes, formats, strict=True)]
    wanted = [in_fractions(name, list(row)) for row in zip(*reals, strict=True)]
    assert real(got.codes, got.exponent) == wanted
    bound = OPERATIONS[name].apply(*(Bound.of((fmt,) * width) for fmt in formats))
    assert bound.exponent == got.exponent
    assert (np.abs(got.codes) <= bound.codes.astype(np.int64)).all()
    if name not in ("subtract", "l1_distance"):
        assert 4 * np.abs(got.codes).max() >= bound.largest  # not far above what corners reach


def test_one_column_goes_with_every_other() -> None:
    scores, values = Exact(np.array([[2], [3]]), -1), Exact(np.array([[1, 2, 3], [4, 5, 6]]), -2)
    made = OPERATIONS["multiply"].apply(values, scores)
    assert (made.codes.tolist(), made.exponent) == ([[2, 4, 6], [12, 15, 18]], -3)


def test_powers_of_two_move_the_grid_and_other_factors_are_refused() -> None:
    value = Exact(np.array([[3]]), -2)
    assert ((value * 0.25).codes.tolist(), (value * 0.25).exponent) == ([[3]], -4)
    for factor in (0.3, -0.5, 0.0):
        with pytest.raises(ValueError, match="powers of two only"):
            value * factor


@pytest.mark.parametrize("max_degree", [1, 2, 3, 100, 4096, 8192, 20_000, 200_000])
def test_reciprocals_are_precise_for_every_degree(max_degree: int) -> None:
    bits = reciprocal_bits(max_degree)
    degrees = np.arange(max_degree + 1)
    got = reciprocals(degrees, bits)
    assert got[0] == 0
    error = np.abs(got[1:] * 2.0**-bits * degrees[1:] - 1.0)
    assert error.max() <= 2.0**-11
    sample = np.unique(np.geomspace(1, max_degree, 500).astype(np.int64))
    assert [int(got[degree]) for degree in sample] == [round(Fraction(1 << bits, int(degree))) for degree in sample]


@pytest.mark.parametrize("degree", [3, 1000, 8192, 20_000])
def test_the_mean_of_a_constant_is_the_constant(degree: int) -> None:
    """At 8,192 neighbours a reciprocal of 12 bits would give zero."""
    model = mean_model(max_degree=degree)
    hub = HitGraph(random_graph(1, 0).x, np.zeros((2, degree), np.int64))
    rows = hit_rows(hub)
    codes = model.run({"e": np.full((degree, 1), 100)}, rows)["mean"]
    assert codes.tolist() == [[100]]


def test_a_mean_beyond_the_largest_degree_is_refused() -> None:
    rows = hit_rows(HitGraph(random_graph(1, 0).x, np.zeros((2, 65), np.int64)))
    with pytest.raises(ValueError, match="mean: a mean over 65 elements, but the reciprocals are precise to 64"):
        mean_model(max_degree=64).run({"e": np.ones((65, 1), np.int64)}, rows)


def mean_model(max_degree: int) -> IntegerModel:
    description = NetworkDescription("mean", (Input("e", "edge", (1.0,)),), (Scatter("mean", "e", "mean"),), "mean")
    return IntegerModel(description, {"e": Format(8, 0), "mean": Format(8, 0)}, {}, max_degree=max_degree)


def test_maxima_are_the_largest_and_zero_where_nothing_is() -> None:
    codes = np.array([[-5, 3], [-2, -7], [-9, 1]])
    assert scattered_max(codes, np.array([1, 1, 2]), 4).tolist() == [[0, 0], [-2, 3], [-9, 1], [0, 0]]


@given(
    code=st.integers(-(1 << 40), 1 << 40),
    bits=st.integers(2, 32),
    signed=st.booleans(),
    shift=st.integers(-100, 100),
)
def test_shifts_of_any_size_equal_unlimited_integers(code: int, bits: int, signed: bool, shift: int) -> None:
    fmt = Format(bits, 0, signed)
    exact = min(max(round(code * Fraction(2) ** -shift), fmt.lowest), fmt.highest)
    assert fmt.requantize(np.array([code]), -shift).tolist() == [exact]


def test_codes_beyond_int64_are_refused_by_name() -> None:
    description = NetworkDescription("far", (Input("e", "edge", (1.0,)),), (Scatter("s", "e"),), "s")
    with pytest.raises(ValueError, match=r"s reaches .* wanted below 2\^62"):
        IntegerModel(description, {"e": Format(32, 0), "s": Format(8, 0)}, {}, max_degree=1 << 32)


@pytest.mark.parametrize(
    ("bits", "entries", "message"),
    [
        (13, 1 << 13, "wanted one format of at most 12 bits"),
        (4, 15, "has 15 entries, wanted one for each code"),
        (4, 16, "spans 1…16, outside"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(bits: int, entries: int, message: str) -> None:
    description = NetworkDescription("table", (Input("x", "node", (1.0,)),), (Table("t", "sigmoid", "x"),), "t")
    contents = np.minimum(np.arange(entries) + 1, 16)
    with pytest.raises(ValueError, match=f"table t.*{message}"):
        IntegerModel(description, {"x": Format(bits, 0), "t": Format(5, 0)}, {}, {"t": contents})


def test_tables_are_looked_up_by_code() -> None:
    description = NetworkDescription("table", (Input("x", "node", (1.0, 1.0)),), (Table("t", "sigmoid", "x"),), "t")
    contents = np.array([7, 6, 5, 4, 3, 2, 1])  # codes −3 … 3 of a narrow format
    formats = {"x": Format(3, 0, narrow=True), "t": Format(4, 0)}
    model = IntegerModel(description, formats, {}, {"t": contents})
    made = model.run({"x": np.array([[-3, 0], [3, 1]])}, Rows((), {}, {}, {}))["t"]
    assert made.tolist() == [[7, 4], [1, 3]]
