"""The cache: the same event to the last bit, used only while it is newer than the files."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from edgetrack.events.cache import cache_file, is_fresh, load_event, read_cache, write_cache
from edgetrack.events.event import Event, EventError
from edgetrack.events.trackml import read_event, write_event

TABLES = ("hits", "truth", "particles", "cells")


def assert_same(left: Event, right: Event) -> None:
    for table in TABLES:
        ours, theirs = getattr(left, table), getattr(right, table)
        assert (ours is None) == (theirs is None), table
        if ours is not None:
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def set_age(path: Path, seconds: int) -> None:
    os.utime(path, (1_600_000_000 - seconds,) * 2)


@pytest.fixture
def cached(tiny_event: Event, tmp_path: Path) -> Path:
    """A folder with the files of the tiny event, and a newer cache of it."""
    for path in write_event(tiny_event, tmp_path):
        set_age(path, 100)
    for path in write_cache(tiny_event, tmp_path / "cache"):
        set_age(path, 50)
    return tmp_path


@pytest.mark.parametrize("with_cells", [True, False])
def test_the_cached_sample_equals_the_files(trackml_sample: Path, tmp_path: Path, with_cells: bool) -> None:
    event = read_event(trackml_sample, 1, with_cells)
    write_cache(event, tmp_path)
    assert_same(read_cache(tmp_path, 1, with_cells), event)


def test_rewriting_the_cache_leaves_nothing_of_the_old_one(tiny_event: Event, tmp_path: Path) -> None:
    write_cache(tiny_event, tmp_path)
    write_cache(Event(7, tiny_event.hits), tmp_path)
    assert_same(read_cache(tmp_path, 7), Event(7, tiny_event.hits))
    assert [path.name for path in tmp_path.iterdir()] == ["event000000007-hits.parquet"]


def test_a_newer_cache_is_read_instead_of_the_files(cached: Path, tiny_event: Event) -> None:
    path = cached / "event000000007-hits.csv.gz"
    path.write_bytes(b"broken")
    set_age(path, 100)
    assert_same(load_event(cached, 7, with_cells=True), tiny_event)


@pytest.mark.parametrize("table", TABLES)
def test_a_changed_file_is_read_instead_of_the_cache(cached: Path, tiny_event: Event, table: str) -> None:
    set_age(cached / f"event000000007-{table}.csv.gz", 50)  # of the same age: not safely older
    assert not is_fresh(cached, 7, with_cells=True, cache=cached / "cache")
    (cached / f"event000000007-{table}.csv.gz").write_bytes(b"broken")
    with pytest.raises(EventError, match=f"event000000007-{table}.csv.gz: damaged gzip"):
        load_event(cached, 7, with_cells=True)


def test_a_removed_or_added_table_makes_the_cache_stale(cached: Path, tiny_event: Event) -> None:
    (cached / "event000000007-truth.csv.gz").unlink()
    assert load_event(cached, 7).truth is None
    write_event(tiny_event, cached)
    cache_file(cached / "cache", 7, "truth").unlink()
    assert load_event(cached, 7).truth is not None


def test_cells_that_were_not_cached_come_from_the_files(cached: Path, tiny_event: Event) -> None:
    cache_file(cached / "cache", 7, "cells").unlink()
    assert is_fresh(cached, 7, with_cells=False, cache=cached / "cache")
    assert_same(load_event(cached, 7, with_cells=True), tiny_event)


def test_a_first_load_fills_the_cache_where_asked(tiny_event: Event, tmp_path: Path) -> None:
    for path in write_event(tiny_event, tmp_path / "files"):
        set_age(path, 100)
    load_event(tmp_path / "files", 7)
    assert not (tmp_path / "files" / "cache").exists()
    first = load_event(tmp_path / "files", 7, with_cells=True, cache=tmp_path / "copies", fill=True)
    assert is_fresh(tmp_path / "files", 7, with_cells=True, cache=tmp_path / "copies")
    assert_same(load_event(tmp_path / "files", 7, with_cells=True, cache=tmp_path / "copies"), first)


def test_an_event_of_the_cache_alone_is_read_from_it(cached: Path, tiny_event: Event) -> None:
    for path in cached.glob("*.csv.gz"):
        path.unlink()
    assert_same(load_event(cached, 7, with_cells=True), tiny_event)


def test_a_missing_or_damaged_copy_is_named(cached: Path) -> None:
    path = cache_file(cached / "cache", 7, "particles")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EventError, match=r"event000000007-particles.parquet: damaged parquet .*delete it"):
        read_cache(cached / "cache", 7)
    with pytest.raises(EventError, match=r"event000000008-hits.parquet: no such file"):
        read_cache(cached / "cache", 8)
