"""Pareto fronts and choices on designs made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.export.accelerator.plan import AcceleratorConfig
from edgetrack.export.exploration.choice import Limits, NoCandidate, choose, front, pareto
from edgetrack.export.exploration.grid import Candidate
from edgetrack.export.synthesis.device import load_device
from edgetrack.export.synthesis.yosys import Resources

VU9P = load_device("xcvu9p")


def candidate(hidden: int, latency: int, interval: float, lut: int, bram36: float = 0, lanes: int = 1) -> Candidate:
    config = AcceleratorConfig(edge_lanes=lanes)
    return Candidate(hidden, 6, 8, config, latency, interval, Resources(lut, 0, 0, 0, bram36))


SMALL = candidate(8, 600, 100, 50_000)
FAST = candidate(8, 300, 50, 200_000)
LARGE = candidate(16, 390, 80, 400_000)
HUGE = candidate(32, 390, 80, 900_000)
SLOW = candidate(24, 500, 80, 300_000)


def test_only_points_that_no_other_beats_stand_in_the_front() -> None:
    points = [(1, 4), (2, 2), (4, 1), (3, 3), (2, 2), (5, 1)]
    assert pareto(points).tolist() == [True, True, True, False, True, False]


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=30))
def test_every_point_is_in_the_front_or_beaten_by_one_of_it(points: list[tuple[int, int, int]]) -> None:
    kept = pareto(points)
    values = np.array(points)
    assert kept.any()
    for index, point in enumerate(values):
        beaten = any((other <= point).all() and (other < point).any() for other in values[kept])
        assert beaten != kept[index]


def test_a_larger_network_is_not_beaten_by_a_smaller_one() -> None:
    worse = replace(LARGE, resources=replace(LARGE.resources, lut=500_000))
    assert front([SMALL, FAST, LARGE, worse]) == [SMALL, FAST, LARGE]


def test_the_choice_is_the_best_within_the_limits() -> None:
    designs = [SMALL, FAST, LARGE, HUGE, SLOW]
    assert choose(designs, VU9P, Limits()) == LARGE  # HUGE takes 76 % of the LUTs, SLOW 2.5 µs
    assert choose(designs, VU9P, Limits(), "luts") == FAST
    assert choose(designs, VU9P, Limits(latency_us=None), "luts") == SMALL
    assert choose(designs, VU9P, Limits(latency_us=None)) == SLOW
    assert choose(designs, VU9P, Limits(share=1.0)) == HUGE
    assert choose(designs, VU9P, Limits(million_graphs_per_s=3.0)) == FAST
    assert choose(designs, VU9P, Limits(), "latency") == FAST


def test_memories_count_against_the_share_too() -> None:
    greedy = replace(LARGE, resources=replace(LARGE.resources, bram36=1000))  # 46 % of 2,160
    assert choose([greedy, SMALL], VU9P, Limits(latency_us=None)) == SMALL


def test_no_candidate_names_the_limit_and_the_nearest() -> None:
    with pytest.raises(NoCandidate) as failure:
        choose([SMALL, FAST, LARGE], VU9P, Limits(latency_us=1.0))
    assert "not one keeps to the latency of 1 µs" in str(failure.value)
    assert "The nearest, 8 hidden units" in str(failure.value)
    assert "1.50 times over the latency of 1 µs" in str(failure.value)
    with pytest.raises(NoCandidate, match="each limit is kept by some, but all of them by none"):
        choose([SMALL, HUGE], VU9P, Limits(latency_us=2.0))
    with pytest.raises(NoCandidate, match="no candidate at all"):
        choose([], VU9P, Limits())


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share is 40, wanted above 0 up to 1"):
        Limits(share=40)
    with pytest.raises(ValueError, match="latency_us is 0"):
        Limits(latency_us=0)
