"""One file: the same back, small, and refused where it is damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from voxel_tracks import SYMMETRIES, made_dynamics, tracks

from edgetrack.graphs.files import GraphFileError
from edgetrack.graphs.voxel_dynamics.files import load_voxels, save_voxels
from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry

POINTS = tracks(5, 30)[0]
FIELDS = ("keys", "counts", "occupancy", "views", "target", "threshold")


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_what_is_written_is_read_back_exactly_and_the_same_gives_the_same_bytes(
    symmetry: Symmetry, tmp_path: Path
) -> None:
    dynamics = made_dynamics(symmetry).pruned(0.02)
    path = save_voxels(dynamics, tmp_path / "deep" / "voxels.npz")
    read = load_voxels(path)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(read, field), getattr(dynamics, field))
    np.testing.assert_array_equal(read.voxels.seeds, dynamics.voxels.seeds)
    assert read.voxels.symmetry == dynamics.voxels.symmetry
    np.testing.assert_array_equal(read.edges(POINTS), dynamics.edges(POINTS))
    assert save_voxels(read, tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_orbits_below_the_threshold_are_not_written(tmp_path: Path) -> None:
    dynamics = made_dynamics(SYMMETRIES[1])
    cut = replace(dynamics, threshold=float(np.median(dynamics.shares)))
    read = load_voxels(save_voxels(cut, tmp_path / "v.npz"))
    np.testing.assert_array_equal(read.keys, cut.pruned(cut.threshold).keys)
    assert 0 < len(read.keys) < len(cut.keys)
    np.testing.assert_array_equal(read.edges(POINTS), cut.edges(POINTS))


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    dynamics = made_dynamics(SYMMETRIES[3])
    path = save_voxels(dynamics, tmp_path / "voxels.npz")
    content = path.read_bytes()
    broken = tmp_path / "broken.npz"
    refused = 0
    for position in range(40, len(content) - 200, len(content) // 40):
        broken.write_bytes(content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :])
        try:
            read = load_voxels(broken)
        except GraphFileError as error:
            refused += "broken.npz" in str(error)
        else:  # a date, a length that nothing reads
            assert all(np.array_equal(getattr(read, field), getattr(dynamics, field)) for field in FIELDS)
    assert refused > 20
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(GraphFileError, match=r"broken\.npz: cannot read"):
        load_voxels(broken)
    np.savez(broken, x=np.zeros((2, 3), np.float32))
    with pytest.raises(GraphFileError, match="key 'seeds' is missing; wanted a file that `edgetrack voxels` wrote"):
        load_voxels(broken)
    with pytest.raises(FileNotFoundError):
        load_voxels(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"ends with '.npy', wanted '.npz'"):
        save_voxels(made_dynamics(SYMMETRIES[3]), tmp_path / "voxels.npy")


def test_arrays_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    path = save_voxels(made_dynamics(SYMMETRIES[3]), tmp_path / "voxels.npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    for key, value, message in (
        ("occupancy", arrays["occupancy"][1:], "occupancy"),
        ("counts", arrays["counts"][:3], r"uint8 \(3, \d+\), wanted uint8 \(4, n\)"),
        ("steps", arrays["steps"] * 0, "keys must ascend"),
        ("symmetry", np.array([3, 1]), "not enough values"),
        ("target", np.array("all"), "target is 'all'"),
    ):
        np.savez(tmp_path / "wrong.npz", **{**arrays, key: value})
        with pytest.raises(GraphFileError, match=f"(?s)wrong.npz.*{message}"):
            load_voxels(tmp_path / "wrong.npz")
