"""The bench of graph construction: its cases, and that it notices a wrong edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetrack.graphs.geometric import GeometricConfig, geometric_edges
from edgetrack.graphs.selection import SelectedHits
from edgetrack.studies import graph_building as bench


def test_cases_have_ratios_and_milliseconds_of_one_run() -> None:
    cases = bench.construction_cases(hits=3000, repeats=2)
    assert cases[0]["threads"] == 1
    for case in cases:
        assert case["size"]["hits"] == 3000
        assert case["size"]["edges"] > 1000
        times = case["milliseconds"]
        assert case["ratios"]["all_pairs_numpy"] == pytest.approx(times["all_pairs_numpy"] / times["compiled"])


def test_wrong_edge_stops_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(hits: SelectedHits, config: GeometricConfig, threads: int | None = None) -> np.ndarray:
        edges = geometric_edges(hits, config, threads)
        edges[1, 0] += 1
        return edges

    monkeypatch.setattr(bench, "geometric_edges", wrong)
    with pytest.raises(RuntimeError, match="not the same set"):
        bench.construction_cases(hits=3000, repeats=1)


def test_synthetic_hits_follow_the_seed_and_fill_every_layer() -> None:
    first, again, other = (bench.synthetic_hits(5000, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.z, again.z)
    assert not np.array_equal(first.z, other.z)
    assert np.bincount(first.layer, minlength=18).min() > 50
    assert bench.synthetic_hits(1, 1).r.shape == (1,)


def test_real_event_can_be_benched(trackml_sample: Path) -> None:
    cases = bench.construction_cases(repeats=1, events=trackml_sample)
    assert cases[0]["size"]["hits"] == 2783
