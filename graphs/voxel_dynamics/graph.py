"""Event → graph by Voxel-Dynamics: every hit of the detector, and the pairs whose voxels are linked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.event import Event
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.selection import momentum_of
from edgetrack.graphs.voxel_dynamics.dynamics import VoxelDynamics


def voxel_graph(event: Event, dynamics: VoxelDynamics, threads: int = 1) -> HitGraph:
    """The graph over all hits of `event`, in their order; an edge is true where both hits are of one particle.

    Edges are pairs, each once, from the hit nearer to the origin to the farther. Truth that the event has comes along:
    particle, pT, η, weight, and the distance of the particle's vertex from the beam line. O(N log V + E).
    """
    points = event.hits[["x", "y", "z"]].to_numpy(np.float64)
    edge_index = dynamics.edges(points, threads)
    x, y, z = points.T
    truth: dict[str, NDArray[np.generic]] = {}
    if event.truth is not None:
        particle_id = event.truth["particle_id"].to_numpy()
        source, target = particle_id[edge_index]
        weight = np.where(particle_id == 0, 0, event.truth["weight"].to_numpy())
        truth = {"y": (source == target) & (source != 0), "particle_id": particle_id, "weight": weight}
        if event.particles is not None:
            truth["pt"], truth["eta"] = momentum_of(particle_id, event.particles)
            truth["vertex_r"] = vertex_radius(event)
    return HitGraph(
        x=np.column_stack([np.hypot(x, y) / 1000, np.arctan2(y, x) / np.pi, z / 1000]).astype(np.float32),
        edge_index=edge_index,
        hit_id=event.hits["hit_id"].to_numpy(),
        name=f"event{event.event_id:09d}",
        **truth,  # type: ignore[arg-type]  # converted and checked by HitGraph
    )


def vertex_radius(event: Event) -> NDArray[np.float64]:
    """(N,) mm, √(vx² + vy²) of each hit's particle; NaN for noise, and where the particle is not listed."""
    if event.truth is None or event.particles is None:
        raise ValueError(f"event {event.event_id} has no truth or no particles, which have the vertices")
    listed = event.particles.set_index("particle_id")[["vx", "vy"]].astype(np.float64)
    particle_id = event.truth["particle_id"].to_numpy()
    vx, vy = listed.reindex(particle_id).to_numpy().T
    radius: NDArray[np.float64] = np.where(particle_id == 0, np.nan, np.hypot(vx, vy))
    return radius
