"""A search on disk: resumed, shared, repeatable; it tells why trials failed, and begins broken-off ones again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.studies.search_space import Point
from edgetrack.studies.search_study import FinishedTrial, Measured, SamplerConfig, Search, front

CHOICES: dict[str, tuple[int | float, ...]] = {"a": (2, 3, 4, 5, 6), "b": (2, 3, 4, 5, 6), "s": (0.0, 0.25, 0.5)}
BEGINNING = [{"a": 6, "b": 6, "s": 0.0}, {"a": 2, "b": 2, "s": 0.0}]


class Killed(BaseException):
    """Stands for the end of the process."""


def measure(_: int, point: Point) -> Measured:
    """Few bits lose physics: a costs more than b, so the best points are not the diagonal."""
    return Measured(2.0 ** -point["a"] + 0.1 * 2.0 ** -point["b"] + 0.01 * point["s"], point["a"] + 3 * point["b"])


def search(folder: Path, kind: Literal["tpe", "nsga2"] = "tpe", settings: dict[str, Any] | None = None) -> Search:
    return Search(folder, CHOICES, BEGINNING, settings or {"graphs": "x"}, SamplerConfig(kind, 4, 7))


def run(one: Search, trials: int, measure: Callable[[int, Point], Measured] = measure) -> list[FinishedTrial]:
    one.run(trials, measure, lambda: None)
    return one.finished()


@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_a_search_that_was_broken_off_goes_on_to_the_trials_of_a_whole_one(
    kind: Literal["tpe", "nsga2"], tmp_path: Path
) -> None:
    whole = run(search(tmp_path / "whole", kind), 16)
    assert [one.point for one in whole[:2]] == BEGINNING
    assert run(search(tmp_path / "parts", kind), 5) == whole[: len(run(search(tmp_path / "parts", kind), 5))]
    assert run(search(tmp_path / "parts", kind), 16) == whole
    assert [
        one.point for one in run(Search(tmp_path / "other", CHOICES, BEGINNING, {}, SamplerConfig(kind, 4, 8)), 16)
    ] != [one.point for one in whole]


def test_a_trial_whose_process_ended_is_begun_again(tmp_path: Path) -> None:
    def killed(number: int, point: Point) -> Measured:
        if number == 1:
            raise Killed
        return measure(number, point)

    with pytest.raises(Killed):
        run(search(tmp_path), 6, killed)
    found = run(search(tmp_path), 6)
    assert BEGINNING[1] in [one.point for one in found]
    assert [one.point for one in found] == [one.point for one in run(search(tmp_path / "whole"), 6)]
    assert search(tmp_path).failures() == {}


def test_processes_share_a_study_and_its_trials(tmp_path: Path) -> None:
    one, other = search(tmp_path), search(tmp_path)
    seen: list[tuple[str, Point]] = []

    def others(number: int, point: Point) -> Measured:
        seen.append(("other", point))
        return measure(number, point)

    def alternately(number: int, point: Point) -> Measured:
        if not seen:  # while the first is at work, the other takes all the trials that are left
            seen.append(("first", point))
            other.run(6, others, lambda: None)
        return measure(number, point)

    one.run(6, alternately, lambda: None)
    assert [who for who, _ in seen] == ["first"] + ["other"] * 5
    assert seen[0][1] == BEGINNING[0]
    assert seen[1][1] == BEGINNING[1]
    assert one.finished() == other.finished()


def test_a_failed_trial_says_why_and_counts(tmp_path: Path) -> None:
    def refusing(number: int, point: Point) -> Measured:
        if point["a"] == 2:
            raise ValueError("two bits are too few")
        return measure(number, point)

    done: list[int] = []
    one = search(tmp_path)
    one.run(4, refusing, lambda: done.append(1))
    assert one.failures()[1] == "ValueError: two bits are too few"
    assert len(done) == 4
    assert all(trial.point["a"] != 2 for trial in one.finished())


def test_a_folder_of_another_search_is_refused(tmp_path: Path) -> None:
    search(tmp_path)
    search(tmp_path)
    with pytest.raises(ValueError, match="holds a search with graphs 'x', now it is 'y'; give another folder"):
        search(tmp_path, settings={"graphs": "y"})


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=12))
def test_the_front_is_what_no_other_trial_within_limits_beats(points: list[tuple[int, int, bool]]) -> None:
    trials = [
        FinishedTrial(index, {}, Measured(a, b, {}, {"latency": 1.0 if beyond else 0.0}))
        for index, (a, b, beyond) in enumerate(points)
    ]
    within = [(a, b) for a, b, beyond in points if not beyond]
    wanted = {one for one in within if not any(p[0] <= one[0] and p[1] <= one[1] and p != one for p in within)}
    found = [one.measured.objectives for one in front(trials)]
    assert found == sorted(wanted, key=lambda one: one[1])
    assert np.all(np.diff([one[1] for one in found]) > 0)


def test_a_population_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="population is 1, wanted at least 2"):
        replace(SamplerConfig(), population=1)
