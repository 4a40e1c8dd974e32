"""Labels and truth segments of hand-made hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgetrack.graphs.labels import LabelConfig, Segments, label_edges, truth_segments
from edgetrack.graphs.selection import SelectedHits


def hits_of(*rows: tuple[float, int, int]) -> SelectedHits:
    """Hits given as (z, layer, particle)."""
    z, layer, particle = (np.array(column) for column in zip(*rows, strict=True))
    size = len(rows)
    return SelectedHits(np.full(size, 50.0), np.zeros(size), z, layer, np.arange(size), particle)


def label(hits: SelectedHits, edges: list[tuple[int, int]], outermost: bool = True) -> list[bool]:
    edge_index = np.array(edges, np.int64).reshape(-1, 2).T
    labels: list[bool] = label_edges(hits, edge_index, LabelConfig(outermost_to_endcap=outermost)).tolist()
    return labels


def test_edge_is_true_within_a_particle_and_never_in_noise() -> None:
    hits = hits_of((0, 0, 5), (0, 1, 5), (0, 1, 6), (0, 0, 0), (0, 1, 0))
    assert label(hits, [(0, 1), (0, 2), (3, 4), (3, 1)]) == [True, False, False, False]
    assert label(hits, []) == []


def test_only_the_outermost_barrel_hit_leads_to_the_endcap() -> None:
    # particle 5 goes right from layers 0, 1, 2; particle 6 left from 0 and 1
    hits = hits_of((100, 0, 5), (200, 1, 5), (300, 2, 5), (600, 11, 5), (-100, 0, 6), (-250, 1, 6), (-600, 4, 6))
    edges = [(0, 1), (1, 2), (0, 3), (2, 3), (1, 3), (5, 6), (4, 6), (4, 5)]
    assert label(hits, edges) == [True, True, False, True, False, True, False, True]
    assert label(hits, edges, outermost=False) == [True] * 8


def test_outermost_is_chosen_among_the_edges_there_are() -> None:
    hits = hits_of((100, 0, 5), (200, 1, 5), (300, 2, 5), (600, 11, 5))
    assert label(hits, [(0, 3), (1, 3)]) == [False, True]


def test_segments_join_successive_layers_of_each_particle() -> None:
    # 5: layers 0, 1, 3 (1–3 is no layer pair); 6: 2 → 4; 7: a single hit; noise: nothing
    hits = hits_of((0, 3, 5), (0, 0, 5), (0, 1, 5), (0, 4, 6), (0, 2, 6), (0, 5, 7), (0, 0, 0), (0, 1, 0))
    assert truth_segments(hits) == Segments(total=3, on_layer_pairs=2)


def test_same_layer_duplicates_count_in_every_combination() -> None:
    hits = hits_of((0, 0, 5), (0, 0, 5), (0, 1, 5), (0, 1, 5), (0, 2, 5))
    assert truth_segments(hits) == Segments(2 * 2 + 2, 2 * 2 + 2)


def test_no_hits_have_no_segments(random_hits: Callable[..., SelectedHits]) -> None:
    assert truth_segments(random_hits(0, 0)) == Segments(0, 0)


def test_hits_without_truth_cannot_be_labelled(random_hits: Callable[..., SelectedHits]) -> None:
    hits = replace(random_hits(0, 1), particle_id=None)
    with pytest.raises(ValueError, match="have no particle_id"):
        label(hits, [])
    with pytest.raises(ValueError, match="have no particle_id"):
        truth_segments(hits)
