"""TrackML's own files: event%09d-{hits,cells,truth,particles}.csv[.gz], read and written.

Format: Amrouche et al., "The Tracking Machine Learning Challenge: Accuracy Phase" (2019), and the throughput phase's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from edgetrack.events.csv_table import read_table, write_table
from edgetrack.events.errors import EventError
from edgetrack.events.event import (
    CELL_COLUMNS,
    HIT_COLUMNS,
    PARTICLE_COLUMNS,
    PARTICLE_OPTIONAL_COLUMNS,
    TRUTH_COLUMNS,
    Event,
)

COLUMNS = {"hits": HIT_COLUMNS, "truth": TRUTH_COLUMNS, "particles": PARTICLE_COLUMNS, "cells": CELL_COLUMNS}
SUFFIXES = (".csv", ".csv.gz")
# Names of the same columns in files by ACTS.
SYNONYMS = {"channel0": "ch0", "channel1": "ch1"}

_FILE_NAME = re.compile(r"event(\d{9})-(hits|truth|particles|cells)\.csv(\.gz)?")


class SkippedEvent(NamedTuple):
    """An event that could not be read, and why."""

    event_id: int
    error: EventError


def find_events(folder: Path | str) -> list[int]:
    """Numbers of the events that have any file in `folder`, ascending. Raises EventError where there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise EventError("no such folder; give the one that holds event*-hits.csv[.gz]", file=folder)
    matches = (_FILE_NAME.fullmatch(path.name) for path in folder.iterdir())
    events = sorted({int(match[1]) for match in matches if match})
    if not events:
        raise EventError("holds no event; wanted files such as event000001000-hits.csv[.gz]", file=folder)
    return events


def event_file(folder: Path | str, event_id: int, table: str) -> Path | None:
    """The file of one table of an event, or None. Raises EventError where there are two."""
    stem = f"event{event_id:09d}-{table}"
    found = [path for path in (Path(folder) / (stem + suffix) for suffix in SUFFIXES) if path.is_file()]
    if len(found) > 1:
        raise EventError(
            f"stands beside {found[1].name}; wanted one of them: remove the older",
            event_id=event_id,
            table=table,
            file=found[0],
        )
    return found[0] if found else None


def read_event(folder: Path | str, event_id: int, with_cells: bool = False) -> Event:
    """Read one event; truth and particles where their files exist, cells where asked for.

    Kaggle's and Codalab's files are both taken (`particle_type` is in the latter only; `nhits`, where it lacks, is
    counted from the truth). Columns beyond those of `Event` are left out. Raises EventError with file and row for
    whatever `Event` or the files' format forbids. O(hits + cells).
    """
    files = {table: event_file(folder, event_id, table) for table in ("hits", "truth", "particles")}
    if with_cells:
        files["cells"] = event_file(folder, event_id, "cells")
    for table in ("hits", "cells"):
        if table in files and files[table] is None:
            raise EventError(
                f"no such file; an event needs its {table}" + ("" if table == "hits" else " when they are asked for"),
                event_id=event_id,
                table=table,
                file=Path(folder) / f"event{event_id:09d}-{table}.csv[.gz]",
            )
    try:
        tables = {table: _read(table, file) for table, file in files.items() if file is not None}
        if "particles" in tables:
            tables["particles"] = _with_nhits(tables["particles"], tables.get("truth"))
        return Event(event_id, **tables)
    except EventError as error:
        file = error.file or files.get(error.table or "hits")
        raise EventError(error.problem, event_id=event_id, table=error.table, row=error.row, file=file) from None


def write_event(event: Event, folder: Path | str, compress: bool = True) -> list[Path]:
    """Write the tables of `event`, each file atomically; return their paths. The same event gives the same bytes.

    It replaces whatever `folder` held of that event, in either form. Hits go first out and last in: an event that was
    interrupted half-way lacks its hits and cannot be mistaken for a whole one.
    """
    for table in COLUMNS:
        for suffix in SUFFIXES:
            (Path(folder) / f"event{event.event_id:09d}-{table}{suffix}").unlink(missing_ok=True)
    tables = {"cells": event.cells, "truth": event.truth, "particles": event.particles, "hits": event.hits}
    paths = []
    for table, frame in tables.items():
        if frame is not None:
            path = Path(folder) / f"event{event.event_id:09d}-{table}{SUFFIXES[compress]}"
            write_table(path, frame)
            paths.append(path)
    return paths


def _read(table: str, file: Path) -> pd.DataFrame:
    if table != "particles":
        return read_table(file, COLUMNS[table], synonyms=SYNONYMS)
    wanted = {name: dtype for name, dtype in PARTICLE_COLUMNS.items() if name != "nhits"}
    optional = PARTICLE_OPTIONAL_COLUMNS | {"nhits": PARTICLE_COLUMNS["nhits"]}
    return read_table(file, wanted, optional, SYNONYMS)


def _with_nhits(particles: pd.DataFrame, truth: pd.DataFrame | None) -> pd.DataFrame:
    if "nhits" in particles or truth is None:
        return particles
    counts = truth["particle_id"].value_counts()
    return particles.assign(nhits=particles["particle_id"].map(counts).fillna(0).astype("int32"))
