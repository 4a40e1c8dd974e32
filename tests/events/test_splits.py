"""Splits: disjoint, complete, of exact size, the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.events.splits import SplitConfig, split_events


@given(
    ids=st.lists(st.integers(0, 10**9), min_size=3, max_size=200, unique=True),
    seed=st.integers(0, 10),
    cut=st.tuples(st.integers(1, 98), st.integers(1, 98)).filter(lambda cut: sum(cut) < 100),
)
def test_parts_are_disjoint_complete_and_none_is_empty(ids: list[int], seed: int, cut: tuple[int, int]) -> None:
    validation, test = (percent / 100 for percent in cut)
    config = SplitConfig(1.0 - validation - test, validation, test, seed)
    split = split_events(ids, config)
    assert sorted(split.train + split.validation + split.test) == sorted(ids)
    assert min(len(split.train), len(split.validation), len(split.test)) >= 1
    assert split == split_events(reversed(ids), config)


def test_sizes_are_the_rounded_fractions() -> None:
    split = split_events(range(1000, 1100), SplitConfig(0.7, 0.1, 0.2))
    assert (len(split.train), len(split.validation), len(split.test)) == (70, 10, 20)
    assert split.test == tuple(sorted(split.test))


def test_the_split_of_a_seed_never_changes() -> None:
    split = split_events(range(10), SplitConfig(0.6, 0.2, 0.2, seed=1))
    assert (split.train, split.validation, split.test) == ((1, 2, 3, 4, 5, 6), (0, 9), (7, 8))
    assert split != split_events(range(10), SplitConfig(0.6, 0.2, 0.2, seed=2))


def test_adding_events_moves_others_only_across_the_cuts() -> None:
    before, after = split_events(range(100)), split_events(range(110))
    moved = (set(before.test) ^ (set(after.test) & set(range(100)))) | (
        set(before.train) ^ (set(after.train) & set(range(100)))
    )
    assert len(moved) <= 10  # no more than were added


@pytest.mark.parametrize(
    ("fractions", "sizes"),
    [
        ((1.0, 0.0, 0.0), (4, 0, 0)),
        ((0.0, 0.0, 1.0), (0, 0, 4)),
        ((0.0, 0.5, 0.5), (0, 2, 2)),
        ((0.5, 0.5, 0.0), (2, 2, 0)),
        ((0.01, 0.98, 0.01), (1, 2, 1)),
        ((0.98, 0.01, 0.01), (2, 1, 1)),
    ],
)
def test_a_part_is_empty_only_when_its_fraction_is_zero(
    fractions: tuple[float, float, float], sizes: tuple[int, int, int]
) -> None:
    split = split_events(range(4), SplitConfig(*fractions))
    assert (len(split.train), len(split.validation), len(split.test)) == sizes


def test_what_cannot_be_split_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 events cannot fill 3 parts"):
        split_events([1, 2])
    with pytest.raises(ValueError, match="event 2 is given twice"):
        split_events([1, 2, 2, 3])
    for fractions in ((0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5)):
        with pytest.raises(ValueError, match="add up to 1"):
            SplitConfig(*fractions)
