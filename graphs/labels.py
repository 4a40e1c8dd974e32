"""Truth labels of edges, and the truth segments that they are counted against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.layers import BARREL_LAYERS, FIRST_ENDCAP_LAYERS, LAYER_PAIRS, PIXEL_LAYERS
from edgetrack.graphs.selection import SelectedHits


@dataclass(frozen=True)
class LabelConfig:
    """How edges are labelled where truth is known."""

    outermost_to_endcap: bool = True  # of a particle's edges from barrel to endcap, only the outermost is true


class Segments(NamedTuple):
    """Numbers of truth segments of one event."""

    total: int
    on_layer_pairs: int  # those that join layers on which the construction may put an edge


def label_edges(hits: SelectedHits, edge_index: NDArray[np.int64], config: LabelConfig) -> NDArray[np.bool_]:
    """(E,) True where both hits belong to one particle, on successive layers.

    Edges (2, E) come from `LAYER_PAIRS`, so their layers are successive except from barrel to endcap, where a
    particle may have edges from several barrel layers to the first disc: with `outermost_to_endcap` only those from
    its barrel hit of largest |z| stay true (DeZoort et al. 2021, section 3.1). Noise has no true edges.

    Raises: ValueError for hits without truth. Cost: O(E).
    """
    particle_id = _particles(hits)
    source, target = edge_index
    y: NDArray[np.bool_] = (particle_id[source] == particle_id[target]) & (particle_id[source] != 0)
    if config.outermost_to_endcap:
        crossing = y & np.isin(hits.layer[source], BARREL_LAYERS) & np.isin(hits.layer[target], FIRST_ENDCAP_LAYERS)
        y[crossing] = _from_outermost(hits, source[crossing], particle_id)
    return y


def truth_segments(hits: SelectedHits) -> Segments:
    """Pairs of hits of one particle on layers that follow each other in the particle's list of layers.

    Layers are listed by index (barrel, left endcap, right endcap). Where same-layer duplicates are kept, every
    combination counts. Noise has none. Cost: O(N log N) in hits.
    """
    particle_id = _particles(hits)
    real = particle_id != 0
    order = np.lexsort((hits.layer[real], particle_id[real]))
    station = np.column_stack([particle_id[real][order], hits.layer[real][order]])
    station, hits_on = np.unique(station, axis=0, return_counts=True)
    follows = station[1:, 0] == station[:-1, 0]
    combinations = (hits_on[1:] * hits_on[:-1])[follows]
    allowed = np.zeros((len(PIXEL_LAYERS),) * 2, bool)
    allowed[tuple(np.array(LAYER_PAIRS).T)] = True
    on_pair = allowed[station[:-1, 1], station[1:, 1]][follows]
    return Segments(int(combinations.sum()), int(combinations[on_pair].sum()))


def _from_outermost(hits: SelectedHits, source: NDArray[np.int64], particle_id: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each barrel hit in `source` is the one of largest |z| (then layer) of its particle among them."""
    order = np.lexsort((hits.layer[source], np.abs(hits.z[source]), particle_id[source]))
    particle = particle_id[source][order]
    last = np.append(particle[1:] != particle[:-1], True)[: len(order)]
    outermost = source[order][last]
    chosen: NDArray[np.bool_] = outermost[np.searchsorted(particle_id[outermost], particle_id[source])] == source
    return chosen


def _particles(hits: SelectedHits) -> NDArray[np.int64]:
    if hits.particle_id is None:
        raise ValueError("hits have no particle_id, so edges cannot be labelled; read the event with its truth")
    return hits.particle_id
