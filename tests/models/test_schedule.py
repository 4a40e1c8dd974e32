"""The course of the learning rate."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from edgetrack.models.schedule import ScheduleConfig, factor, optimizer_and_scheduler, restarted


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


@pytest.mark.parametrize("growth", [1, 2, 3])
def test_restarts_are_those_of_pytorch(growth: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = CosineAnnealingWarmRestarts(optimizer, 6, growth, eta_min=0.1)
    config = ScheduleConfig("cosine_restarts", period_epochs=3, period_growth=growth, lowest=0.1)
    for step in range(60):
        assert factor(config, step, steps_per_epoch=2, epochs=1) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert restarted(10**9, 7, growth) < 1.0


def test_a_cosine_falls_to_the_lowest_rate_and_no_further() -> None:
    for kind in ("cosine", "one_cycle"):
        config = ScheduleConfig(kind, lowest=0.25)
        assert factor(config, 40, steps_per_epoch=4, epochs=10) == pytest.approx(0.25)


def test_adamw_shrinks_weight_matrices_and_nothing_else() -> None:
    config = ScheduleConfig("cosine", learning_rate=0.1, optimizer="adamw", weight_decay=0.5)
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer, _ = optimizer_and_scheduler(network.parameters(), config, 1, 10)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, value in network.named_parameters():
        shrink = 1 - 0.1 * 0.5 if name == "0.weight" else 1.0
        torch.testing.assert_close(value.detach(), before[name] * shrink)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"period_epochs": 0}, "period_epochs is 0"),
        ({"period_growth": 0}, "period_growth is 0"),
        ({"lowest": 1.0}, r"lowest is 1.0, wanted a fraction of the peak in \[0, 1\)"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"warmup": 1.0}, "warmup is 1.0"),
        ({"gamma": 1.5}, "gamma 1.5"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScheduleConfig(**wrong)
