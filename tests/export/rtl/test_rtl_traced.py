"""Operations on wires against the same function of int64 arrays; what alkaid alone gets wrong stands beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.export.rtl.graph import constant_codes, traced_graph
from edgetrack.export.rtl.traced import Traced, traced_inputs
from edgetrack.quantize.fixed_point import Format, IntArray, shift_round_half_even

CODES = st.builds(Format, st.integers(2, 8), st.integers(-2, 2), st.booleans())
COLUMNS = st.lists(CODES, min_size=1, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


def rows_of(columns: list[Format], count: int = 300) -> IntArray:
    """(count, width) codes on the finest grid: all least, all greatest, then random."""
    rng = np.random.default_rng(len(columns))
    finest = min(fmt.exponent for fmt in columns)
    low, high = (np.array([getattr(fmt, end) for fmt in columns]) for end in ("lowest", "highest"))
    rows = np.concatenate([[low, high], rng.integers(low, high + 1, (count, len(columns)))])
    return np.asarray(rows << np.array([fmt.exponent - finest for fmt in columns]), np.int64)


def traced_rows(function: Callable[[Any], Any], columns: list[Format], rows: IntArray) -> IntArray:
    """`function` on wires, run by alkaid's interpreter on `rows`."""
    inputs, codes = traced_inputs(columns)
    graph = traced_graph(inputs, function(codes))
    return np.asarray(np.rint(graph.predict(rows.astype(np.float64))), np.int64)


def assert_equal_on_wires(function: Callable[[Any], Any], columns: list[Format]) -> IntArray:
    rows = rows_of(columns)
    wanted = function(rows)
    np.testing.assert_array_equal(traced_rows(function, columns, rows), wanted)
    return np.asarray(wanted)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "square of a difference": lambda x, y: (x - y) * (x - y),
    "absolute difference": lambda x, y: abs(x - y),
    "negated": lambda x, y: -(x * y) + 3 - y,
    "shifted": lambda x, y: (x << 3) - (y << 1),
}


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(columns=st.lists(CODES, min_size=3, max_size=3))
def test_elementwise_operations_equal_numpy(name: str, columns: list[Format]) -> None:
    assert_equal_on_wires(lambda x: BINARY[name](x[:, :1], x[:, 1:2]), columns)
    assert_equal_on_wires(lambda x: BINARY[name](x, x[:, :1]), columns)  # one column for all, and a column with itself


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=25, deadline=None)
@given(columns=COLUMNS, seed=SEEDS)
def test_constants_on_either_side_equal_numpy(name: str, columns: list[Format], seed: int) -> None:
    constants = np.random.default_rng(seed).integers(-300, 301, len(columns))
    assert_equal_on_wires(lambda x: BINARY[name](x, constants + (x[:, :1] - x[:, :1])), columns)
    if name not in ("shifted",):
        assert_equal_on_wires(lambda x: BINARY[name](x, constants), columns)
        assert_equal_on_wires(lambda x: BINARY[name](constants, x), columns)


@settings(max_examples=40, deadline=None)
@given(columns=COLUMNS, other=st.data())
def test_reductions_over_columns_equal_numpy(columns: list[Format], other: st.DataObject) -> None:
    both = [*columns, *other.draw(st.lists(CODES, min_size=len(columns), max_size=len(columns)))]
    width = len(columns)

    def dot(x: Any) -> Any:
        return np.sum(x[:, :width] * x[:, width:], axis=1, keepdims=True)

    assert_equal_on_wires(dot, both)
    assert_equal_on_wires(lambda x: x.sum(axis=-1, keepdims=True), both)
    assert_equal_on_wires(lambda x: np.max(x, axis=1, keepdims=True), both)
    assert_equal_on_wires(lambda x: np.concatenate([np.min(x, axis=1, keepdims=True), x - dot(x)], axis=1), both)


@settings(max_examples=60, deadline=None)
@given(
    columns=COLUMNS, seed=SEEDS, fan_out=st.integers(1, 6), bits=st.integers(1, 8), keep=st.sampled_from([0.1, 0.5, 1])
)
def test_product_with_a_sparse_matrix_equals_numpy(
    columns: list[Format], seed: int, fan_out: int, bits: int, keep: float
) -> None:
    rng = np.random.default_rng(seed)
    reach = 1 << (bits - 1)
    matrix = np.where(
        rng.random((len(columns), fan_out)) < keep, rng.integers(-reach, reach + 1, (len(columns), fan_out)), 0
    )
    bias = rng.integers(-3 * reach, 3 * reach + 1, fan_out)
    assert_equal_on_wires(lambda x: x @ matrix + bias, columns)
    # Constant columns among those that vary, and columns of one bit, signed or not.
    assert_equal_on_wires(lambda x: (x - x[:, :1]) @ matrix + bias, columns)
    one_bit = [Format(2, 0), *(Format(1, 0, signed=False) for _ in columns)]
    assert_equal_on_wires(lambda x: np.minimum(x[:, 1:] - 1, 0) @ matrix, one_bit)


