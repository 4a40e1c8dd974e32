"""TrackML files: what is written is read back exactly; what is broken is named with file and row."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgetrack.events.event import Event, EventError
from edgetrack.events.trackml import find_events, read_event, write_event

TABLES = ("hits", "truth", "particles", "cells")


def assert_events_equal(left: Event, right: Event) -> None:
    assert left.event_id == right.event_id
    for table in TABLES:
        ours, theirs = getattr(left, table), getattr(right, table)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def edit(path: Path, old: str, new: str) -> None:
    text = gzip.decompress(path.read_bytes()).decode()
    assert text.count(old) >= 1
    path.write_bytes(gzip.compress(text.replace(old, new, 1).encode()))


@pytest.fixture(scope="session")
def fuzz_folders(tiny_event: Event, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The tiny event as compressed and as plain files."""
    folders = {compress: tmp_path_factory.mktemp("fuzz") for compress in (True, False)}
    for compress, folder in folders.items():
        write_event(tiny_event, folder, compress)
    return folders


@pytest.mark.parametrize("compress", [True, False])
def test_a_written_event_reads_back_the_same(tiny_event: Event, tmp_path: Path, compress: bool) -> None:
    write_event(tiny_event, tmp_path, compress)
    assert_events_equal(read_event(tmp_path, 7, with_cells=True), tiny_event)
    names = {f"event000000007-{table}.csv{'.gz' * compress}" for table in TABLES}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_the_same_event_gives_the_same_bytes(tiny_event: Event, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_event(tiny_event, tmp_path / "a")]
    second = [path.read_bytes() for path in write_event(tiny_event, tmp_path / "b")]
    assert first == second
    assert all(content[4:8] == bytes(4) for content in first)  # the time in the gzip header


def test_the_text_is_that_of_trackml(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=False)
    assert (tmp_path / "event000000007-hits.csv").read_text() == (
        "hit_id,x,y,z,volume_id,layer_id,module_id\n"
        "1,32.5,0.5,-4,8,2,11\n"
        "2,72.25,1.125,-9.5,8,4,23\n"
        "5,-0.1,115,700.75,9,2,7\n"
    )
    header = (tmp_path / "event000000007-particles.csv").read_text().splitlines()[0]
    assert header == "particle_id,particle_type,vx,vy,vz,px,py,pz,q,nhits"


@settings(max_examples=50, deadline=None)
@given(
    xyz=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.just(3)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    first=st.integers(0, 2**62),
    compress=st.booleans(),
)
def test_every_float32_survives_the_way_through_text(
    tmp_path_factory: pytest.TempPathFactory, xyz: np.ndarray, first: int, compress: bool
) -> None:
    folder = tmp_path_factory.mktemp("roundtrip")
    hits = pd.DataFrame(xyz, columns=["x", "y", "z"]).assign(
        hit_id=np.arange(first, first + len(xyz)), volume_id=7, layer_id=2, module_id=np.arange(len(xyz))
    )
    event = Event(1, hits[["hit_id", "x", "y", "z", "volume_id", "layer_id", "module_id"]])
    write_event(event, folder, compress)
    again = read_event(folder, 1)
    assert_events_equal(again, event)
    assert np.array_equal(again.hits["x"].to_numpy().view(np.uint32), event.hits["x"].to_numpy().view(np.uint32))


def test_the_real_sample_survives_the_way_through_text(trackml_sample: Path, tmp_path: Path) -> None:
    event = read_event(trackml_sample, 1, with_cells=True)
    assert event.truth is not None
    assert event.particles is not None
    assert event.cells is not None
    assert (len(event.hits), len(event.truth), len(event.particles), len(event.cells)) == (5527, 5527, 548, 18564)
    for compress in (True, False):
        write_event(event, tmp_path, compress)
        assert_events_equal(read_event(tmp_path, 1, with_cells=True), event)
    for table in TABLES:
        source = pd.read_csv(trackml_sample / f"event000000001-{table}.csv.gz")
        written = pd.read_csv(tmp_path / f"event000000001-{table}.csv")
        pd.testing.assert_frame_equal(source, written, check_dtype=False, check_exact=True)


