"""Event → graph: selection, construction and labels in one step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgetrack.events.event import Event
from edgetrack.graphs.geometric import GeometricConfig, available_cores, geometric_edges
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.graphs.labels import LabelConfig, label_edges
from edgetrack.graphs.module_map.construction import ModuleMapConstruction
from edgetrack.graphs.preclustering import DbscanConstruction, clusters, same_cluster
from edgetrack.graphs.selection import SelectedHits, SelectionConfig, select_hits
from edgetrack.graphs.voxel_dynamics.construction import VoxelConstruction
from edgetrack.graphs.voxel_dynamics.graph import voxel_graph


@dataclass(frozen=True)
class GeometricConstruction:
    """Selected hits, and doublets of them inside windows."""

    kind: Literal["geometric"] = "geometric"


Construction = Annotated[
    GeometricConstruction | DbscanConstruction | ModuleMapConstruction | VoxelConstruction, Field(discriminator="kind")
]


@dataclass(frozen=True)
class GraphConfig:
    """All that decides which graph an event becomes.

    The geometric construction reads `selection`, `geometric` and `labels`, and so do those that keep a part of its
    doublets: hits of one DBSCAN cluster, pairs of a module map. Voxel-Dynamics takes every hit of the detector. What
    is their own is in `construction`.
    """

    selection: SelectionConfig = field(default_factory=SelectionConfig)
    geometric: GeometricConfig = field(default_factory=GeometricConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)
    construction: Construction = field(default_factory=GeometricConstruction)

    def without_truth(self) -> GraphConfig:
        """The same config with every filter of hits that needs truth switched off."""
        return replace(self, selection=self.selection.without_truth())

    @property
    def hit_selection(self) -> SelectionConfig | None:
        """Which hits become nodes; None for all of the detector."""
        return None if isinstance(self.construction, VoxelConstruction) else self.selection


def build_graph(event: Event, config: GraphConfig, threads: int | None = None) -> HitGraph:
    """The graph of `event`, with labels where it has truth; nodes in the order of the event's hit table.

    Raises: ValueError where the selection asks for truth that the event does not have.
    Cost: O(N log N + candidate pairs).
    """
    if isinstance(config.construction, VoxelConstruction):
        return voxel_graph(event, config.construction.dynamics(), threads or available_cores())
    hits = select_hits(event, config.selection)
    return graph_of_hits(hits, config, f"event{event.event_id:09d}", threads)


def graph_of_hits(hits: SelectedHits, config: GraphConfig, name: str, threads: int | None = None) -> HitGraph:
    """The graph over hits that are already selected: one node a hit, in their order; edges as `doublets`."""
    edge_index = doublets(hits, config, threads)
    return HitGraph(
        x=np.column_stack([hits.r / 1000, hits.phi / np.pi, hits.z / 1000]).astype(np.float32),
        edge_index=edge_index,
        y=None if hits.particle_id is None else label_edges(hits, edge_index, config.labels),
        particle_id=hits.particle_id,
        pt=hits.pt,
        eta=hits.eta,
        hit_id=hits.hit_id,
        name=name,
    )


def doublets(hits: SelectedHits, config: GraphConfig, threads: int | None = None) -> NDArray[np.int64]:
    """(2, E) the doublets of `geometric_edges`, or those of them that the construction of `config` keeps, in its order.

    Raises: ValueError for hits of another geometry than a module map's, and for a map of particles above a higher pT
    than the selection's.
    Cost: that of `geometric_edges`; with D doublets and N hits O(N log M + D log d) more for a map of M modules with d
    pairs each, O((N + pairs within ε) log N + D) more for clusters.
    """
    edges = geometric_edges(hits, config.geometric, threads)
    construction, pt_min = config.construction, config.selection.pt_min
    if isinstance(construction, DbscanConstruction):
        labels = clusters(hits, construction.eps_at(pt_min), construction.min_samples)
        return edges[:, same_cluster(labels, edges, construction)]
    if isinstance(construction, ModuleMapConstruction):
        known = construction.module_map()
        if pt_min is not None and pt_min < known.pt_min:
            raise ValueError(
                f"selection.pt_min = {pt_min:g} GeV, but the module map {construction.file} was learnt from particles "
                f"above {known.pt_min:g} GeV; wanted no lower threshold, or another map (edgetrack module-map --pt-min)"
            )
        return edges[:, known.joins(hits, edges, construction.least, construction.margin)]
    return edges
