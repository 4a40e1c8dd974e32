"""Checks of single tables: columns, types, finite numbers, unique identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgetrack.events.errors import EventError


def checked_table(
    frame: pd.DataFrame, table: str, columns: Mapping[str, str], optional: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """`frame` with exactly `columns` (and those of `optional` that it has), their dtypes, and rows counted from 0.

    Integers are converted where no value changes. Floats are rounded to float32, the precision of the files.
    Raises EventError for a missing, unknown or repeated column, a value that does not fit, NaN and infinity. O(rows).
    """
    if not isinstance(frame, pd.DataFrame):
        raise EventError(f"got a {type(frame).__name__}, wanted a pandas DataFrame", table=table)
    wanted = dict(columns)
    # An optional column stands after the identifier, as in TrackML's own files.
    extra = {name: dtype for name, dtype in (optional or {}).items() if name in frame.columns}
    first, *rest = wanted.items()
    wanted = dict([first, *extra.items(), *rest])
    _check_names(frame, table, wanted)
    arrays = {name: _converted(frame[name], table, dtype) for name, dtype in wanted.items()}
    return pd.DataFrame(arrays, copy=False)


def check_unique(frame: pd.DataFrame, table: str, column: str) -> None:
    """Raise EventError at the first row that repeats an identifier. O(rows), faster when sorted."""
    values = frame[column].to_numpy()
    if bool((values[1:] > values[:-1]).all()):
        return
    repeated = frame[column].duplicated().to_numpy()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        first = int(np.flatnonzero(values == values[row])[0])
        raise EventError(
            f"duplicate {column} {values[row]}, already in row {first}; wanted each {column} once: "
            "remove one of the rows or renumber",
            table=table,
            row=row,
        )


def check_known(frame: pd.DataFrame, table: str, hit_ids: NDArray[np.int64]) -> None:
    """Raise EventError at the first row whose hit_id is not among `hit_ids`. O(rows)."""
    unknown = ~np.isin(frame["hit_id"].to_numpy(), hit_ids)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise EventError(
            f"{table} of the unknown hit_id {frame['hit_id'].iloc[row]} ({int(unknown.sum())} such rows); wanted "
            f"only hits of the hits table: remove these rows, or use the {table} of the same event and hit selection",
            table=table,
            row=row,
        )


def _check_names(frame: pd.DataFrame, table: str, wanted: Mapping[str, str]) -> None:
    names = [str(name) for name in frame.columns]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise EventError(f"lacks the columns {missing}; got {names}, wanted {list(wanted)}", table=table)
    unknown = [name for name in names if name not in wanted]
    if unknown:
        raise EventError(f"has the unknown columns {unknown}; wanted {list(wanted)}: drop the others", table=table)
    if len(set(names)) != len(names):
        raise EventError(f"has a column twice; got {names}, wanted each once", table=table)


def _converted(column: pd.Series, table: str, dtype: str) -> NDArray[Any]:
    values = _numbers(column, table, dtype)
    target = np.dtype(dtype)
    if target.kind == "f":
        with np.errstate(over="ignore"):
            result = values.astype(target, copy=False)
        bad = ~np.isfinite(result)
    else:
        with np.errstate(invalid="ignore"):
            result = values.astype(target, copy=False)
            # The range is compared first: casting back alone would let a wrapped 2^63 pass.
            low, high = np.iinfo(target).min, np.iinfo(target).max
            bad = (result != values) | (values < low) | (values > high) if result is not values else _none(values)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        remedy = "a finite number" if target.kind == "f" else "a whole number in that range"
        raise EventError(
            f"{column.name} = {values[row]} ({int(bad.sum())} such rows); wanted {dtype}, {remedy}: "
            "correct or remove the row",
            table=table,
            row=row,
        )
    return result


def _none(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    return np.zeros(len(values), np.bool_)


def _numbers(column: pd.Series, table: str, dtype: str) -> NDArray[Any]:
    """The column as a plain numpy array of numbers."""
    missing = column.isna().to_numpy()
    if missing.any() and (np.dtype(dtype).kind != "f" or column.dtype.kind not in "iuf"):
        row = int(np.flatnonzero(missing)[0])
        raise EventError(
            f"{column.name} is missing or NaN ({int(missing.sum())} such rows); wanted {dtype}: "
            "correct or remove the row",
            table=table,
            row=row,
        )
    if column.dtype.kind not in "iuf":
        wrong = next((i for i, value in enumerate(column) if not _is_number(value)), None)
        got = f"{column.name} of {column.dtype}" if wrong is None else f"{column.name} = {column.iloc[wrong]!r}"
        raise EventError(f"{got}; wanted {dtype}: convert the column to numbers", table=table, row=wrong)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=np.float64 if column.dtype.kind == "f" else np.int64, na_value=np.nan)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
