"""The detector table: in every naming the same modules, and no module that cannot stand there."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgetrack.events.detector import MODULE_COLUMNS, SIZE_COLUMNS, Detector, read_detector
from edgetrack.events.event import EventError
from edgetrack.events.trackml import read_event

# Two modules: one turned by 90° about z, one upside down (u → x, v → −y, w → −z).
MODULES = pd.DataFrame(
    {
        "volume_id": [8, 7],
        "layer_id": [2, 14],
        "module_id": [1, 3],
        "cx": [32.5, -65.75],
        "cy": [0.0, -5.0],
        "cz": [10.0, -1502.5],
        "rot_xu": [0, 1],
        "rot_xv": [-1, 0],
        "rot_xw": [0, 0],
        "rot_yu": [1, 0],
        "rot_yv": [0, -1],
        "rot_yw": [0, 0],
        "rot_zu": [0, 0],
        "rot_zv": [0, 0],
        "rot_zw": [1, -1],
        "module_t": [0.15, 0.15],
        "module_minhu": [8.4, 8.4],
        "module_maxhu": [8.4, 8.4],
        "module_hv": [36, 36],
        "pitch_u": [0.05, 0.05],
        "pitch_v": [0.05625, 0.05625],
    }
)


def test_local_axes_are_the_columns_of_the_rotation() -> None:
    detector = Detector(MODULES)
    assert np.array_equal(detector.centers, [[32.5, 0, 10], [-65.75, -5, -1502.5]])
    assert np.array_equal(detector.rotations[0] @ [1, 0, 0], [0, 1, 0])
    assert np.array_equal(detector.rotations[0] @ [0, 1, 0], [-1, 0, 0])
    assert np.array_equal(detector.rotations[1] @ [1, 2, 3], [1, -2, -3])


def test_rows_find_each_module_and_name_an_unknown_one() -> None:
    detector = Detector(MODULES)
    found = detector.rows(np.array([7, 8, 7]), np.array([14, 2, 14]), np.array([3, 1, 3]))
    assert np.array_equal(found, [1, 0, 1])
    for unknown in ([7, 2, 1], [7, 14, 4], [9, 99, 1], [0, 0, 0], [6, 14 + 2**20, 3], [8, 3, 1 - 2**20]):
        with pytest.raises(EventError, match=rf"row 1: unknown module: volume {unknown[0]}, layer {unknown[1]}"):
            detector.rows(*np.array([[8, 2, 1], unknown]).T)


@pytest.mark.parametrize("name", ["detectors.csv", "detectors.csv.gz"])
def test_other_names_index_column_and_order_give_the_same_detector(tmp_path: Path, name: str) -> None:
    other = MODULES.rename(
        columns={
            "cx": "center_x",
            "cy": "center_y",
            "cz": "center_z",
            "rot_xu": "rotation_xu",
            "module_t": "module_thickness",
            "pitch_u": "module_pitch_u",
            "pitch_v": "module_pitch_v",
        }
    )
    other[other.columns[::-1]].assign(boundary_id=0).to_csv(tmp_path / name)
    pd.testing.assert_frame_equal(read_detector(tmp_path).modules, Detector(MODULES).modules, check_exact=True)
    pd.testing.assert_frame_equal(read_detector(tmp_path / name).modules, Detector(MODULES).modules)


def test_sizes_are_optional_and_places_are_not(tmp_path: Path) -> None:
    MODULES[list(MODULE_COLUMNS)].to_csv(tmp_path / "detectors.csv", index=False)
    assert not set(SIZE_COLUMNS) & set(read_detector(tmp_path).modules)
    MODULES.drop(columns="rot_zw").to_csv(tmp_path / "detectors.csv", index=False)
    with pytest.raises(EventError, match=r"detectors.csv: lacks the columns \['rot_zw'\]; got .* wanted "):
        read_detector(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("cx", "nan", "cx = nan"),
        ("cx", "here", "cx = 'here', wanted float64"),
        ("rot_zw", "0.5", "has rot_xu … rot_zw that are no rotation"),
        ("module_id", "-1", "has an identifier below 0"),
    ],
)
def test_a_bad_module_is_named_with_file_and_row(tmp_path: Path, column: str, value: str, message: str) -> None:
    bad = MODULES.astype(str)
    bad.loc[1, column] = value
    bad.to_csv(tmp_path / "detectors.csv", index=False)
    with pytest.raises(EventError, match=rf"detectors.csv, row 1 \(line 3\): {message}"):
        read_detector(tmp_path)


def test_a_repeated_module_a_missing_file_and_an_empty_table_are_errors(tmp_path: Path) -> None:
    with pytest.raises(EventError, match="detectors row 2: has a module that an earlier row has already"):
        Detector(pd.concat([MODULES, MODULES.iloc[:1]]))
    with pytest.raises(EventError, match="no module"):
        Detector(MODULES.iloc[:0])
    with pytest.raises(EventError, match=r"detectors.csv.gz: no such file"):
        read_detector(tmp_path)
    (tmp_path / "detectors.csv.gz").write_bytes(gzip.compress(b"a" * 1000)[:-9])
    with pytest.raises(EventError, match=r"detectors.csv.gz: truncated gzip"):
        read_detector(tmp_path)


def test_hits_of_the_real_sample_lie_on_their_modules(trackml_sample: Path) -> None:
    detector = read_detector(trackml_sample)
    hits = read_event(trackml_sample, 1).hits
    assert len(detector.modules) == 18728
    rows = detector.rows(*(hits[name].to_numpy() for name in ("volume_id", "layer_id", "module_id")))
    offset = hits[["x", "y", "z"]].to_numpy(np.float64) - detector.centers[rows]
    u, v, w = np.einsum("nij,ni->jn", detector.rotations[rows], offset)
    sizes = detector.modules.iloc[rows]
    assert np.abs(w).max() < 0.01  # mm; the files print six digits
    assert (np.abs(u) < sizes["module_maxhu"] + 0.1).all()
    assert (np.abs(v) < sizes["module_hv"] + 0.1).all()
