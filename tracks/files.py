"""Tracks of an event on disk: hit_id, track_id for each of its hits, the form of a TrackML submission."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from edgetrack.events.atomic_write import atomic_path
from edgetrack.events.csv_table import read_table, write_table
from edgetrack.events.errors import EventError
from edgetrack.events.event import Event
from edgetrack.tracks.candidates import TrackCandidates

TrackFormat = Literal["csv", "csv.gz", "parquet"]
TRACK_COLUMNS = {"hit_id": "int64", "track_id": "int64"}  # track_id 0: in no track


def tracks_path(folder: Path | str, event_id: int, suffix: TrackFormat) -> Path:
    """Where the tracks of an event stand, whether or not they are there."""
    return Path(folder) / f"event{event_id:09d}-tracks.{suffix}"


def track_table(event: Event, candidates: TrackCandidates) -> pd.DataFrame:
    """One row for each hit of `event`, in its order: hit_id and track_id, from 1 on, 0 for a hit in no track."""
    if candidates.num_hits != len(event.hits):
        raise ValueError(
            f"event {event.event_id} has {len(event.hits)} hits and the candidates {candidates.num_hits}, wanted those "
            "of all its hits (TrackingPipeline gives them)"
        )
    return pd.DataFrame({"hit_id": event.hits["hit_id"].to_numpy(), "track_id": candidates.labels + 1})


def write_tracks(table: pd.DataFrame, path: Path) -> Path:
    """Write a track table, atomically, as CSV or parquet by the file's name; the same table gives the same bytes."""
    if path.suffix != ".parquet":
        write_table(path, table)
        return path
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    with atomic_path(path) as temporary:
        parquet.write_table(content, temporary, compression="zstd")
    return path


def read_tracks(path: Path, event: Event) -> pd.DataFrame:
    """The track table of `event` in `path`. Raises EventError for a damaged file, or other hits than the event's."""
    if path.suffix == ".parquet":
        try:
            table: pd.DataFrame = parquet.read_table(path, columns=list(TRACK_COLUMNS)).to_pandas()
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError, ValueError) as error:
            raise EventError(f"damaged parquet ({error}); delete it, it is made again", file=path) from None
    else:
        table = read_table(path, TRACK_COLUMNS)
    if not np.array_equal(table["hit_id"], event.hits["hit_id"]):
        raise EventError(
            f"its hits are not those of event {event.event_id}, one row each in their order; delete it", file=path
        )
    return table
