"""What networks can read of a hit graph, by the names of their inputs; and how it follows the detector's symmetries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph

LARGEST_ETA = 5.0  # of the direction of a pair of hits; steeper ones are cut there
CURVATURE_SCALE = 0.5  # 1/m: asinh is linear below, logarithmic above
Z0_SCALE = 0.05  # m


@dataclass(frozen=True)
class HitFeature:
    """One named array of a hit graph, a row for each element of `domain`.

    `odd_in_z` and `odd_in_phi` tell the columns that change sign under z → −z and φ → −φ; rotations about the beam
    leave all of them as they are, but for the features in `ROTATED`. None: how they follow is not known.
    """

    domain: str
    columns: tuple[str, ...]
    make: Callable[[HitGraph], NDArray[np.float32]]
    odd_in_z: tuple[str, ...] | None = ()
    odd_in_phi: tuple[str, ...] | None = ()


def positions(graph: HitGraph) -> NDArray[np.float64]:
    """(N, 3) r in m, φ in rad, z in m."""
    in_metres_and_rad: NDArray[np.float64] = graph.x * np.array([1.0, np.pi, 1.0])
    return in_metres_and_rad


def degrees(graph: HitGraph) -> NDArray[np.int64]:
    """(N,) edges at each hit, whichever end it is."""
    return np.bincount(graph.edge_index.ravel(), minlength=graph.num_nodes)


def cartesian(graph: HitGraph) -> NDArray[np.float32]:
    """(N, 3) x, y, z in m."""
    r, phi, z = positions(graph).T
    return np.column_stack([r * np.cos(phi), r * np.sin(phi), z]).astype(np.float32)


def cylindrical(graph: HitGraph) -> NDArray[np.float32]:
    """(N, 4) r and z in m, η, and the hit's degree / mean degree: all that a hit has without its φ."""
    r, _, z = positions(graph).T
    return np.column_stack([r, z, np.arcsinh(z / np.maximum(r, 1e-6)), relative_degree(graph)]).astype(np.float32)


def meridional(graph: HitGraph) -> NDArray[np.float32]:
    """(N, 3) r and z in m, and η: where a hit is in the half-plane that the beam line bounds, whatever its φ."""
    return cylindrical(graph)[:, :3]


def relative_degree(graph: HitGraph) -> NDArray[np.float32]:
    """(N, 1) degree / mean degree (or 1, where that is less)."""
    degree = degrees(graph)
    mean = max(degree.mean(), 1.0) if len(degree) else 1.0
    return (degree / mean).astype(np.float32)[:, None]


def pair_geometry(graph: HitGraph) -> NDArray[np.float32]:
    """(E, 3) the helix from the beam line through both hits of an edge, in the edge's direction: 1/R, z0, η.

    The circle through the origin and both hits has the curvature 1/R = 2 sin Δφ / d, d the hits' transverse distance;
    along its arc s = 2R asin(r / 2R), z is linear in s: z = z0 + s sinh η. 1/R and z0 are compressed by asinh in units
    of `CURVATURE_SCALE` and `Z0_SCALE`. For hits at one place, zeros.
    """
    r, phi, z = positions(graph).T
    source, target = graph.edge_index
    turn = np.remainder(phi[target] - phi[source] + np.pi, 2 * np.pi) - np.pi
    squared = r[source] ** 2 + r[target] ** 2 - 2 * r[source] * r[target] * np.cos(turn)
    distance = np.sqrt(np.maximum(squared, 1e-12))
    curvature = 2 * np.sin(turn) / distance
    arcs = [_arc(r[end], curvature) for end in (source, target)]
    length, rise = arcs[1] - arcs[0], z[target] - z[source]
    far = np.hypot(length, rise) > 1e-9
    steepest = np.sinh(LARGEST_ETA)
    slope = np.clip(rise / np.where(np.abs(length) > 1e-9, length, 1e-9), -steepest, steepest) * far
    z0 = z[source] - arcs[0] * slope
    return np.column_stack(
        [np.arcsinh(curvature / CURVATURE_SCALE), np.arcsinh(z0 / Z0_SCALE), np.arcsinh(slope)]
    ).astype(np.float32)