@settings(max_examples=200, deadline=None)
@given(
    position=st.floats(0, 1, exclude_max=True),
    replacement=st.binary(max_size=3),
    removed=st.integers(0, 5),
    table=st.sampled_from(TABLES),
    compress=st.booleans(),
)
def test_whatever_is_wrong_with_a_file_is_an_event_error_or_a_sound_event(
    fuzz_folders: dict[bool, Path], position: float, replacement: bytes, removed: int, table: str, compress: bool
) -> None:
    path = fuzz_folders[compress] / f"event000000007-{table}.csv{'.gz' * compress}"
    original = path.read_bytes()
    start = int(position * len(original))
    path.write_bytes(original[:start] + replacement + original[start + removed :])
    result: Event | EventError
    try:
        result = read_event(path.parent, 7, with_cells=True)
    except EventError as error:
        result = error
    path.write_bytes(original)
    if isinstance(result, EventError):
        assert "event000000007" in str(result)
    else:
        assert np.isfinite(result.hits[["x", "y", "z"]].to_numpy()).all()
        assert result.truth is not None
        assert result.hits["hit_id"].tolist() == result.truth["hit_id"].tolist()


def test_particles_of_kaggle_without_type_and_without_nhits_are_read(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=False)
    path = tmp_path / "event000000007-particles.csv"
    pd.read_csv(path).drop(columns=["particle_type", "nhits"]).to_csv(path, index=False)
    particles = read_event(tmp_path, 7).particles
    assert particles is not None
    assert "particle_type" not in particles
    assert particles["nhits"].tolist() == [2]  # counted from the truth


def test_cells_in_the_names_of_acts_and_extra_columns_are_read(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=False)
    path = tmp_path / "event000000007-cells.csv"
    cells = pd.read_csv(path).rename(columns={"ch0": "channel0", "ch1": "channel1"})
    cells.assign(timestamp="later").to_csv(path)  # with an index column too
    assert_events_equal(read_event(tmp_path, 7, with_cells=True), tiny_event)


def test_windows_line_ends_and_a_byte_order_mark_are_read(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=False)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert_events_equal(read_event(tmp_path, 7, with_cells=True), tiny_event)


def test_real_data_has_no_truth(tiny_event: Event, tmp_path: Path) -> None:
    write_event(Event(7, tiny_event.hits), tmp_path)
    assert_events_equal(read_event(tmp_path, 7), Event(7, tiny_event.hits))


