"""Masks as a builder of track building and of the pipeline."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from edgetrack.events.event import HIT_COLUMNS, Event
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.micrographs import Micrographs
from edgetrack.tracks.building import TrackBuildingConfig, build_tracks
from edgetrack.tracks.evaluation import EvaluationConfig, evaluate_scores, perfect_scores
from edgetrack.tracks.hypertrack.masking import Masking, true_masking
from edgetrack.tracks.pipeline import EdgeClassifier, TrackingPipeline

BUILDING = TrackBuildingConfig(method="hypertrack")
PARTICLE = np.array([1] * 6 + [2] * 5 + [0] * 2)


def event() -> tuple[HitGraph, NDArray[np.float64]]:
    """Two particles and noise, all linked with all: components can tell nothing apart."""
    pairs = np.array(np.triu_indices(13, 1))
    y = (PARTICLE[pairs[0]] == PARTICLE[pairs[1]]) & (PARTICLE[pairs[0]] > 0)
    graph = HitGraph(np.zeros((13, 3), np.float32), pairs, y=y, particle_id=PARTICLE, hit_id=np.arange(13) + 5)
    return graph, np.where(y, 3.0, 1.0)


def test_right_masks_give_the_particles_where_components_give_one_lump() -> None:
    graph, logits = event()
    assert (
        build_tracks(graph, logits, 0.0, BUILDING, true_masking(graph)).labels.tolist() == [0] * 6 + [1] * 5 + [-1] * 2
    )
    lump = build_tracks(graph, logits, 0.0, TrackBuildingConfig(method="connected_components"))
    assert lump.num_candidates == 1


def test_without_masking_it_is_refused() -> None:
    graph, logits = event()
    with pytest.raises(ValueError, match="needs masking"):
        build_tracks(graph, logits, 0.0, BUILDING)
    with pytest.raises(ValueError, match="needs a mask model"):
        TrackingPipeline(lambda _: graph, (EdgeClassifier(lambda _: logits, 0.0),), BUILDING)


def test_the_pipeline_makes_the_latent_of_all_edges_that_the_last_classifier_saw() -> None:
    graph, logits = event()
    seen: list[int] = []
    truth = true_masking(graph)

    def latent(whole: HitGraph) -> NDArray[np.floating]:
        seen.append(whole.num_edges)
        return truth.latent

    def mask(cut: HitGraph, values: NDArray[np.floating], micrographs: Micrographs) -> NDArray[np.floating]:
        seen.append(cut.num_edges)
        return truth.model(cut, values, micrographs)

    pipeline = TrackingPipeline(lambda _: graph, (EdgeClassifier(lambda _: logits, 2.0, latent),), BUILDING, mask)
    assert graph.hit_id is not None
    hits = pd.DataFrame({name: graph.hit_id if name == "hit_id" else 0 for name in HIT_COLUMNS})
    collision = Event(1, hits)
    assert pipeline(collision).labels.tolist() == [0] * 6 + [1] * 5 + [-1] * 2
    assert seen[0] == graph.num_edges
    assert set(seen[1:]) == {int(np.count_nonzero(logits > 2))}
    components = replace(pipeline, building=TrackBuildingConfig(method="connected_components"))
    seen.clear()
    assert components(collision).num_candidates == 2
    assert seen == []  # no latent where none is wanted


def test_evaluation_shuffles_the_latent_with_the_hits() -> None:
    graph, logits = event()
    config = EvaluationConfig(building=BUILDING)
    masking = true_masking(graph)
    found = evaluate_scores([graph], [logits], 0.0, config=config, masking=[masking])
    assert found.tracks is not None
    assert found.tracks.overall.perfect_particles == 2
    wrong = Masking(np.roll(masking.latent, 3, axis=0), masking.model)
    shifted = evaluate_scores([graph], [logits], 0.0, config=config, masking=[wrong])
    assert shifted.tracks is not None
    assert shifted.tracks.overall.perfect_particles == 0


def test_the_ceiling_has_right_masks() -> None:
    graph, _ = event()
    found = perfect_scores([graph], EvaluationConfig(building=BUILDING))
    assert found is not None
    assert found.tracks is not None
    assert found.tracks.overall.perfect_particles == 2
