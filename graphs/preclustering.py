"""DBSCAN in η–φ before doublets are made: only hits of one cluster are joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from edgetrack.graphs.selection import SelectedHits

# pT threshold in GeV → ε; the published code of DeZoort et al. 2021.
PUBLISHED_EPS = {
    **{0.5: 0.06, 0.6: 0.08, 0.7: 0.09, 0.8: 0.10, 0.9: 0.13, 1.0: 0.14, 1.1: 0.14, 1.2: 0.15},
    **{1.3: 0.16, 1.4: 0.17, 1.5: 0.18, 1.6: 0.19, 1.7: 0.20, 1.8: 0.21, 1.9: 0.22, 2.0: 0.22},
}
UNCLUSTERED = -1


@dataclass(frozen=True)
class DbscanConstruction:
    """Geometric doublets between hits of one DBSCAN cluster; DeZoort et al. 2021, section 3.1."""

    kind: Literal["dbscan_geometric"] = "dbscan_geometric"
    eps: float | None = None  # largest distance of neighbours; null: the published one at the selection's pt_min
    min_samples: int = 3  # hits within eps of a core hit, itself included
    unclustered: Literal["joined", "dropped"] = "joined"  # doublets of two hits without a cluster; published: joined

    def __post_init__(self) -> None:
        if self.eps is not None and not 0 < self.eps < np.inf:
            raise ValueError(f"construction.eps = {self.eps}, wanted a finite number above 0, or null")
        if self.min_samples < 1:
            raise ValueError(f"construction.min_samples = {self.min_samples}, wanted 1 or more")

    def eps_at(self, pt_min: float | None) -> float:
        """ε for hits of particles above `pt_min` GeV: the one set, or the published one, linear between thresholds.

        Raises: ValueError where it is neither set nor published for so low a threshold.
        """
        if self.eps is not None:
            return self.eps
        if pt_min is None or pt_min < min(PUBLISHED_EPS):
            raise ValueError(
                f"construction.eps is null, and no ε is published for selection.pt_min = {pt_min}; wanted eps, or "
                f"pt_min of at least {min(PUBLISHED_EPS)} GeV"
            )
        return float(np.interp(pt_min, list(PUBLISHED_EPS), list(PUBLISHED_EPS.values())))


def clusters(hits: SelectedHits, eps: float, min_samples: int) -> NDArray[np.int64]:
    """(N,) number of each hit's DBSCAN cluster, `UNCLUSTERED` for none.

    Hits on different layers are neighbours where √(Δη² + Δφ⁴) ≤ ε, those on one layer never: distance and parameters
    of the published code, whose Δφ is squared twice. Core hits have `min_samples` neighbours, themselves included;
    a hit that is near several clusters' core hits goes to the one that is found first, in the order of the hits.
    Cost: O((N + pairs within ε) log N) time, O(N + pairs) memory; the published code stores N².
    """
    from sklearn.cluster import DBSCAN  # a second to import, and no other construction needs it
    from sklearn.neighbors import sort_graph_by_row_values

    if not len(hits):
        return np.zeros(0, np.int64)
    first, second, distance = neighbours(hits, eps)
    every = np.arange(len(hits))
    rows, columns = np.concatenate([first, second, every]), np.concatenate([second, first, every])
    lengths = np.concatenate([distance, distance, np.zeros(len(hits))])
    near = csr_matrix((lengths, (rows, columns)), shape=(len(hits), len(hits)))
    near = sort_graph_by_row_values(near, copy=False, warn_when_not_sorted=False)
    labels = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(near).labels_
    return np.asarray(labels, np.int64)


def neighbours(hits: SelectedHits, eps: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(P,) first and second hit and distance of every two hits on different layers that are within ε, each pair once.

    O((N + pairs) log N).
    """
    eta, width = np.arcsinh(hits.z / hits.r), np.sqrt(eps)
    if width >= np.pi:
        raise ValueError(f"construction.eps = {eps:g} reaches around the detector in φ; wanted below {np.pi**2:.3g}")
    turn = 2 * np.pi / width
    # |Δη| ≤ ε and |Δφ| ≤ √ε hold for all neighbours: a box of one size in these coordinates
    phi = np.minimum((hits.phi + np.pi) / width, np.nextafter(turn, 0))
    tree = cKDTree(np.column_stack([(eta - eta.min()) / eps, phi]), boxsize=[0, turn])
    first, second = tree.query_pairs(1 + 1e-6, p=np.inf, output_type="ndarray").astype(np.int64).T
    delta_phi = np.abs(hits.phi[first] - hits.phi[second])
    delta_phi = np.minimum(delta_phi, 2 * np.pi - delta_phi) ** 2
    distance = np.sqrt((eta[first] - eta[second]) ** 2 + delta_phi**2)
    near = (distance <= eps) & (hits.layer[first] != hits.layer[second])
    return first[near], second[near], distance[near]


def same_cluster(
    labels: NDArray[np.int64], edge_index: NDArray[np.int64], construction: DbscanConstruction
) -> NDArray[np.bool_]:
    """(E,) whether both hits of each doublet (2, E) have one label (N,). O(E)."""
    source, target = labels[edge_index]
    same: NDArray[np.bool_] = source == target
    return same if construction.unclustered == "joined" else same & (source != UNCLUSTERED)