def doublet_geometry(graph: HitGraph) -> NDArray[np.float32]:
    """(E, 5) target minus source: Δr in m, Δφ in half turns, Δz in m, Δη, and Δdegree / mean degree.

    All of them change their sign with the direction of the edge. The last one is that of HyperTrack's equation 2.
    """
    source, target = graph.edge_index
    hits = cylindrical(graph)
    change = (hits[target] - hits[source]).astype(np.float64)
    turn = (graph.x[target, 1].astype(np.float64) - graph.x[source, 1] + 1.0) % 2.0 - 1.0
    return np.column_stack([change[:, 0], turn, change[:, 1], change[:, 2], change[:, 3]]).astype(np.float32)


def degree_difference(graph: HitGraph) -> NDArray[np.float32]:
    """(E, 1) (d_target − d_source) / ⟨d⟩: the only feature of an edge that HyperTrack's equation 2 is given."""
    return doublet_geometry(graph)[:, 4:]


def direction(graph: HitGraph) -> NDArray[np.float32]:
    """(2E, 1) of the messages along the edges: 1 for those to the target, −1 for those back to the source."""
    return np.repeat(np.array([1, -1], np.float32), graph.num_edges)[:, None]


def _arc(radius: NDArray[np.float64], curvature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length of the arc from the origin to `radius` on a circle through the origin; the radius for a straight line."""
    half = np.clip(np.abs(radius * curvature) / 2, 0.0, 1.0)
    return radius * np.where(half > 1e-6, np.arcsin(half) / np.maximum(half, 1e-6), 1.0)


def _node_attr(graph: HitGraph) -> NDArray[np.float32]:
    if graph.node_attr is None:
        raise ValueError(
            f"{graph.name}: has no 'node_attr', which the network reads: give graphs with these features, or a network "
            "without this input"
        )
    return graph.node_attr


FEATURES: dict[str, HitFeature] = {
    "x": HitFeature("node", ("r", "φ", "z"), lambda graph: graph.x, ("z",), ("φ",)),
    "node_attr": HitFeature("node", (), _node_attr, None, None),
    "edge_attr": HitFeature("edge", ("Δr", "Δφ", "Δz", "ΔR"), lambda graph: graph.edge_attr, ("Δz",), ("Δφ",)),
    "cartesian": HitFeature("node", ("x", "y", "z"), cartesian, ("z",), ("y",)),
    "cylindrical": HitFeature("node", ("r", "z", "η", "degree"), cylindrical, ("z", "η")),
    "meridional": HitFeature("node", ("r", "z", "η"), meridional, ("z", "η")),
    "degree": HitFeature("node", ("degree",), relative_degree),
    "pair_geometry": HitFeature("edge", ("1/R", "z0", "η"), pair_geometry, ("z0", "η"), ("1/R",)),
    "doublet_geometry": HitFeature(
        "edge", ("Δr", "Δφ", "Δz", "Δη", "Δdegree"), doublet_geometry, ("Δz", "Δη"), ("Δφ",)
    ),
    "direction": HitFeature("message", ("direction",), direction),
    "degree_difference": HitFeature("edge", ("Δdegree",), degree_difference),
}

ROTATED = frozenset({"x", "cartesian"})


def feature(name: str) -> HitFeature:
    """The feature of that name. Raises ValueError for an unknown one."""
    if name not in FEATURES:
        raise ValueError(f"unknown feature {name!r} of hit graphs, wanted one of {', '.join(FEATURES)}")
    return FEATURES[name]


def features_of(graph: HitGraph, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named features of `graph`. O(N + E)."""
    return {name: feature(name).make(graph) for name in names}
