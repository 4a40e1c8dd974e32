"""Chains of hits that belong together by their direction: over a missing layer, or where scores could not decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from edgetrack.tracks.best_neighbours import best_neighbours
from edgetrack.tracks.connected_components import connected_components
from edgetrack.tracks.direction import BEND, IMPACT, MIN_STEP, slopes

NEAR_PHI, NEAR_ETA = 0.1, 0.1  # rad, and pseudorapidity of the direction: chains further apart are not compared


def extrapolated_links(
    x: NDArray[np.float32],
    edge_index: NDArray[np.int64],
    taken: NDArray[np.bool_],
    scored: NDArray[np.bool_],
    tolerance: float,
) -> NDArray[np.int64]:
    """(2, L) links from outer ends of chains to inner ends that continue them.

    Two chains of two hits or more may be linked whether or not an edge joins their ends: a layer without a hit leaves
    no edge. A hit that is alone is linked only where an edge above threshold joins it to a chain's end. A link fits
    when its slopes dφ/dr and dz/dr agree with those of the chains on its sides; the misfit is the root mean square of
    the differences in units of BEND and IMPACT. Links with a misfit below `tolerance` are kept where they are the best
    of both their ends, strictly: equal ones are not kept, so that the order of hits plays no part.

    Args: x (N, 3) r/1000 mm, φ/π, z/1000 mm; edge_index (2, E); taken (E,) bool, the edges of the chains, which have
    to be paths; scored (E,) bool, the edges above threshold; tolerance > 0.
    O(E + C log C + pairs of chains that are near each other).
    """
    ends = _ends(len(x), edge_index, taken)
    source, target = edge_index
    alone = ends.first == ends.last
    # a hit alone is its own chain's first and last hit: two such hits have no direction to compare
    joined = scored & ~taken & ends.open_out[source] & ends.open_in[target] & ~(alone[source] & alone[target])
    links = np.concatenate([edge_index[:, joined], _near_pairs(x, ends)], axis=1)
    links = np.unique(links, axis=1)
    misfit = _misfit(x.astype(np.float64), links, ends)
    return links[:, best_neighbours(len(x), links, -misfit, -tolerance).sure]


@dataclass(frozen=True)
class _Ends:
    """For every hit, the ends of the chain that it belongs to; itself where it is alone."""

    first: NDArray[np.int64]  # (N,)
    last: NDArray[np.int64]  # (N,)
    open_in: NDArray[np.bool_]  # (N,) no chain's edge arrives: the first hit of its chain
    open_out: NDArray[np.bool_]  # (N,)


def _ends(num_nodes: int, edge_index: NDArray[np.int64], taken: NDArray[np.bool_]) -> _Ends:
    labels = connected_components(num_nodes, edge_index, taken, min_hits=1).labels
    open_out = np.bincount(edge_index[0, taken], minlength=num_nodes) == 0
    open_in = np.bincount(edge_index[1, taken], minlength=num_nodes) == 0
    first, last = np.zeros(num_nodes, np.int64), np.zeros(num_nodes, np.int64)
    first[labels[open_in]], last[labels[open_out]] = np.flatnonzero(open_in), np.flatnonzero(open_out)
    return _Ends(first[labels], last[labels], open_in, open_out)


def _near_pairs(x: NDArray[np.float32], ends: _Ends) -> NDArray[np.int64]:
    """(2, pairs) outer end of one chain, inner end of another: near in φ, alike in direction, the second outside."""
    x64 = x.astype(np.float64)
    inner = np.flatnonzero(ends.open_in & (ends.first != ends.last))
    outer = ends.last[inner]
    _, slope, valid = slopes(x64, inner, outer)
    inner, outer, eta = inner[valid], outer[valid], np.arcsinh(slope[valid])
    if not len(inner):
        return np.zeros((2, 0), np.int64)

    def tree(hits: NDArray[np.int64]) -> cKDTree:
        turn = x64[hits, 1] % 2.0
        turn[turn >= 2.0] = 0.0  # a tiny negative angle rounds up to the whole turn
        return cKDTree(np.column_stack([turn * np.pi / NEAR_PHI, eta / NEAR_ETA]), boxsize=(2 * np.pi / NEAR_PHI, 0))

    near = tree(outer).sparse_distance_matrix(tree(inner), 1.0, p=np.inf, output_type="coo_matrix")
    pairs = np.stack([outer[near.row], inner[near.col]])
    return pairs[:, x64[pairs[1], 0] - x64[pairs[0], 0] > MIN_STEP]


def _misfit(x: NDArray[np.float64], links: NDArray[np.int64], ends: _Ends) -> NDArray[np.float64]:
    """(L,) root mean square of what each link's slopes differ from those of its chains; +inf where it has no slope."""
    source, target = links
    bend, slope, valid = slopes(x, source, target)
    squares, terms = np.zeros(len(source)), np.zeros(len(source))
    for inner, outer, hit in ((ends.first[source], source, source), (target, ends.last[target], target)):
        own_bend, own_slope, known = slopes(x, inner, outer)
        square = ((bend - own_bend) / BEND) ** 2 + ((slope - own_slope) * x[hit, 0] / IMPACT) ** 2
        squares += np.where(known, square, 0.0)
        terms += 2.0 * known
    fits = valid & (terms > 0)
    return np.where(fits, np.sqrt(squares / np.maximum(terms, 1.0)), np.inf)