def test_six_signed_one_bit_columns_are_multiplied() -> None:
    columns = [Format(1, 0, signed=False)] * 8
    matrix = np.arange(1, 25).reshape(8, 3) - 11
    assert len(np.unique(assert_equal_on_wires(lambda x: (x - 1) @ matrix, columns))) > 10


def test_product_of_two_traced_arrays_equals_numpy() -> None:
    inputs, codes = traced_inputs([Format(4, 0)] * 10)
    queries, keys = codes[:, :6].reshape(2, 3), codes[:, 6:9].reshape(1, 3)
    graph = traced_graph(inputs, (queries @ keys.T).T)
    rows = rows_of([Format(4, 0)] * 10)
    wanted = np.einsum("nqc,nc->nq", rows[:, :6].reshape(-1, 2, 3), rows[:, 6:9])
    np.testing.assert_array_equal(np.rint(graph.predict(rows.astype(float))), wanted)


# Requantisation


def exact(codes: IntArray, shift: int, fmt: Format) -> IntArray:
    """The contract in unlimited integers."""
    rounded = [
        code << -shift if shift <= 0 else (code + (1 << (shift - 1)) - 1 + ((code >> shift) & 1)) >> shift
        for code in codes.ravel().tolist()
    ]
    clipped = [min(max(code, fmt.lowest), fmt.highest) for code in rounded]
    return np.array(clipped, np.int64).reshape(codes.shape)


FORMATS = st.one_of(
    st.builds(Format, st.integers(2, 10), st.just(0), st.booleans()),
    st.builds(Format, st.integers(2, 10), st.just(0), st.just(True), st.just(True)),
    st.just(Format(1, 0, signed=False)),
)


@settings(max_examples=300, deadline=None)
@given(
    columns=st.lists(CODES, min_size=2, max_size=3),
    fmt=FORMATS,
    shift=st.integers(-12, 14) | st.sampled_from([-300, -64, -40, 30, 64, 300]),
    factor=st.sampled_from([1, 2, 3, 8, 64]),
    offset=st.integers(-5000, 5000) | st.sampled_from([1 << n for n in range(12)]),
)
def test_requantisation_equals_unlimited_integers(
    columns: list[Format], fmt: Format, shift: int, factor: int, offset: int
) -> None:
    rows = rows_of(columns)
    sums = factor * (rows[:, :1] + rows[:, 1:2]) + offset

    def function(x: Any) -> Any:
        return (factor * (x[:, :1] + x[:, 1:2]) + offset).requantize(shift, fmt.lowest, fmt.highest)

    np.testing.assert_array_equal(traced_rows(function, columns, rows), exact(sums, shift, fmt))


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("step", [1, 2, 4, 8])
@pytest.mark.parametrize("shift", range(7))
def test_all_codes_on_all_grids_round_half_to_even(shift: int, step: int, signed: bool) -> None:
    source, fmt = Format(7, 0, signed), Format(5, 0, signed)
    rows = source.codes()[:, None]
    offsets = np.arange(step * 2)
    got = traced_rows(lambda x: (x * step + offsets).requantize(shift, fmt.lowest, fmt.highest), [source], rows)
    np.testing.assert_array_equal(got, exact(rows * step + offsets, shift, fmt))


def test_ties_alone_are_rounded_to_even_where_alkaid_rounds_them_up() -> None:
    from alkaid.trace import trace

    rows = Format(6, 0).codes()[:, None]
    wanted = shift_round_half_even(rows * 2 + 1, 1)
    ours = traced_rows(lambda x: (x * 2 + 1).requantize(1, -64, 63), [Format(6, 0)], rows)
    np.testing.assert_array_equal(ours, wanted)
    inputs, codes = traced_inputs([Format(6, 0)])
    alone = ((codes * 2 + 1).wires[0, 0] * 0.5).quantize(1, 6, 0, "SAT", "RND_CONV")
    np.testing.assert_array_equal(np.rint(trace(inputs, [alone]).predict(rows.astype(float))), rows + 1)
    assert not np.array_equal(rows + 1, wanted)


