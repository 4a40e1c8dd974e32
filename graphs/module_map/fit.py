"""Learning a module map from the true doublets of an independent sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.compiled import compiled
from edgetrack.graphs.layers import LAYER_PAIRS, PIXEL_LAYERS
from edgetrack.graphs.module_map.module_map import ModuleMap
from edgetrack.graphs.module_map.modules import Modules
from edgetrack.graphs.module_map.pairs import TruePairs
from edgetrack.graphs.module_map.symmetry import Image, MapSymmetry, images


class _Blocks(NamedTuple):
    """A cell for each pair of modules on a pair of layers: where its counts are in one flat array."""

    layer: NDArray[np.int64]  # (M,)
    first: NDArray[np.int64]  # (18 + 1,) first module of each layer
    offset: NDArray[np.int64]  # (18, 18) first cell of a pair of layers, −1 for none
    cells: int


class _Seen(NamedTuple):
    """Distinct pairs of modules, and what their doublets span."""

    source: NDArray[np.int64]  # (P,)
    target: NDArray[np.int64]  # (P,)
    number: NDArray[np.int64]  # (P,) of doublets
    span: NDArray[np.float64]  # (P, 4) least and largest slope, least and largest z0


def learnt_map(
    pairs: TruePairs,
    modules: Modules,
    pt_min: float | None = None,
    symmetry: MapSymmetry = "exact",
    known: Sequence[Image] | None = None,
) -> ModuleMap:
    """The map of `pairs` of particles above `pt_min` GeV, and of their images under the symmetry of the modules.

    A pair of modules has what all of its images have: counts add up, ranges unite; a reflection changes the sign of
    φ slope or z0. `known`: the images of `symmetry`, where several maps share them.
    Deterministic; O(P log P + images · distinct pairs) time, O(Σ modules_a · modules_b) memory over layer pairs.
    """
    blocks = _blocks(modules)
    count, span = np.zeros(blocks.cells, np.int64), np.empty((blocks.cells, 4))
    span[:, 0::2], span[:, 1::2] = np.inf, -np.inf
    seen = _distinct(pairs.above(pt_min), len(modules))
    for image in images(modules, symmetry) if known is None else known:
        _unite(seen, image, blocks, count, span)
    source, target = _ends(np.flatnonzero(count), blocks)
    order = np.lexsort((target, source))
    kept = np.flatnonzero(count)[order]
    return ModuleMap(
        modules=modules,
        source=source[order],
        target=target[order],
        count=count[kept],
        slope=span[kept, :2],
        z0=span[kept, 2:],
        reach=pairs.reach,
        pt_min=0.0 if pt_min is None else pt_min,
        events=pairs.events,
        symmetry=symmetry,
    )


def _blocks(modules: Modules) -> _Blocks:
    layers = len(PIXEL_LAYERS)
    first = np.searchsorted(modules.layer, np.arange(layers + 1)).astype(np.int64)
    offset, cells = np.full((layers, layers), -1, np.int64), 0
    for inner, outer in LAYER_PAIRS:
        offset[inner, outer] = cells
        cells += int((first[inner + 1] - first[inner]) * (first[outer + 1] - first[outer]))
    return _Blocks(modules.layer, first, offset, cells)


def _ends(cells: NDArray[np.int64], blocks: _Blocks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) inner and outer module of each cell, ascending."""
    pairs = np.array(LAYER_PAIRS)
    starts = blocks.offset[pairs[:, 0], pairs[:, 1]]
    # an empty block has the start of the next one: the last of equal starts is the one with cells
    block = np.searchsorted(starts, cells, side="right") - 1
    inner, outer = pairs[block].T
    width = blocks.first[outer + 1] - blocks.first[outer]
    row, column = np.divmod(cells - starts[block], np.maximum(width, 1))
    return row + blocks.first[inner], column + blocks.first[outer]


def _distinct(pairs: TruePairs, modules: int) -> _Seen:
    """Each pair of modules once. O(P log P)."""
    order = np.argsort(pairs.source * modules + pairs.target, kind="stable")
    source, target = pairs.source[order], pairs.target[order]
    begins = np.flatnonzero(np.append(True, (np.diff(source) != 0) | (np.diff(target) != 0))[: len(order)])
    if not len(begins):
        return _Seen(source, target, np.zeros(0, np.int64), np.zeros((0, 4)))
    slope, z0 = pairs.slope[order], pairs.z0[order]
    spans = [reduce.reduceat(values, begins) for values in (slope, z0) for reduce in (np.minimum, np.maximum)]
    return _Seen(source[begins], target[begins], np.diff(begins, append=len(order)), np.stack(spans, axis=1))


@compiled(nogil=True)
def _unite(seen: _Seen, image: Image, blocks: _Blocks, count: NDArray[np.int64], span: NDArray[np.float64]) -> None:
    """Add the images of pairs of modules to `count` (cells,) and `span` (cells, 4)."""
    slopes = (0, 1) if image.slope_sign > 0 else (1, 0)
    places = (2, 3) if image.z0_sign > 0 else (3, 2)
    for pair in range(len(seen.source)):
        a, b = image.row[seen.source[pair]], image.row[seen.target[pair]]
        if a < 0 or b < 0:
            continue
        inner, outer = blocks.layer[a], blocks.layer[b]
        begin = blocks.offset[inner, outer]
        if begin < 0:
            continue
        width = blocks.first[outer + 1] - blocks.first[outer]
        cell = begin + (a - blocks.first[inner]) * width + b - blocks.first[outer]
        count[cell] += seen.number[pair]
        span[cell, 0] = min(span[cell, 0], image.slope_sign * seen.span[pair, slopes[0]])
        span[cell, 1] = max(span[cell, 1], image.slope_sign * seen.span[pair, slopes[1]])
        span[cell, 2] = min(span[cell, 2], image.z0_sign * seen.span[pair, places[0]])
        span[cell, 3] = max(span[cell, 3], image.z0_sign * seen.span[pair, places[1]])
