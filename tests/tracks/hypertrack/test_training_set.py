"""Micrographs with labels of hand-made events."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.hypertrack import losses
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig
from edgetrack.tracks.hypertrack.masking import pivot_majority
from edgetrack.tracks.hypertrack.pivots import PivotConfig
from edgetrack.tracks.hypertrack.training_set import labelled_micrographs

PARTICLE = np.array([7] * 5 + [3] * 5 + [0] * 5)


def event() -> tuple[HitGraph, np.ndarray]:
    """Two particles of five hits and five noise hits, everything linked with everything, true pairs the best."""
    pairs = np.array(list(combinations(range(15), 2))).T
    same = PARTICLE[pairs[0]] == PARTICLE[pairs[1]]
    return HitGraph(np.zeros((15, 3), np.float32), pairs, particle_id=PARTICLE), np.where(same, 4.0, 1.0)


def test_later_iterations_are_there_without_the_hits_of_tracks_before() -> None:
    graph, logits = event()
    made = labelled_micrographs(graph, logits, 0.0)
    sizes = made.micrographs.sizes.tolist()
    assert sizes[0] == 15
    assert {7, 3} <= set(made.particle.tolist())
    first_of = {p: made.particle.tolist().index(p) for p in (7, 3)}
    after = max(first_of.values()) + 1
    assert (made.micrographs.sizes[after:] <= 5).all()


def test_a_token_is_labelled_by_the_particle_of_its_pivots() -> None:
    graph, logits = event()
    made = labelled_micrographs(graph, logits, 0.0)
    for b in range(len(made.micrographs)):
        tokens = slice(*made.micrographs.offsets[b : b + 2])
        hits = PARTICLE[made.micrographs.nodes[tokens]]
        assert made.target[tokens].tolist() == [p == made.particle[b] != 0 for p in hits]
    assert made.target.any()
    assert not made.target.all()


def test_pivots_of_noise_alone_choose_nothing() -> None:
    graph, logits = event()
    noise = replace(graph, particle_id=np.zeros(15, np.int64))
    made = labelled_micrographs(noise, logits, 0.0)
    assert len(made.micrographs) > 0
    assert not made.particle.any()
    assert not made.target.any()


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=20))
def test_the_majority_is_that_of_the_losses(particles: list[list[int]]) -> None:
    found = pivot_majority(np.array(particles))
    assert found.tolist() == losses.pivot_majority(torch.tensor(particles), noise=0).tolist()


def test_the_majority_of_pivots_by_hand() -> None:
    rows = {(5, 5, 2): 5, (2, 5, 5): 5, (0, 0, 4): 4, (0, 0, 0): 0, (2, 1, 3): 2, (0, 3, 1): 3}
    assert pivot_majority(np.array(list(rows))).tolist() == list(rows.values())


def test_another_seed_draws_other_pivots() -> None:
    graph, logits = event()
    pivots = [
        labelled_micrographs(graph, logits, 0.0, ClusteringConfig(pivots=PivotConfig(seed=seed))).micrographs.pivots
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(pivots[0], pivots[1])
    assert not np.array_equal(pivots[0], pivots[2])


def test_without_edges_there_is_nothing_to_learn_and_without_truth_an_error() -> None:
    graph, logits = event()
    made = labelled_micrographs(graph, logits, 9.0)
    assert (len(made.micrographs), len(made.target), made.micrographs.pivots.shape) == (0, 0, (0, 3))
    with pytest.raises(ValueError, match="particle_id is missing"):
        labelled_micrographs(replace(graph, particle_id=None), logits, 0.0)
