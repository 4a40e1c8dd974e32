"""Searches of the nearest centroid: the exact one, and how often others agree."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from voxel_tracks import made_dynamics, tracks

from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.voxels import Voxels

VOXELS = Voxels(tracks(1, 40)[0][:100].astype(np.float32), Symmetry(8))


def test_the_inverted_file_finds_nearly_every_nearest_centroid_and_no_other_number() -> None:
    pytest.importorskip("faiss")
    points, _ = tracks(2, 200)
    exact, found = VOXELS.of(points), replace(VOXELS, search="faiss_ivf").of(points)
    assert np.mean(found == exact) > 0.98
    assert ((found >= 0) & (found < VOXELS.number)).all()


def test_the_answer_does_not_depend_on_threads() -> None:
    points, _ = tracks(3, 100)
    np.testing.assert_array_equal(VOXELS.of(points, workers=1), VOXELS.of(points, workers=3))


def test_voxels_travel_between_processes_without_their_index() -> None:
    points, _ = tracks(3, 20)
    found = VOXELS.of(points)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(VOXELS)).of(points), found)


def test_a_form_of_faiss_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = tracks(3, 4)[0]
    faiss = pytest.importorskip("faiss")
    if not hasattr(faiss, "StandardGpuResources"):
        with pytest.raises(
            ValueError, match="faiss_gpu: this faiss has no GPU form; install faiss-gpu, or use kd_tree"
        ):
            replace(VOXELS, search="faiss_gpu").of(points)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match="faiss_ivf: faiss is not installed; pip install 'edgetrack"):
        replace(VOXELS, search="faiss_ivf").of(points)


def test_edges_by_another_search_are_nearly_those_of_the_exact_one() -> None:
    pytest.importorskip("faiss")
    dynamics = made_dynamics(Symmetry(4), seeds=60)
    other = replace(dynamics, voxels=replace(dynamics.voxels, search="faiss_ivf"))
    points, _ = tracks(4, 60)
    first, second = ({tuple(edge) for edge in one.edges(points).T.tolist()} for one in (dynamics, other))
    assert len(first & second) > 0.95 * len(first | second)
