"""The detector that ACTS builds is the TrackML detector, down to the module numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetrack.events.csv_table import write_table
from edgetrack.events.detector import MODULE_COLUMNS, SIZE_COLUMNS, read_detector
from edgetrack.events.simulation.detector import SimulatedDetector, build_detector
from edgetrack.events.simulation.modules import RING_SEQUENCES, geometry_table, trackml_module_ids

ADDRESS = ["volume_id", "layer_id", "module_id"]


@pytest.fixture(scope="module")
def detector() -> SimulatedDetector:
    pytest.importorskip("acts", reason="pyacts is not installed: pip install 'edgetrack[sim]'")
    return build_detector(2.0)


def test_module_table_equals_detectors_csv(detector: SimulatedDetector, trackml_sample: Path) -> None:
    ours = geometry_table(detector.modules)
    theirs = read_detector(trackml_sample / "detectors.csv.gz").modules
    np.testing.assert_array_equal(ours[ADDRESS], theirs[ADDRESS])
    # centres in the file are rounded to six digits, and off by up to 3.7 µm
    np.testing.assert_allclose(ours[["cx", "cy", "cz"]], theirs[["cx", "cy", "cz"]], atol=0.004)
    rest = [name for name in (*MODULE_COLUMNS, *SIZE_COLUMNS) if name not in (*ADDRESS, "cx", "cy", "cz")]
    np.testing.assert_allclose(ours[rest], theirs[rest], atol=1e-6)


def test_module_table_can_be_read_as_detector(detector: SimulatedDetector, tmp_path: Path) -> None:
    write_table(tmp_path / "detectors.csv.gz", geometry_table(detector.modules))
    modules = read_detector(tmp_path).modules
    assert len(modules) == 18_728
    assert not modules.duplicated(ADDRESS).any()


def test_local_and_global_points_round_trip(detector: SimulatedDetector) -> None:
    modules = detector.modules
    rows = np.arange(0, len(modules), 97)
    local = np.random.default_rng(3).normal(size=(len(rows), 3))
    np.testing.assert_allclose(modules.to_local(rows, modules.to_global(rows, local)), local, atol=1e-9)
    assert np.array_equal(modules.to_global(rows, np.zeros((len(rows), 3))), modules.centre[rows])


def test_rotations_are_right_handed_and_orthonormal(detector: SimulatedDetector) -> None:
    rotation = detector.modules.rotation
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)


def test_rows_refuse_passive_surfaces(detector: SimulatedDetector) -> None:
    modules = detector.modules
    assert np.array_equal(modules.rows(modules.geometry_id[[5, 0]]), [5, 0])
    with pytest.raises(ValueError, match="is not a module"):
        modules.rows(modules.geometry_id[:2] + np.uint64(1 << 36))


def test_barrel_modules_keep_their_numbers() -> None:
    ids = trackml_module_ids(np.full(3, 8), np.full(3, 2), np.array([1, 2, 3]), np.eye(3))
    assert ids.tolist() == [1, 2, 3]


def test_endcap_modules_are_numbered_along_phi_ring_by_ring() -> None:
    sequence = np.array(list(RING_SEQUENCES[16]), int)
    ring_sizes = np.bincount(sequence)
    ring = np.repeat([0, 1], ring_sizes)
    phi = np.concatenate([-np.pi + 2 * np.pi * (np.arange(size) + 0.5) / size for size in ring_sizes])
    radius = np.array([828.0, 942.0])[ring]
    centre = np.column_stack([radius * np.cos(phi), radius * np.sin(phi), np.full(len(phi), 2500.0)])
    ids = trackml_module_ids(np.full(98, 16), np.full(98, 4), np.arange(1, 99), centre)
    assert sorted(ids) == list(range(1, 99))
    # the sequence begins 0 1 1 0: inner, outer, outer, inner
    assert ids[:2].tolist() == [1, 4]
    assert ids[48:50].tolist() == [2, 3]


def test_another_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="not the TrackML detector"):
        trackml_module_ids(np.full(3, 7), np.full(3, 2), np.arange(3), np.eye(3))
