"""Another objective on another domain: a masked loss on tokens that look at each other; and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.network import seeded_network
from edgetrack.models.objective import Objective
from edgetrack.models.rows import Rows
from edgetrack.models.sample import Sample
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.steps import PAIR, TOKEN, Concat, Gather, Input, Map, Mlp, Scatter
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit

CONFIG = TrainConfig(epochs=8, batch_graphs=4, schedule=ScheduleConfig(learning_rate=0.02))


@dataclass(frozen=True)
class MaskedTokens(Objective[Sample]):
    """Is the token one of the set? Asked only of tokens whose answer is known; all others are context."""

    def sample(self, data: Sample) -> Sample | None:
        return data if bool(data.targets["known"].any()) else None

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        known = sample.targets["known"]
        return binary_cross_entropy_with_logits(network(sample.rows)[known], sample.targets["belongs"][known])

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        losses, right = [], []
        for sample in samples:
            losses.append(float(self.loss(network, sample, generator)))
            known = sample.targets["known"]
            right.append(((network(sample.rows) > 0) == sample.targets["belongs"].bool())[known])
        return {"validation_loss": float(np.mean(losses)), "accuracy": float(torch.cat(right).float().mean())}


def token_network() -> nn.Module:
    """Each token sees the mean of what it looks at."""
    inputs = (Input("features", "token", (1.0,) * 5), Input("weight", "pair", (1.0,)))
    steps = (
        Gather("seen", "features", "key"),
        Map("weighted", "multiply", ("seen", "weight")),
        Scatter("context", "weighted", "mean", "query"),
        Concat("both", ("features", "context")),
        Mlp("answer", "both", (16, 1)),
    )
    return seeded_network(NetworkDescription("tokens", inputs, steps, "answer", (TOKEN, PAIR)), 0)


def token_set(seed: int, wrong_where_unknown: bool = False) -> Sample:
    """A token belongs where its first feature and the mean of what it looks at have one sign. A third is not known."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 12))
    query, key = (index.ravel() for index in np.meshgrid(np.arange(count), np.arange(count), indexing="ij"))
    features = rng.normal(size=(count, 5)).astype(np.float32)
    belongs = features[:, 0] * 3 + features[:, 1].mean() > 0
    known = rng.random(count) < 0.67
    if wrong_where_unknown:
        belongs[~known] = ~belongs[~known]
    rows = Rows(
        (TOKEN, PAIR),
        {"token": count, "pair": count**2},
        {"features": torch.from_numpy(features), "weight": torch.ones(count**2, 1)},
        {"query": torch.from_numpy(query), "key": torch.from_numpy(key)},
        f"set{seed}",
    )
    return Sample(rows, {"belongs": torch.from_numpy(belongs).float(), "known": torch.from_numpy(known)})


def test_a_masked_loss_on_tokens_learns_and_never_reads_what_is_masked(tmp_path: Path) -> None:
    states = []
    for wrong in (False, True):
        sets = [token_set(seed, wrong_where_unknown=wrong) for seed in range(40)]
        result = fit(
            token_network(), MaskedTokens(), sets[:32], sets[32:], CONFIG, tmp_path / str(wrong), progress=False
        )
        states.append(result.state)
        assert result.history[-1]["validation_loss"] < 0.5 * result.history[0]["validation_loss"]
        assert result.figures["accuracy"] > 0.9
    assert all(np.array_equal(states[0][name].numpy(), states[1][name].numpy()) for name in states[0])


@dataclass(frozen=True)
class Misnamed(MaskedTokens):
    names: tuple[str, ...] = ()

    decides: ClassVar[str] = "validation_loss"

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        return dict.fromkeys(self.names, 0.0)


@pytest.mark.parametrize("names", [(), ("accuracy",), ("validation_loss", "epoch")])
def test_figures_that_cannot_be_recorded_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Misnamed measures .*: wanted 'validation_loss', which decides, and none of"):
        fit(token_network(), Misnamed(names), [token_set(0)], [token_set(1)], CONFIG, tmp_path, progress=False)


def test_a_figure_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    class Broken(MaskedTokens):
        def validate(
            self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator
        ) -> dict[str, float]:
            return {"validation_loss": float("nan")}

    with pytest.raises(ValueError, match="diverged in epoch 0: validation_loss is no longer finite"):
        fit(token_network(), Broken(), [token_set(0)], [token_set(1)], CONFIG, tmp_path, progress=False)


def test_a_teacher_for_an_objective_that_has_no_use_for_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MaskedTokens learns from no teacher"):
        fit(token_network(), MaskedTokens(), [token_set(0)], [token_set(1)], CONFIG, tmp_path, token_network(), False)


def test_an_objective_whose_settings_cannot_be_told_is_refused(tmp_path: Path) -> None:
    class Loose(Objective[Sample]):
        sample, loss, validate = MaskedTokens.sample, MaskedTokens.loss, MaskedTokens.validate

    with pytest.raises(ValueError, match="Loose is no dataclass; make the objective one"):
        fit(token_network(), Loose(), [token_set(0)], [token_set(1)], CONFIG, tmp_path, progress=False)


def test_edge_classification_refuses_a_network_without_one_logit_an_edge(tmp_path: Path) -> None:
    inputs = (Input("x", "node", (1.0,) * 3),)
    network = seeded_network(NetworkDescription("embedding", inputs, (Mlp("out", "x", (8,)),), "out"), 0)
    graph = HitGraph(
        np.ones((4, 3), np.float32), np.array([[0, 1, 2], [1, 2, 3]]), np.array([True, False, True]), name="chain"
    )
    with pytest.raises(
        ValueError, match=r"chain: the network's output is \(4, 8\), labels are \(3,\); .* one logit an"
    ):
        fit(network, EdgeClassification(), [graph], [graph], CONFIG, tmp_path, progress=False)