def test_rewriting_an_event_leaves_nothing_of_the_old_one(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=True)
    write_event(Event(7, tiny_event.hits), tmp_path, compress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["event000000007-hits.csv"]


@pytest.mark.parametrize(
    ("table", "old", "new", "row", "message"),
    [
        ("hits", "72.25", "nan", 1, "x = nan"),
        ("hits", "72.25", "-inf", 1, "x = -inf"),
        ("hits", "72.25", "1e39", 1, "x = inf"),
        ("hits", "72.25", "abc", 1, r"x = 'abc', wanted float32"),
        ("hits", "72.25", "", 1, r"x = '', wanted float32"),
        ("hits", "\n5,", "\n2,", 2, "duplicate hit_id 2, already in row 1"),
        ("hits", "\n5,", "\n5.5,", 2, r"hit_id = '5.5', wanted int64"),
        ("hits", "\n5,", "\n99999999999999999999,", 2, "hit_id = '99999999999999999999', wanted int64"),
        ("hits", ",9,2,7\n", ",9,2\n", 2, "6 fields, wanted 7"),
        ("hits", ",9,2,7\n", ",9,2,7,1\n", 2, "8 fields, wanted 7"),
        ("hits", "\n2,", "\n\n2,", 1, "has a blank line"),
        ("hits", "\n1,", "\n\n1,", 0, "has a blank line"),
        ("hits", ",8,4,", ",8\r,4,", 1, "has a carriage return inside a line"),
        ("truth", "\n5,", "\n6,", 2, "truth of the unknown hit_id 6"),
        ("truth", "1.5", "NaN", 0, "tpx = nan"),
        ("particles", "-3.5", "x", 0, "vz = 'x', wanted float32"),
        ("cells", "\n5,", "\n6,", 3, "cells of the unknown hit_id 6"),
    ],
)
def test_a_bad_value_is_named_with_file_and_row(
    tiny_event: Event, tmp_path: Path, table: str, old: str, new: str, row: int, message: str
) -> None:
    write_event(tiny_event, tmp_path)
    path = tmp_path / f"event000000007-{table}.csv.gz"
    edit(path, old, new)
    with pytest.raises(EventError, match=rf"{path.name}, row {row} \(line {row + 2}\): .*{message}") as raised:
        read_event(tmp_path, 7, with_cells=True)
    assert (raised.value.event_id, raised.value.file, raised.value.row) == (7, path, row)


def test_a_hit_without_truth_is_named_in_the_hits_file(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path, compress=False)
    path = tmp_path / "event000000007-truth.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(EventError, match=r"event000000007-hits.csv, row 2 \(line 4\): hit_id 5 has no truth"):
        read_event(tmp_path, 7)


@pytest.mark.parametrize("table", TABLES)
def test_a_truncated_gzip_is_named(trackml_sample: Path, tmp_path: Path, table: str) -> None:
    for source in trackml_sample.glob("event*.csv.gz"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    path = tmp_path / f"event000000001-{table}.csv.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EventError, match=rf"{path.name}: truncated gzip.*again"):
        read_event(tmp_path, 1, with_cells=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes of content"),
        (gzip.compress(b""), "0 bytes of content"),
        (b"hit_id,x,y,z\n", "damaged gzip.*plain text"),
        (gzip.compress(b"hit_id,x,y,z,volume_id,layer_id,module_id\n"), "the event is empty"),
        (gzip.compress(b"hit_id,x,y,z\n1,2,3,4\n"), r"lacks the columns \['volume_id', 'layer_id', 'module_id'\]"),
        (gzip.compress(b"hit_id,x,x,y,z,volume_id,layer_id,module_id\n"), r"has the columns \['x'\] more than once"),
        (bytes(reversed(gzip.compress(b"abc" * 100))), "damaged gzip"),
    ],
    ids=range(7),  # compressed contents hold the time: every test process must see the same names
)
def test_a_broken_file_is_named(tiny_event: Event, tmp_path: Path, content: bytes, message: str) -> None:
    write_event(tiny_event, tmp_path)
    path = tmp_path / "event000000007-hits.csv.gz"
    path.write_bytes(content)
    with pytest.raises(EventError, match=rf"{path.name}: .*{message}"):
        read_event(tmp_path, 7)


@pytest.mark.parametrize("table", ["hits", "cells"])
def test_a_missing_file_is_named(tiny_event: Event, tmp_path: Path, table: str) -> None:
    write_event(tiny_event, tmp_path)
    (tmp_path / f"event000000007-{table}.csv.gz").unlink()
    with pytest.raises(EventError, match=rf"event000000007-{table}.csv.*: no such file"):
        read_event(tmp_path, 7, with_cells=True)


def test_two_files_of_one_table_are_an_error(tiny_event: Event, tmp_path: Path) -> None:
    write_event(tiny_event, tmp_path)
    (tmp_path / "event000000007-truth.csv").write_text("hit_id\n")
    with pytest.raises(EventError, match=r"event000000007-truth.csv: stands beside event000000007-truth.csv.gz"):
        read_event(tmp_path, 7)


def test_events_are_found_in_order_and_by_any_file(tiny_event: Event, tmp_path: Path) -> None:
    for event_id in (12, 3, 100000000):
        write_event(Event(event_id, tiny_event.hits), tmp_path)
    (tmp_path / "event000000004-truth.csv").write_text("")  # its hits are missing: reading it must say so
    (tmp_path / "event000000005-hits.csv.tmp").write_text("")
    (tmp_path / "detectors.csv").write_text("")
    assert find_events(tmp_path) == [3, 4, 12, 100000000]


@pytest.mark.parametrize(("folder", "message"), [("nowhere", "no such folder"), (".", "holds no event")])
def test_a_folder_without_events_is_an_error(tmp_path: Path, folder: str, message: str) -> None:
    with pytest.raises(EventError, match=message):
        find_events(tmp_path / folder)


def test_bad_events_are_named_by_file_and_row_and_the_others_read(tiny_event: Event, tmp_path: Path) -> None:
    for event_id in range(3):
        write_event(Event(event_id, tiny_event.hits, tiny_event.truth), tmp_path)
    edit(tmp_path / "event000000001-hits.csv.gz", "72.25", "nan")
    (tmp_path / "event000000002-hits.csv.gz").unlink()
    assert read_event(tmp_path, 0).event_id == 0
    with pytest.raises(EventError, match=r"event000000001-hits.csv.gz, row 1 \(line 3\): x = nan"):
        read_event(tmp_path, 1)
    with pytest.raises(EventError, match=r"event000000002-hits.csv\[.gz\]: no such file"):
        read_event(tmp_path, 2)
