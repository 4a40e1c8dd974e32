"""The objective of HyperTrack's graph network: its parts, unions, symmetries, teachers, figures, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from straight_tracks import tracks
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import FEATURES, ROTATED
from edgetrack.models.hit_inputs import HitInputs
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.edge_objective import HyperTrackEdges
from edgetrack.models.hypertrack.losses import contrastive_edge_loss, focal_loss
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.hypertrack.particles import particle_of
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import Rows
from edgetrack.models.sample import Sample, union_of
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.steps import EDGE, MESSAGE, NODE, Gather, Input, Mlp, Scatter, Step
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit

NAMES = tuple(sorted(FEATURES.keys() - {"node_attr"}))
CONFIG = TrainConfig(epochs=6, keep="best", schedule=ScheduleConfig(learning_rate=0.02))


def reader(*names: str, messages: bool = False, seed: int = 0) -> GraphNetwork:
    """An MLP on features of edges, with or without the number of messages that hits receive."""
    inputs = tuple(Input(name, FEATURES[name].domain, (1.0,) * len(FEATURES[name].columns)) for name in names)
    steps: tuple[Step, ...] = (Mlp("logit", names[0], (16, 1)),)
    if messages:
        steps = (
            Gather("sent", names[0], "along"),
            Scatter("received", "sent", "mean", "receiver"),
            Gather("there", "received", "target"),
            Mlp("logit", "there", (4, 1)),
        )
    return seeded_network(
        NetworkDescription("reader", inputs, steps, "logit", (NODE, EDGE, *((MESSAGE,) if messages else ()))), seed
    )


def sample_of(graph: HitGraph, objective: HyperTrackEdges | None = None) -> Sample:
    sample = (objective or HyperTrackEdges()).sample(graph)
    assert sample is not None
    return sample


class Given(nn.Module):
    """Logits as they are given."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        return self.logits


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_loss_is_its_two_parts() -> None:
    graph = tracks(0)
    sample, logits = sample_of(graph), torch.linspace(-3, 3, graph.num_edges)
    assert graph.y is not None
    assert graph.particle_id is not None
    chosen = torch.tensor([False] + [True] * 8)
    parts = (
        0.2 * focal_loss(logits, torch.from_numpy(graph.y)),
        contrastive_edge_loss(
            logits,
            torch.from_numpy(graph.edge_index),
            torch.from_numpy(graph.particle_id),
            torch.from_numpy(np.asarray(graph.weight)),
            chosen,
        ),
    )
    for objective, wanted in (
        (HyperTrackEdges(), parts[0] + parts[1]),
        (HyperTrackEdges(contrastive=0.0), parts[0]),
        (HyperTrackEdges(focal=0.0, contrastive=2.0), 2 * parts[1]),
    ):
        assert objective.loss(Given(logits), sample, generator()).item() == pytest.approx(wanted.item())


def test_a_union_keeps_particles_of_different_graphs_apart() -> None:
    graphs = [tracks(seed, particles=3 + seed) for seed in range(3)]  # all count their particles from 1
    union = union_of([sample_of(graph) for graph in graphs])
    particle = particle_of(union.rows).tolist()
    own = [np.unique(particle[start : start + graph.num_nodes]).tolist() for start, graph in _starts(graphs)]
    assert own == [[0, 1, 2, 12], [3, 4, 5, 6, 12], [7, 8, 9, 10, 11, 12]]  # 12: noise
    objective = HyperTrackEdges(focal=0.0)
    logits = torch.linspace(-2, 2, union.rows.counts["edge"])
    whole = objective.loss(Given(logits), union, generator())
    renamed = [replace(graph, particle_id=np.where(p := np.asarray(graph.particle_id), p + 90, 0)) for graph in graphs]
    assert whole == objective.loss(Given(logits), union_of([sample_of(graph) for graph in renamed]), generator())


def _starts(graphs: list[HitGraph]) -> list[tuple[int, HitGraph]]:
    return list(zip(np.cumsum([0, *(graph.num_nodes for graph in graphs)]).tolist(), graphs, strict=False))