def test_larger_of_a_value_and_what_is_never_below_it() -> None:
    def function(x: Any) -> Any:
        return np.concatenate([np.maximum(x, x + 4), np.minimum(x, x - abs(x)), np.maximum(x - 4, x)], axis=1)

    assert_equal_on_wires(function, [Format(5, 0)])


# Tables


@settings(max_examples=40, deadline=None)
@given(bits=st.integers(1, 8), signed=st.booleans(), seed=SEEDS, reach=st.sampled_from([0, 1, 100, 2**24 - 1]))
def test_table_equals_gather(bits: int, signed: bool, seed: int, reach: int) -> None:
    fmt = Format(bits + signed, 0, signed)
    rng = np.random.default_rng(seed)
    contents = rng.integers(-reach, reach + 1, len(fmt.codes()))

    def gathered(x: Any) -> Any:
        return x.look_up(contents, fmt.lowest) if isinstance(x, Traced) else contents[x - fmt.lowest]

    assert_equal_on_wires(gathered, [fmt])
    assert_equal_on_wires(lambda x: gathered(-np.maximum(x, -fmt.highest) if signed else fmt.highest - x), [fmt])


def test_table_of_4096_entries_equals_gather() -> None:
    fmt = Format(12, 0)
    contents = np.rint(2**15 / (1 + np.exp(-fmt.codes() / 256))).astype(np.int64)
    rows = fmt.codes()[:, None]
    got = traced_rows(lambda x: x.look_up(contents, fmt.lowest), [fmt], rows)
    np.testing.assert_array_equal(got, contents[rows - fmt.lowest])


# What is refused


def test_what_has_no_exact_wires_is_a_type_error() -> None:
    x: Any = traced_inputs([Format(6, 0), Format(4, 0)])[1]
    refused: list[Callable[[], Any]] = [
        lambda: x >> 1,
        lambda: x // 2,
        lambda: x & 1,
        lambda: x > 0,
        lambda: np.where(np.array([True, False]), x, 0),
        lambda: np.rint(x),
        lambda: np.round(x),
        lambda: x * 0.5,
        lambda: np.arange(100)[x],
    ]
    for function in refused:
        with pytest.raises((TypeError, IndexError)):
            function()


def test_values_too_wide_for_alkaid_are_refused() -> None:
    _, x = traced_inputs([Format(30, 0)])
    with pytest.raises(ValueError, match="60 bits, wanted at most 48"):
        x * x
    with pytest.raises(ValueError, match="a constant of 35 bits is added"):
        x + (2**33 + 1)
    with pytest.raises(ValueError, match="alkaid sees 24 bits"):
        (x << 6) + (2**25 + 1)
    inputs, x = traced_inputs([Format(30, 0)])
    with pytest.raises(ValueError, match="a constant of 16777217 is kept as 16777216"):
        traced_graph(inputs, x.clip(2**24 + 1, 2**29))
    with pytest.raises(ValueError, match="a weight of 2097152"):
        x @ np.array([[1 << 21]])


def test_tables_that_cannot_be_exact_are_refused() -> None:
    _, x = traced_inputs([Format(4, 0)])
    with pytest.raises(ValueError, match="is read at -8…7"):
        x.look_up(np.arange(15), -7)
    with pytest.raises(ValueError, match="a table entry of 16777216"):
        x.look_up(np.arange(16) + (1 << 24) - 15, -8)
    with pytest.raises(ValueError, match="8192 entries"):
        x.look_up(np.arange(8192), -4096)


@settings(max_examples=60, deadline=None)
@given(
    bias=st.integers(-(2**30), 2**30),
    bits=st.integers(2, 20),
    shift=st.integers(0, 26),
    fmt=FORMATS,
)
def test_wide_constants_stay_whole(bias: int, bits: int, shift: int, fmt: Format) -> None:
    column = Format(bits, 0)
    rows = rows_of([column])
    near = bias // max(1 << shift, 1) // 2 * 2  # so that the sum is not far outside the format
    sums = rows + bias - (near << shift)

    def function(x: Any) -> Any:
        return (x + bias - (near << shift)).requantize(shift, fmt.lowest, fmt.highest)

    np.testing.assert_array_equal(traced_rows(function, [column], rows), exact(sums, shift, fmt))
    assert_equal_on_wires(lambda x: np.maximum(x + bias, (bias + 3) >> 8 << 8) - (bias >> 1), [column])


def test_constant_results_are_known() -> None:
    inputs, x = traced_inputs([Format(4, 0)])
    assert constant_codes(traced_graph(inputs, x - x + np.array([5]))) == [5]
    assert constant_codes(traced_graph(inputs, x.requantize(9, -8, 7))) == [0]
    assert constant_codes(traced_graph(inputs, x)) is None
