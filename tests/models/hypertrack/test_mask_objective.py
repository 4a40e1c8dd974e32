"""The objective of HyperTrack's set transformer: targets, both forms of the network, unions, figures, and learning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from micrograph_sets import lively_transformer, random_micrographs
from torch import Tensor, nn

from edgetrack.models.hypertrack.losses import intersect_loss, node_mask_loss, overlap_loss
from edgetrack.models.hypertrack.mask_models import mask_logits
from edgetrack.models.hypertrack.mask_objective import HyperTrackMasks, MicrographSet
from edgetrack.models.hypertrack.set_transformer import SetTransformer
from edgetrack.models.hypertrack.transformer_steps import folded
from edgetrack.models.micrographs import Micrographs
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Rows
from edgetrack.models.sample import Sample, union_of
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import fit

WIDTH = 16


def event(seed: int, hits: int = 40, count: int = 12) -> MicrographSet:
    """Hits of one particle lie near each other in the first two columns."""
    rng = np.random.default_rng(seed)
    particle = rng.integers(0, 6, hits)
    tokens = rng.normal(0, 0.3, (hits, WIDTH)).astype(np.float32)
    tokens[:, :2] += np.stack([np.cos(particle), np.sin(particle)], 1) * 2
    return MicrographSet(tokens, particle, random_micrographs(hits, count, seed, largest=12), f"event{seed}")


def with_pivots_of_one_particle(data: MicrographSet, seed: int) -> MicrographSet:
    """Pivots that agree, as those of a walk do; the particle of most pivots can be told then without their order."""
    rng, graphs = np.random.default_rng(seed), data.micrographs
    pivots = graphs.pivots.copy()
    for b, nodes in enumerate(np.split(graphs.nodes, graphs.offsets[1:-1])):
        particle = data.particle_id[rng.choice(nodes)]
        pivots[b] = rng.choice(nodes[data.particle_id[nodes] == particle], pivots.shape[1])
    return replace(data, micrographs=Micrographs(graphs.nodes, graphs.offsets, pivots))


def as_sample(data: MicrographSet, objective: HyperTrackMasks | None = None) -> Sample:
    sample = (objective or HyperTrackMasks()).sample(data)
    assert sample is not None
    return sample


def in_steps(transformer: SetTransformer) -> GraphNetwork:
    description, state = folded(transformer)
    network = GraphNetwork(description)
    network.load_state_dict(state)
    return network.eval()


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_target_is_the_particle_of_most_pivots() -> None:
    data = event(1)
    wanted = []
    for b, (start, stop) in enumerate(zip(data.micrographs.offsets, data.micrographs.offsets[1:], strict=False)):
        votes = [p for p in data.particle_id[data.micrographs.pivots[b]].tolist() if p]
        chosen = max(votes, key=votes.count) if votes else -1
        wanted += (data.particle_id[data.micrographs.nodes[start:stop]] == chosen).tolist()
    assert as_sample(data).targets["y"].tolist() == wanted
    assert 0 < np.mean(wanted) < 1


def test_the_loss_is_its_two_parts_on_the_transformers_masks() -> None:
    data, transformer = event(2), lively_transformer(width=WIDTH)
    sample = as_sample(data)
    tokens = torch.from_numpy(data.tokens[data.micrographs.nodes])
    logits, y = mask_logits(transformer, tokens, data.micrographs), sample.targets["y"]
    owner = torch.from_numpy(data.micrographs.owner)
    mask = node_mask_loss(logits, y, owner, 12)
    for objective, of_sets in (
        (HyperTrackMasks(), intersect_loss(logits, y, 40)),
        (HyperTrackMasks(set_loss="dice"), overlap_loss(logits, y, owner, 12)),
        (HyperTrackMasks(set_loss="jaccard", smooth=2.0), overlap_loss(logits, y, owner, 12, True, 2.0)),
    ):
        found = objective.loss(transformer, sample, generator())
        assert found.item() == pytest.approx(0.2 * mask.item() + 0.2 * of_sets.item())


def test_a_network_in_steps_is_given_pairs_and_has_the_same_loss() -> None:
    transformer, data = lively_transformer(width=WIDTH), event(3)
    steps = in_steps(transformer)
    objective = HyperTrackMasks()
    assert not objective.reading(transformer).pairs
    assert objective.reading(transformer, steps).pairs
    with_pairs = as_sample(data, objective.reading(steps))
    losses = [objective.loss(one, with_pairs, generator()).item() for one in (transformer, steps)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] == objective.loss(transformer, as_sample(data), generator()).item()


@pytest.mark.parametrize("pairs", [False, True])
def test_micrographs_of_a_union_are_those_of_its_events(pairs: bool) -> None:
    objective, transformer = HyperTrackMasks(set_loss="dice", pairs=pairs), lively_transformer(width=WIDTH)
    network: nn.Module = in_steps(transformer) if pairs else transformer
    samples = [as_sample(event(seed, hits=30 + seed, count=4), objective) for seed in range(3)]
    whole = objective.loss(network, union_of(samples), generator()).item()
    assert whole == pytest.approx(
        np.mean([objective.loss(network, one, generator()).item() for one in samples]), rel=1e-4
    )


def test_a_teacher_weighs_its_masks_against_the_loss() -> None:
    student, teacher = lively_transformer(0, WIDTH), lively_transformer(1, WIDTH)
    data = event(4)
    sample = as_sample(data)
    tokens = torch.from_numpy(data.tokens[data.micrographs.nodes])
    with torch.no_grad():
        p, q = (torch.sigmoid(mask_logits(one, tokens, data.micrographs).double()) for one in (teacher, student))
    found = [
        HyperTrackMasks(distillation=share).distillation_loss(student, teacher, sample, generator()).item()
        for share in (0.0, 0.5, 1.0)
    ]
    assert found[0] == pytest.approx(HyperTrackMasks().loss(student, sample, generator()).item())
    assert found[2] == pytest.approx(float(-(p * q.log() + (1 - p) * (1 - q).log()).mean()), rel=1e-4)
    assert found[1] == pytest.approx((found[0] + found[2]) / 2)


class Given(nn.Module):
    """A network in steps whose logits are given."""

    description = in_steps(lively_transformer(width=WIDTH)).description

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, rows: Rows[Tensor]) -> Tensor:
        return self.logits


def test_figures_are_those_of_masks_at_one_half() -> None:
    micrographs = Micrographs(np.arange(6), np.array([0, 4, 6]), np.array([[0, 1, 2], [4, 4, 5]]))
    data = MicrographSet(np.zeros((7, WIDTH), np.float32), np.array([1, 1, 2, 1, 0, 0, 3]), micrographs)
    sample = as_sample(data)
    assert sample.targets["y"].tolist() == [1, 1, 0, 1, 0, 0]
    figures = HyperTrackMasks().validate(Given(torch.tensor([2.0, -1.0, 1.0, 3.0, 1.0, -4.0])), [sample], generator())
    assert (figures["node_accuracy"], figures["mask_efficiency"], figures["mask_purity"]) == (3 / 6, 2 / 3, 2 / 4)
    none = HyperTrackMasks().validate(Given(-torch.ones(6)), [sample], generator())
    assert (none["node_accuracy"], none["mask_efficiency"], none["mask_purity"]) == (3 / 6, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"event: the network's output is \(2,\), wanted \(6,\), one logit a token"):
        HyperTrackMasks().loss(Given(torch.ones(2)), sample, generator())


def test_a_transformer_learns_masks_in_batches_of_events(tmp_path: Path) -> None:
    torch.manual_seed(0)
    transformer = SetTransformer(width=WIDTH, heads=2, blocks=1)
    schedule = ScheduleConfig(optimizer="muon", learning_rate=0.01)
    config = TrainConfig(epochs=8, batch_graphs=2, schedule=schedule)
    events = [with_pivots_of_one_particle(event(seed, count=40), seed) for seed in range(26)]
    result = fit(transformer, HyperTrackMasks(), events[:24], events[24:], config, tmp_path, progress=False)
    assert result.figures["node_accuracy"] > 0.9
    assert result.history[-1]["validation_loss"] < result.history[0]["validation_loss"]


def test_events_without_micrographs_are_left_out_and_sizes_that_do_not_fit_refused() -> None:
    data = event(0)
    empty = Micrographs(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3), np.int64))
    assert HyperTrackMasks().sample(replace(data, micrographs=empty)) is None
    with pytest.raises(ValueError, match=r"event0: tokens \(40, 16\), particle_id \(39,\)"):
        replace(data, particle_id=data.particle_id[:-1])
    with pytest.raises(ValueError, match=r"event0: tokens .*, hits up to"):
        replace(data, tokens=data.tokens[:9], particle_id=data.particle_id[:9])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mask": -1.0}, "mask is -1.0"),
        ({"mask": 0.0, "sets": 0.0}, "mask and sets are both 0"),
        ({"smooth": 0.0}, "smooth is 0.0"),
        ({"set_loss": "iou"}, "set_loss is 'iou', wanted intersect, dice or jaccard"),
        ({"distillation": 2.0}, "distillation is 2.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HyperTrackMasks(**wrong)  # type: ignore[arg-type]