def test_particles_beyond_sub_sample_are_drawn_by_the_generator() -> None:
    objective, sample = HyperTrackEdges(sub_sample=2), sample_of(tracks(1))
    network = Given(torch.linspace(-2, 2, sample.rows.counts["edge"]))
    losses = [objective.loss(network, sample, torch.Generator().manual_seed(seed)).item() for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_symmetries_move_every_feature_as_if_the_hits_had_moved() -> None:
    graph = tracks(2)
    objective = HyperTrackEdges(inputs=HitInputs(NAMES, messages=True))
    for seed in range(6):
        sample = objective.augmented(sample_of(graph, objective), np.random.default_rng(seed))
        moved = sample_of(replace(graph, x=sample.rows.features["x"].numpy()), objective)
        assert not torch.equal(moved.rows.features["x"], sample_of(graph).rows.features["x"])
        for name in NAMES:
            torch.testing.assert_close(sample.rows.features[name], moved.rows.features[name], atol=2e-3, rtol=2e-3)
        assert all(torch.equal(sample.rows.ends[end], moved.rows.ends[end]) for end in sample.rows.ends)
    assert set(NAMES) > ROTATED


def test_samples_hold_what_the_network_and_its_teacher_read() -> None:
    student, teacher = reader("pair_geometry"), reader("doublet_geometry", messages=True)
    hypertrack = HyperTrackNetwork(HyperTrackConfig(features="cylindrical", layers=1, hidden=4, message=4, latent=4))
    for networks, names, messages in (
        ((student,), {"pair_geometry"}, False),
        ((student, teacher), {"pair_geometry", "doublet_geometry"}, True),
        ((student, Given(torch.zeros(1))), {"pair_geometry", "x", "edge_attr"}, False),
        ((Given(torch.zeros(1)),), {"x", "edge_attr"}, False),
        ((hypertrack,), set(hypertrack.inputs), False),
        ((hypertrack, teacher), {*hypertrack.inputs, "doublet_geometry"}, True),
    ):
        rows = sample_of(tracks(0), HyperTrackEdges().reading(*networks)).rows
        assert rows.features.keys() == names
        assert (MESSAGE in rows.domains) == messages
    with pytest.raises(ValueError, match="unknown feature 'colour' of hit graphs, wanted one of x, "):
        HitInputs(("colour",))


def test_a_teacher_weighs_its_scores_against_the_loss() -> None:
    sample = sample_of(tracks(0))
    logits, scores = (
        torch.linspace(-2, 2, sample.rows.counts["edge"]),
        torch.linspace(4, -4, sample.rows.counts["edge"]),
    )
    network, teacher = Given(logits), Given(scores)
    found = [
        HyperTrackEdges(distillation=share).distillation_loss(network, teacher, sample, generator()).item()
        for share in (0.0, 0.25, 1.0)
    ]
    p, q = torch.sigmoid(scores.double()), torch.sigmoid(logits.double())
    assert found[0] == pytest.approx(HyperTrackEdges().loss(network, sample, generator()).item())
    assert found[2] == pytest.approx(float(-(p * q.log() + (1 - p) * (1 - q).log()).mean()), rel=1e-5)
    assert found[1] == pytest.approx(0.75 * found[0] + 0.25 * found[2])


def test_figures_are_those_of_all_validation_edges_together() -> None:
    samples = [sample_of(tracks(seed)) for seed in range(2)]
    rng = np.random.default_rng(0)
    logits = [torch.from_numpy(rng.integers(-4, 4, len(s.targets["y"])) / 2 + s.targets["y"].numpy()) for s in samples]

    class InTurn(nn.Module):
        def forward(self, rows: Rows[Tensor]) -> Tensor:
            return logits[int(rows.name == samples[1].rows.name)]

    figures = HyperTrackEdges().validate(InTurn(), samples, generator())
    every, y = torch.cat(logits).numpy(), torch.cat([s.targets["y"] for s in samples]).numpy() > 0.5
    true, false = every[y], every[~y]
    above = (true[:, None] > false).mean() + 0.5 * (true[:, None] == false).mean()
    assert figures["auc"] == pytest.approx(above)
    assert figures["validation_accuracy"] == pytest.approx(np.mean((every > figures["threshold"]) == y))
    parts = [
        HyperTrackEdges().loss(Given(one.float()), s, generator()).item()
        for one, s in zip(logits, samples, strict=True)
    ]
    assert figures["validation_loss"] == pytest.approx(np.mean(parts), rel=1e-5)
    wild = HyperTrackEdges().validate(
        Given(torch.full((len(samples[0].targets["y"]),), np.nan)), samples[:1], generator()
    )
    assert all(np.isnan(value) for value in wild.values())


def test_a_network_learns_and_the_epoch_of_the_largest_auc_counts(tmp_path: Path) -> None:
    graphs = [tracks(seed) for seed in range(10)]
    result = fit(
        reader("doublet_geometry", "pair_geometry"),
        HyperTrackEdges(),
        graphs[:8],
        graphs[8:],
        CONFIG,
        tmp_path,
        teacher=None,
        progress=False,
    )
    areas = [record["auc"] for record in result.history]
    assert result.figures["auc"] == max(areas) > 0.95
    assert result.history[-1]["train_loss"] < 0.7 * result.history[0]["train_loss"]


def test_graphs_without_edges_are_left_out_and_those_without_truth_refused() -> None:
    graph = tracks(0)
    none = HitGraph(graph.x, np.zeros((2, 0), np.int64), np.zeros(0, bool), graph.particle_id)
    assert HyperTrackEdges().sample(none) is None
    for field in ("y", "particle_id"):
        with pytest.raises(ValueError, match="tracks0: lacks edge labels y or particle_id"):
            HyperTrackEdges().sample(replace(graph, **{field: None}))  # type: ignore[arg-type]
    assert torch.equal(sample_of(replace(graph, weight=None)).targets["weight"], torch.ones(graph.num_nodes))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"focal": -1.0}, "focal is -1.0"),
        ({"focal": 0.0, "contrastive": 0.0}, "focal and contrastive are both 0"),
        ({"temperature": 0.01}, "temperature is 0.01"),
        ({"floor": 1.0}, "floor is 1.0, wanted a number from 0 to 1, less than 1"),
        ({"distillation": 1.5}, "distillation is 1.5"),
        ({"sub_sample": 0}, "sub_sample is 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HyperTrackEdges(**wrong)  # type: ignore[arg-type]
