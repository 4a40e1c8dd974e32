"""Micrographs to train a mask model on: those that the clustering loop meets when every mask is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import Micrographs
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig, cluster
from edgetrack.tracks.hypertrack.masking import pivot_majority, true_masking, true_tokens


@dataclass(frozen=True)
class LabelledMicrographs:
    """Micrographs of one graph and the truth of their tokens."""

    micrographs: Micrographs
    particle: NDArray[np.int64]  # (B,) particle_id of the pivots' majority, 0 where all of them are noise
    target: NDArray[np.bool_]  # (T,) the token's hit is of that particle; False throughout where it is 0


def labelled_micrographs(
    graph: HitGraph, logits: NDArray[np.floating], cut: float, config: ClusteringConfig | None = None
) -> LabelledMicrographs:
    """All micrographs of a clustering whose masks choose the hits of the pivots' particle (arXiv:2309.14113, sec. 2).

    Each is met at the time when the hits of tracks before it are gone, so what a good mask model will see later in an
    event is there too; pivots of mixed truth, and micrographs with less of their particle than a candidate needs, are
    as frequent as they will be. `seed` of the config draws other pivots.

    Args: logits (E,) of the graph's edges; cut, a logit.
    Raises: ValueError without particle_id. Cost: that of the clustering loop without a model.
    """
    if graph.particle_id is None:
        raise ValueError(f"{graph.name}: particle_id is missing; masks are learnt from the truth of each hit")
    config, met = config or ClusteringConfig(), list[Micrographs]()
    truth = true_masking(graph)

    def remembered(graph: HitGraph, latent: NDArray[np.floating], asked: Micrographs) -> NDArray[np.floating]:
        met.append(asked)
        return truth.model(graph, latent, asked)

    cluster(graph, logits, truth.latent, remembered, cut, config)
    micrographs = joined(met, config.pivots.pivots)
    particle = pivot_majority(graph.particle_id[micrographs.pivots])
    return LabelledMicrographs(micrographs, particle, true_tokens(micrographs, graph.particle_id, particle))


def joined(parts: list[Micrographs], pivots: int) -> Micrographs:
    """The micrographs of all parts, which have so many pivots each, as one."""
    sizes = np.concatenate([np.zeros(0, np.int64), *(part.sizes for part in parts)])
    return Micrographs(
        np.concatenate([np.zeros(0, np.int64), *(part.nodes for part in parts)]),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([np.zeros((0, pivots), np.int64), *(part.pivots for part in parts)]),
    )
