"""The graph of hits that every later room works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

# Units of the stored node coordinates: r in metres (mm / 1000), φ in half turns (rad / π), z in metres.
COORDINATE_SCALE = np.array([1000.0, np.pi, 1000.0])


@dataclass(frozen=True)
class HitGraph:
    """Hits as nodes, doublets as edges, directed from the inner to the outer hit.

    All arrays are checked once, here. `x` is where the hits are; what else is known of them is in `node_attr`, in units
    and an order that whoever builds the graph chooses; networks read it as an input of that name. Truth (`y`,
    `particle_id`, `pt`, `eta`, `weight`, `vertex_r`) is `None` where it is unknown.
    """

    x: NDArray[np.float32]  # (N, 3) r / 1000 mm, φ / π, z / 1000 mm
    edge_index: NDArray[np.int64]  # (2, E) source → target
    y: NDArray[np.bool_] | None = None  # (E,) the edge joins successive hits of one particle
    particle_id: NDArray[np.int64] | None = None  # (N,) 0 = noise
    pt: NDArray[np.float32] | None = None  # (N,) GeV, transverse momentum of the hit's particle; NaN for noise
    eta: NDArray[np.float32] | None = None  # (N,) pseudorapidity of the hit's particle; NaN for noise
    hit_id: NDArray[np.int64] | None = None  # (N,) the hit's hit_id in its event
    node_attr: NDArray[np.float32] | None = None  # (N, F) further features of each hit, such as those of its cells
    weight: NDArray[np.float32] | None = None  # (N,) TrackML's weight of the hit in its event; 0 for noise
    vertex_r: NDArray[np.float32] | None = None  # (N,) mm, √(vx² + vy²) of the hit's particle; NaN for noise or unknown
    name: str = "graph"

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "x", np.ascontiguousarray(self.x, np.float32))
        set_(self, "edge_index", np.ascontiguousarray(self.edge_index, np.int64))
        for field, dtype in (
            ("y", np.bool_),
            ("particle_id", np.int64),
            ("pt", np.float32),
            ("eta", np.float32),
            ("hit_id", np.int64),
            ("node_attr", np.float32),
            ("weight", np.float32),
            ("vertex_r", np.float32),
        ):
            value = getattr(self, field)
            if value is not None:
                set_(self, field, np.ascontiguousarray(value, dtype))
        self._check()

    def _check(self) -> None:
        if self.x.ndim != 2 or self.x.shape[1] != 3:
            raise ValueError(f"{self.name}: x has shape {self.x.shape}, wanted (N, 3): r/1000, φ/π, z/1000")
        if not np.isfinite(self.x).all():
            row = int(np.flatnonzero(~np.isfinite(self.x).all(axis=1))[0])
            raise ValueError(f"{self.name}: x[{row}] = {self.x[row]} is not finite; drop such hits before")
        if self.edge_index.ndim != 2 or self.edge_index.shape[0] != 2:
            raise ValueError(f"{self.name}: edge_index has shape {self.edge_index.shape}, wanted (2, E)")
        if self.num_edges and not (self.edge_index.min() >= 0 and self.edge_index.max() < self.num_nodes):
            raise ValueError(
                f"{self.name}: edge_index spans {self.edge_index.min()}…{self.edge_index.max()}, "
                f"wanted 0…{self.num_nodes - 1}: each entry is a row of x"
            )
        sizes = {
            "y": self.num_edges,
            "particle_id": self.num_nodes,
            "pt": self.num_nodes,
            "eta": self.num_nodes,
            "hit_id": self.num_nodes,
            "weight": self.num_nodes,
            "vertex_r": self.num_nodes,
        }
        for field, size in sizes.items():
            value = getattr(self, field)
            if value is not None and value.shape != (size,):
                raise ValueError(f"{self.name}: {field} has shape {value.shape}, wanted ({size},)")
        self._check_node_attr()

    def _check_node_attr(self) -> None:
        value = self.node_attr
        if value is None:
            return
        if value.ndim != 2 or len(value) != self.num_nodes or not value.shape[1]:
            raise ValueError(
                f"{self.name}: node_attr has shape {value.shape}, wanted ({self.num_nodes}, F), F ≥ 1 features of each "
                "hit beside x; leave it out where there are none"
            )
        if not np.isfinite(value).all():
            row = int(np.flatnonzero(~np.isfinite(value).all(axis=1))[0])
            raise ValueError(
                f"{self.name}: node_attr[{row}] = {value[row]} is not finite; drop or fill such hits before"
            )

    @property
    def num_nodes(self) -> int:
        return len(self.x)

    @property
    def num_edges(self) -> int:
        return int(self.edge_index.shape[1])

    @cached_property
    def edge_attr(self) -> NDArray[np.float32]:
        """(E, 4) float32: Δr / 1000 mm, Δφ / π wrapped to [−1, 1), Δz / 1000 mm, ΔR = √(Δη² + Δφ²).

        DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021),
        section 3.2.
        """
        return edge_features(self.x, self.edge_index)

    def permuted(self, node_order: NDArray[np.int64], edge_order: NDArray[np.int64]) -> HitGraph:
        """The same graph with its hits, and its edges, in another order: permutations of 0 … N − 1 and 0 … E − 1."""
        position = np.empty_like(node_order)
        position[node_order] = np.arange(self.num_nodes)

        return HitGraph(
            x=self.x[node_order],
            edge_index=position[self.edge_index[:, edge_order]],
            y=None if self.y is None else self.y[edge_order],
            particle_id=optional_rows(self.particle_id, node_order),
            pt=optional_rows(self.pt, node_order),
            eta=optional_rows(self.eta, node_order),
            hit_id=optional_rows(self.hit_id, node_order),
            node_attr=optional_rows(self.node_attr, node_order),
            weight=optional_rows(self.weight, node_order),
            vertex_r=optional_rows(self.vertex_r, node_order),
            name=self.name,
        )


def optional_rows(value: NDArray[Scalar] | None, rows: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[Scalar] | None:
    """Those rows of an array that a graph may lack: numbers of rows, or a mask."""
    return None if value is None else value[rows]


def edge_features(x: NDArray[np.float32], edge_index: NDArray[np.int64]) -> NDArray[np.float32]:
    """(E, 4) Δr, Δφ, Δz, ΔR of edges between nodes `x` (N, 3); see `HitGraph.edge_attr`. O(E)."""
    x64 = x.astype(np.float64)
    source, target = edge_index
    delta = x64[target] - x64[source]
    delta[:, 1] = (delta[:, 1] + 1.0) % 2.0 - 1.0
    eta = np.arcsinh(x64[:, 2] / np.maximum(x64[:, 0], 1e-9))
    delta_r = np.hypot(eta[target] - eta[source], delta[:, 1] * np.pi)
    return np.column_stack([delta, delta_r]).astype(np.float32)
