"""Hits in, tracks out: one pure function of one event, made of construction, edge classifiers and track building."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.event import Event
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import MaskModel
from edgetrack.models.thresholds import kept_edges
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks
from edgetrack.tracks.candidates import UNASSIGNED, TrackCandidates
from edgetrack.tracks.hypertrack.masking import Masking

Construct = Callable[[Event], HitGraph]  # nodes carry hit_id


@dataclass(frozen=True)
class EdgeClassifier:
    """A network in any form, and the logit that an edge has to be above to go on to what comes next."""

    logits: Callable[[HitGraph], NDArray[np.floating]]  # graph → (E,); −∞ for an edge that the form could not take
    threshold: float
    latent: Callable[[HitGraph], NDArray[np.floating]] | None = None  # graph → (N, L) of the same network, for masks


@dataclass(frozen=True)
class Reconstruction:
    """What the pipeline made of one event."""

    graph: HitGraph  # with the edges that the last classifier kept
    logits: NDArray[np.floating]  # (E,) of the last classifier
    in_graph: TrackCandidates  # of the graph's hits
    in_event: TrackCandidates  # of all hits of the event, in the order of its hit table


@dataclass(frozen=True)
class TrackingPipeline:
    """Construct, classify, build. Each classifier sees the edges that those before it kept; the last one's logits
    decide between the edges that tracks are built from. Building by masks asks `mask` about micrographs, with the
    latent that the last classifier makes of the hits and of all edges that it saw.

    `pipeline(event)` is a pure function: the same event gives the same candidates, in whatever process. Raises what
    `construct` and the classifiers raise, and ValueError for graphs without hit_id or logits that do not fit.
    """

    construct: Construct
    classifiers: tuple[EdgeClassifier, ...]
    building: TrackBuildingConfig = field(default_factory=TrackBuildingConfig)
    mask: MaskModel | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classifiers", tuple(self.classifiers))
        if not self.classifiers:
            raise ValueError("a pipeline without classifiers, wanted at least one: track building needs scored edges")
        if self.building.method == "hypertrack" and (self.mask is None or self.classifiers[-1].latent is None):
            raise ValueError("building by 'hypertrack' needs a mask model, and the latent of the last classifier")

    def __call__(self, event: Event) -> TrackCandidates:
        """Candidates of all hits of `event`, in the order of its hit table; hits that are no nodes are in none."""
        return self.reconstruct(event).in_event

    def reconstruct(self, event: Event) -> Reconstruction:
        """The candidates of `event`, with the graph and logits that they were built from."""
        graph = self.construct(event)
        for classifier in self.classifiers:
            seen = graph
            graph, logits = _kept(graph, classifier)
        masking = self._masking(seen)
        candidates = build_tracks(graph, logits, self.classifiers[-1].threshold, self.building, masking)
        return Reconstruction(graph, logits, candidates, of_event(event, graph, candidates))

    def _masking(self, seen: HitGraph) -> Masking | None:
        """Of the graph that the last classifier saw; its hits are those of the graph that it left."""
        latent = self.classifiers[-1].latent
        if self.building.method != "hypertrack" or latent is None or self.mask is None:
            return None
        return Masking(np.asarray(latent(seen)), self.mask)


def of_event(event: Event, graph: HitGraph, candidates: TrackCandidates) -> TrackCandidates:
    """The candidates of a graph's nodes as candidates of all hits of the event that the graph was built from.

    Raises ValueError where the graph's hit_id are missing, repeated, or not those of hits of the event.
    """
    hit_id = event.hits["hit_id"].to_numpy()
    if graph.hit_id is None:
        raise ValueError(f"{graph.name}: has no hit_id, so its nodes cannot be found in the event; build it again")
    order = np.argsort(hit_id)
    place = np.searchsorted(hit_id, graph.hit_id, sorter=order)
    row = order[np.minimum(place, len(hit_id) - 1)]
    if not np.array_equal(hit_id[row], graph.hit_id) or len(np.unique(row)) != len(row):
        raise ValueError(f"{graph.name}: its hit_id are not distinct hits of event {event.event_id}; build it again")
    labels = np.full(len(hit_id), UNASSIGNED, np.int64)
    labels[row] = candidates.labels
    return TrackCandidates.from_labels(labels)


def _kept(graph: HitGraph, classifier: EdgeClassifier) -> tuple[HitGraph, NDArray[np.floating]]:
    """The graph with the edges above the classifier's threshold, and their logits. O(E)."""
    logits = np.asarray(classifier.logits(graph))
    if logits.shape != (graph.num_edges,):
        raise ValueError(f"{graph.name}: logits have shape {logits.shape}, wanted ({graph.num_edges},)")
    keep = kept_edges(logits, classifier.threshold)
    y = None if graph.y is None else graph.y[keep]
    return replace(graph, edge_index=graph.edge_index[:, keep], y=y), logits[keep]
