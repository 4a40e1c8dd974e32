"""The course of the learning rate."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from edgetrack.models.schedule import ScheduleConfig, factor


def test_step_decay_is_that_of_the_paper() -> None:
    config = ScheduleConfig("step", gamma=0.7, step_epochs=5)
    factors = [factor(config, step, steps_per_epoch=2, epochs=20) for step in (0, 9, 10, 19, 20)]
    assert factors == pytest.approx([1.0, 1.0, 0.7, 0.7, 0.49])


def test_one_cycle_climbs_then_falls_to_zero() -> None:
    config = ScheduleConfig("one_cycle", warmup=0.25)
    factors = [factor(config, step, steps_per_epoch=4, epochs=10) for step in range(41)]
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10] == 1.0
    assert factors[25] == pytest.approx(0.5)
    assert factors[40] == pytest.approx(0.0)
    assert all(later < earlier for earlier, later in pairwise(factors[10:]))


def test_cosine_starts_at_the_peak() -> None:
    assert factor(ScheduleConfig("cosine"), 0, 4, 10) == 1.0
    assert factor(ScheduleConfig("cosine"), 20, 4, 10) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"warmup": 1.0}, "warmup is 1.0"),
        ({"gamma": 1.5}, "gamma 1.5"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScheduleConfig(**wrong)
