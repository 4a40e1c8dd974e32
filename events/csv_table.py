"""One table from a .csv or .csv.gz file: exact numbers, and errors that name file and row."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from edgetrack.events.atomic_write import atomic_path
from edgetrack.events.errors import EventError

COMPRESSION_LEVEL = 4  # a tenth larger than level 9, several times faster


def read_table(
    path: Path,
    columns: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    synonyms: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The named columns of a CSV file with a header line, in the given dtypes; other columns are left out.

    `synonyms` maps other names of a column to the name used here. Decimal numbers are rounded correctly to float32.
    Raises EventError for a missing, empty or truncated file, a missing column, a ragged row and a value of a wrong
    type; NaN and infinity pass, since not every table forbids them. O(file), parsed by several threads.
    """
    data = _plain_lines(path, read_bytes(path))
    header = _header(data)
    wanted = dict(columns) | {k: v for k, v in (optional or {}).items() if k in _canonical(header, synonyms)}
    sources = _sources(path, header, wanted, synonyms)
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=header, skip_rows=1),
            convert_options=arrow_csv.ConvertOptions(
                column_types={sources[name]: _arrow_type(dtype) for name, dtype in wanted.items()},
                include_columns=list(sources.values()),
                null_values=[],
            ),
        )
    except pa.ArrowInvalid as error:
        raise _diagnosis(path, data, header, {sources[k]: v for k, v in wanted.items()}, str(error)) from None
    frame: pd.DataFrame = table.rename_columns(list(sources)).to_pandas()
    return frame


def read_bytes(path: Path) -> bytes:
    """The content of a file, decompressed where its name ends in .gz. Raises EventError where that cannot be."""
    if not path.is_file():
        raise EventError("no such file; check the folder and the event number", file=path)
    data = path.read_bytes()
    if data and path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except EOFError:
            raise EventError("truncated gzip: the end is missing; copy or download the file again", file=path) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise EventError(
                f"damaged gzip ({error}); copy or download the file again, or drop .gz if it is plain text", file=path
            ) from None
    if not data.strip():
        raise EventError(f"{len(data)} bytes of content, wanted a header line; copy or write it again", file=path)
    return data


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` atomically, with a header; compressed where the name ends in .gz.

    Each float is the shortest decimal that reads back to the same float32, and the gzip header carries no time: the
    same frame gives the same bytes.
    """
    buffer = io.BytesIO()
    buffer.write((",".join(frame.columns) + "\n").encode())
    table = pa.Table.from_pandas(frame, preserve_index=False)
    arrow_csv.write_csv(table, buffer, arrow_csv.WriteOptions(include_header=False, quoting_style="none"))
    with atomic_path(path) as temporary:
        if path.suffix != ".gz":
            temporary.write_bytes(buffer.getvalue())
            return
        with temporary.open("wb") as file, gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0) as compressed:
            compressed.write(buffer.getvalue())


def _plain_lines(path: Path, data: bytes) -> bytes:
    """`data` without byte-order mark and carriage returns; raises EventError for lines that would be miscounted."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    odd = re.search(rb"\n\n|\r", data.rstrip())
    if odd:
        # The parser would drop a blank line, and every later error would name a wrong row.
        row = data.count(b"\n", 0, odd.start()) - (odd[0] == b"\r")
        what = "a blank line" if odd[0] == b"\n\n" else "a carriage return inside a line"
        raise EventError(
            f"has {what}, wanted one row of the table a line; remove it", row=row if row >= 0 else None, file=path
        )
    return data


def _header(data: bytes) -> list[str]:
    names = data.split(b"\n", 1)[0].decode("utf-8", errors="replace").split(",")
    # pyarrow wants distinct names; files saved with an index begin with a nameless column.
    return [name.strip(' "') or f"unnamed {position}" for position, name in enumerate(names)]


def _canonical(header: list[str], synonyms: Mapping[str, str] | None) -> list[str]:
    return [(synonyms or {}).get(name, name) for name in header]


def _sources(
    path: Path, header: list[str], wanted: Mapping[str, str], synonyms: Mapping[str, str] | None
) -> dict[str, str]:
    """Column name here → column name in the file."""
    names = _canonical(header, synonyms)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise EventError(
            f"lacks the columns {missing}; got {header}, wanted {list(wanted)}: add them, or name them so", file=path
        )
    repeated = [name for name in wanted if names.count(name) > 1]
    if repeated:
        raise EventError(f"has the columns {repeated} more than once; got {header}, wanted each once", file=path)
    return {name: header[names.index(name)] for name in wanted}


def _arrow_type(dtype: str) -> pa.DataType:
    return pa.from_numpy_dtype(np.dtype(dtype))


def _diagnosis(path: Path, data: bytes, header: list[str], types: Mapping[str, str], message: str) -> EventError:
    """Find the row that pyarrow stumbled over; only ever run on a file that is already known to be bad."""
    lines = csv.reader(io.StringIO(data.decode("utf-8", errors="replace")))
    try:
        next(lines)
        for row, fields in enumerate(lines):
            problem = _row_problem(fields, header, types)
            if problem:
                return EventError(problem, row=row, file=path)
    except csv.Error as error:
        message = f"{error} in line {lines.line_num}; {message}"
    return EventError(f"cannot be parsed: {message}; write it again as plain CSV", file=path)


def _row_problem(fields: list[str], header: list[str], types: Mapping[str, str]) -> str | None:
    if len(fields) != len(header):
        return (
            f"{len(fields)} fields, wanted {len(header)} ({', '.join(header)}); the file may have been cut off: "
            "copy or write it again"
        )
    for name, field in zip(header, fields, strict=True):
        if name in types and not _parses(field.strip(), types[name]):
            return f"{name} = {field!r}, wanted {types[name]}; correct or remove the row"
    return None


def _parses(field: str, dtype: str) -> bool:
    if np.dtype(dtype).kind == "f":
        try:
            float(field)
        except ValueError:
            return False
        return "_" not in field
    limits = np.iinfo(dtype)
    return re.fullmatch(r"-?\d+", field) is not None and limits.min <= int(field) <= limits.max
