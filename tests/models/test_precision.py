"""Mixed precision, settings that came later, and objectives that change in the course of a training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.sample import Sample
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import FitResult, fit, training_settings

CONFIG = TrainConfig(epochs=2, batch_graphs=2)


@pytest.fixture(scope="module")
def graphs() -> list[HitGraph]:
    return load_graphs(sample_graphs())[:3]


def network() -> GraphNetwork:
    return seeded_network(interaction_network(InteractionNetworkConfig(hidden=6)), seed=0)


def trained(graphs: list[HitGraph], config: TrainConfig, folder: Path, objective: EdgeClassification) -> FitResult:
    return fit(network(), objective, graphs[:2], graphs[2:], config, folder, progress=False)


def test_mixed_precision_trains_other_weights_that_are_float32(graphs: list[HitGraph], tmp_path: Path) -> None:
    precise, mixed = (
        trained(graphs, replace(CONFIG, precision=precision), tmp_path / precision, EdgeClassification())
        for precision in ("32-true", "bf16-mixed")
    )
    assert {value.dtype for value in mixed.state.values()} == {torch.float32}
    assert any(not torch.equal(value, mixed.state[name]) for name, value in precise.state.items())
    losses = [result.history[-1]["validation_loss"] for result in (precise, mixed)]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    with pytest.raises(ValueError, match="precision is 'half', wanted one of 32-true, bf16-mixed, 16-mixed"):
        TrainConfig(precision="half")  # type: ignore[arg-type]


def test_a_setting_that_came_later_counts_where_it_is_not_the_default() -> None:
    told = training_settings(TrainConfig())
    assert "precision" not in told
    assert told["schedule"].keys() == {
        "kind", "learning_rate", "optimizer", "matrix_learning_rate", "gamma", "step_epochs", "warmup"
    }  # fmt: skip
    other = TrainConfig(precision="bf16-mixed", schedule=ScheduleConfig(lowest=0.1))
    assert training_settings(other)["precision"] == "bf16-mixed"
    assert training_settings(other)["schedule"]["lowest"] == 0.1


@dataclass(frozen=True)
class FromSecondEpoch(EdgeClassification):
    """Sees no label before the second epoch, and no symmetry from then on."""

    epoch: int = -1

    def at(self, epoch: int) -> Self:
        return replace(self, epoch=epoch)

    def augmented(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return sample if self.epoch else super().augmented(sample, rng)

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        assert self.epoch >= 0
        return super().loss(network, sample, generator) * min(self.epoch, 1)


def test_an_objective_may_be_another_one_in_each_epoch(graphs: list[HitGraph], tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=3)
    whole = trained(graphs, config, tmp_path / "a", FromSecondEpoch())
    losses = [record["train_loss"] for record in whole.history]
    assert losses[0] == 0.0 < losses[2] < losses[1]
    first = network()
    assert all(torch.equal(first.state_dict()[name], value) for name, value in _after(graphs, tmp_path).items())


def _after(graphs: list[HitGraph], folder: Path) -> dict[str, Tensor]:
    """The weights after the epoch without a loss."""
    return trained(graphs, replace(CONFIG, epochs=1), folder / "one", FromSecondEpoch()).state
