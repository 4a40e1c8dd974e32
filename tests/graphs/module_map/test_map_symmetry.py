"""Images of modules: which turns and reflections there are, and that a map has what all images have."""

from __future__ import annotations

import numpy as np
import pytest
from small_detector import hits_on, small_modules

from edgetrack.graphs.labels import LabelConfig
from edgetrack.graphs.module_map.fit import learnt_map
from edgetrack.graphs.module_map.modules import Modules
from edgetrack.graphs.module_map.pairs import TruePairs, true_pairs
from edgetrack.graphs.module_map.symmetry import Image, MapSymmetry, images


def common(modules: Modules, symmetry: MapSymmetry, inner: int, outer: int) -> dict[tuple[int, int], int]:
    """How many images send all modules of two layers onto themselves, or onto those of mirrored discs, by signs."""
    found: dict[tuple[int, int], int] = {}
    on = np.isin(modules.layer, (inner, outer))
    for image in images(modules, symmetry):
        if (image.row[on] >= 0).all():
            key = image.slope_sign, image.z0_sign
            found[key] = found.get(key, 0) + 1
    return found


def test_a_pair_of_rings_has_the_turns_that_are_common_to_both() -> None:
    modules = small_modules()
    every = {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    assert common(modules, "exact", 0, 1) == dict.fromkeys(every, 8)
    assert common(modules, "exact", 1, 2) == dict.fromkeys(every, 4)
    assert common(modules, "exact", 0, 4) == dict.fromkeys(every, 2)
    assert common(modules, "none", 0, 1) == {(1, 1): 1}


def test_tilted_and_shifted_modules_have_reflections_nearly_but_not_exactly() -> None:
    assert common(small_modules(tilt=0.1), "exact", 0, 1) == {(1, 1): 8, (1, -1): 8}
    assert common(small_modules(shift=0.5), "exact", 0, 1) == {(1, 1): 8, (-1, 1): 8}
    both = small_modules(tilt=0.1, shift=0.5)
    assert common(both, "exact", 0, 1) == {(1, 1): 8}
    assert common(both, "near", 0, 1) == dict.fromkeys([(1, 1), (1, -1), (-1, 1), (-1, -1)], 8)


def test_images_send_modules_where_the_turn_and_the_reflections_do() -> None:
    modules = small_modules()
    phi = np.arctan2(modules.centers[:, 1], modules.centers[:, 0])
    for image in images(modules, "exact"):
        on = image.row >= 0
        other = image.row[on]
        np.testing.assert_allclose(modules.centers[other, 2], image.z0_sign * modules.centers[on, 2])
        angle = np.exp(1j * (phi[other] - image.slope_sign * phi[on]))  # one turn for all modules
        np.testing.assert_allclose(angle, angle[0], atol=1e-9)
        assert len(np.unique(other)) == len(other)


@pytest.mark.parametrize("symmetry", ["exact", "near"])
def test_a_map_is_that_of_all_images_of_its_pairs(symmetry: MapSymmetry) -> None:
    modules = small_modules(tilt=0.1)
    pairs = true_pairs(hits_on(modules, 4, 60), modules, LabelConfig())
    found, wanted = learnt_map(pairs, modules, None, symmetry), _slow(pairs, list(images(modules, symmetry)), modules)
    assert list(zip(found.source.tolist(), found.target.tolist(), strict=True)) == sorted(wanted)
    for row, key in enumerate(sorted(wanted)):
        slopes, places = zip(*wanted[key], strict=True)
        assert found.count[row] == len(slopes)
        assert found.slope[row].tolist() == [min(slopes), max(slopes)]
        assert found.z0[row].tolist() == [min(places), max(places)]
    assert found.pairs > learnt_map(pairs, modules, None, "none").pairs


def _slow(pairs: TruePairs, known: list[Image], modules: Modules) -> dict[tuple[int, int], list[tuple[float, float]]]:
    seen: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for a, b, slope, z0 in zip(*(column.tolist() for column in pairs[:4]), strict=True):
        for image in known:
            key = int(image.row[a]), int(image.row[b])
            if min(key) >= 0:
                seen.setdefault(key, []).append((image.slope_sign * slope, image.z0_sign * z0))
    return seen
