"""An `Event` that exists is sound: everything else is an error that says where and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgetrack.events.event import CELL_COLUMNS, HIT_COLUMNS, PARTICLE_COLUMNS, TRUTH_COLUMNS, Event, EventError

TABLES = {"hits": HIT_COLUMNS, "truth": TRUTH_COLUMNS, "particles": PARTICLE_COLUMNS, "cells": CELL_COLUMNS}


def with_value(frame: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    values = frame[column].astype(object).tolist()
    values[row] = value
    return frame.assign(**{column: pd.Series(values).infer_objects()})


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_the_declared_dtype(tiny_event: Event, table: str) -> None:
    frame = getattr(tiny_event, table)
    expected = TABLES[table] | ({"particle_type": "int64"} if table == "particles" else {})
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected


def test_int64_identifiers_keep_every_digit(tiny_event: Event) -> None:
    large = 869214847123456789  # float64 would round it
    assert tiny_event.truth is not None
    event = replace(tiny_event, truth=with_value(tiny_event.truth, 2, "particle_id", large))
    assert event.truth is not None
    assert event.truth["particle_id"].tolist()[2] == large


def test_whole_floats_become_integers_and_others_do_not(tiny_event: Event) -> None:
    hits = tiny_event.hits.astype({"layer_id": "float64"})
    assert replace(tiny_event, hits=hits).hits["layer_id"].dtype == np.int32
    with pytest.raises(EventError, match=r"hits row 1: layer_id = 2\.5 .*int32"):
        replace(tiny_event, hits=with_value(hits, 1, "layer_id", 2.5))


def test_truth_in_another_order_is_aligned_with_the_hits(tiny_event: Event) -> None:
    assert tiny_event.truth is not None
    shuffled = replace(tiny_event, truth=tiny_event.truth.iloc[[2, 0, 1]])
    assert shuffled.truth is not None
    pd.testing.assert_frame_equal(shuffled.truth, tiny_event.truth, check_exact=True)


def test_input_frames_are_not_changed(tiny_event: Event) -> None:
    hits = tiny_event.hits.astype("float64").iloc[[2, 1, 0]]
    before = hits.copy(deep=True)
    Event(7, hits)
    pd.testing.assert_frame_equal(hits, before, check_exact=True)


def test_real_data_needs_only_hits(tiny_event: Event) -> None:
    event = Event(7, tiny_event.hits)
    assert (event.truth, event.particles, event.cells) == (None, None, None)


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "message"),
    [
        ("hits", 1, "x", np.nan, r"hits row 1: x = nan .*finite"),
        ("hits", 2, "z", np.inf, r"hits row 2: z = inf .*finite"),
        ("hits", 0, "y", 1e39, r"hits row 0: y = 1e\+39 .*float32"),
        ("hits", 2, "hit_id", 1, r"hits row 2: duplicate hit_id 1, already in row 0"),
        ("hits", 1, "module_id", 2**31, r"hits row 1: module_id = 2147483648 .*int32"),
        ("hits", 1, "module_id", np.nan, r"hits row 1: module_id is missing or NaN"),
        ("hits", 1, "x", "abc", r"hits row 1: x = 'abc'; wanted float32"),
        ("hits", 1, "x", True, r"hits row 1: x = True; wanted float32"),
        ("truth", 0, "tpx", -np.inf, r"truth row 0: tpx = -inf"),
        ("truth", 1, "hit_id", 1, r"truth row 1: duplicate hit_id 1, already in row 0"),
        ("truth", 1, "hit_id", 99, r"truth row 1: truth of the unknown hit_id 99 \(1 such rows\)"),
        ("truth", 1, "particle_id", 2**63, r"truth row 1: particle_id = 9223372036854775808"),
        ("particles", 0, "pz", np.nan, r"particles row 0: pz = nan"),
        ("cells", 3, "hit_id", 6, r"cells row 3: cells of the unknown hit_id 6"),
        ("cells", 2, "value", np.nan, r"cells row 2: value = nan"),
    ],
)
def test_a_bad_value_is_named_with_event_table_and_row(
    tiny_event: Event, table: str, row: int, column: str, value: object, message: str
) -> None:
    frame = with_value(getattr(tiny_event, table), row, column, value)
    with pytest.raises(EventError, match="event 7, " + message) as raised:
        replace(tiny_event, **{table: frame})  # type: ignore[arg-type]
    assert (raised.value.event_id, raised.value.table, raised.value.row) == (7, table, row)


def test_a_hit_without_truth_is_an_error(tiny_event: Event) -> None:
    assert tiny_event.truth is not None
    with pytest.raises(EventError, match=r"event 7, hits row 1: hit_id 2 has no truth \(1 such hits\)"):
        replace(tiny_event, truth=tiny_event.truth.iloc[[0, 2]])


def test_a_repeated_particle_is_an_error(tiny_event: Event) -> None:
    with pytest.raises(EventError, match="particles row 1: duplicate particle_id 4503668346847232"):
        replace(tiny_event, particles=pd.concat([tiny_event.particles] * 2))


def test_an_empty_event_is_an_error(tiny_event: Event) -> None:
    with pytest.raises(EventError, match="event 7, hits: the event is empty"):
        Event(7, tiny_event.hits.iloc[:0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda hits: hits.drop(columns="z"), r"hits: lacks the columns \['z'\]"),
        (lambda hits: hits.assign(r=1.0), r"hits: has the unknown columns \['r'\]"),
        (lambda hits: pd.concat([hits, hits[["x"]]], axis=1), "hits: has a column twice"),
        (lambda hits: hits.to_numpy(), "hits: got a ndarray, wanted a pandas DataFrame"),
    ],
)
def test_a_wrong_table_is_an_error(
    tiny_event: Event, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(EventError, match=message):
        Event(7, change(tiny_event.hits))


@pytest.mark.parametrize("event_id", [-1, 1.5, True, "7"])
def test_a_wrong_event_number_is_an_error(tiny_event: Event, event_id: Any) -> None:
    with pytest.raises(EventError, match="wanted a whole number from 0"):
        Event(event_id, tiny_event.hits)


def test_the_error_survives_the_way_between_processes() -> None:
    error = EventError("bad", event_id=3, table="hits", row=4)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problem, copy.row) == ("event 3, hits row 4: bad", "bad", 4)
