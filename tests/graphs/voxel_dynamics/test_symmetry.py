"""The group: products, inverses and folding against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest
from voxel_tracks import SYMMETRIES, tracks

from edgetrack.graphs.voxel_dynamics.symmetry import Symmetry
from edgetrack.graphs.voxel_dynamics.voxels import Voxels


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_products_and_inverses_are_those_of_the_maps(symmetry: Symmetry) -> None:
    point = np.array([[3.0, 1.0, 2.0]])
    elements = np.arange(symmetry.order)
    images = np.array([symmetry.applied(np.array([g]), point)[0] for g in elements])
    assert len(np.unique(np.round(images, 9), axis=0)) == symmetry.order == len(elements)
    for g in elements:
        for h in elements:
            both = symmetry.applied(np.array([g]), images[h : h + 1])
            np.testing.assert_allclose(both[0], images[symmetry.product[g, h]], atol=1e-12)
        assert symmetry.product[g, symmetry.inverse[g]] == 0
    np.testing.assert_array_equal(images[0], point[0])


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_points_fold_into_the_wedge_and_back(symmetry: Symmetry) -> None:
    points, _ = tracks(2, 40)
    element, folded = symmetry.folded(points)
    np.testing.assert_allclose(symmetry.applied(element, folded), points, atol=1e-9)
    width = 2 * np.pi / symmetry.sectors / (1 + symmetry.mirror_phi)
    phi = np.arctan2(folded[:, 1], folded[:, 0]) % (2 * np.pi)
    assert ((phi < width + 1e-9) | (phi > 2 * np.pi - 1e-9)).all()
    assert (folded[:, 2] >= 0).all() == symmetry.mirror_z


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_a_hit_lies_in_the_voxel_of_its_nearest_centroid(symmetry: Symmetry) -> None:
    points, _ = tracks(7, 60)
    voxels = Voxels(tracks(1, 4)[0][:17].astype(np.float32), symmetry)
    distance = np.linalg.norm(points[:, None] - voxels.centroids.astype(float), axis=2)
    np.testing.assert_array_equal(voxels.of(points), distance.argmin(axis=1))
    assert voxels.centroids.shape == (voxels.number, 3) == (17 * symmetry.order, 3)


def test_a_turned_hit_lies_in_the_turned_voxel() -> None:
    symmetry = SYMMETRIES[3]
    voxels = Voxels(tracks(1, 4)[0][:17].astype(np.float32), symmetry)
    points, _ = tracks(8, 50)
    image, seed = np.divmod(voxels.of(points), 17)
    for element in range(symmetry.order):
        turned = voxels.of(symmetry.applied(np.full(len(points), element), points))
        np.testing.assert_array_equal(turned, symmetry.product[element, image] * 17 + seed)


def test_no_points_have_no_voxels_and_wrong_seeds_are_refused() -> None:
    assert Voxels(np.ones((2, 3), np.float32)).of(np.zeros((0, 3))).shape == (0,)
    with pytest.raises(ValueError, match=r"seeds have shape \(2, 2\), wanted \(K, 3\)"):
        Voxels(np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"seed 1 is .*, wanted finite x, y, z"):
        Voxels(np.array([[1, 2, 3], [1, np.nan, 3]], np.float32))
    with pytest.raises(ValueError, match=r"symmetry.sectors = 0, wanted 1…1024"):
        Symmetry(0)
