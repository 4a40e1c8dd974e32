"""An objective of another kind, without a change to `fit`: an embedding of hits, learnt from pairs.

Run as a script it trains, and may kill its own process: test_pair_objective.py FOLDER KILL_AT.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import getpid, kill
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.network import seeded_network
from edgetrack.models.objective import Objective
from edgetrack.models.rows import Rows, as_tensors, hit_rows
from edgetrack.models.sample import Sample
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.steps import NODE, Domain, End, Input, Mlp
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import FitResult, fit

PARTICLE = Domain("particle")
MEMBERSHIP = Domain("membership", (End("of_hit", "particle"),))  # one a hit, in the order of the hits
TRUE_PAIR = Domain("true_pair", (End("first", "node"), End("second", "node")))
CONFIG = TrainConfig(epochs=12, batch_graphs=2, keep="best", seed=4, schedule=ScheduleConfig(learning_rate=0.02))
FORWARDS_AN_EPOCH = 3 + 2  # batches of 2 + 2 + 1 graphs, and two validation graphs


@dataclass(frozen=True)
class PairHinge(Objective[HitGraph]):
    """Hits of one particle near each other in the embedding, random other pairs further away than a margin.

    Half of the repulsive pairs are hard: of several random hits the nearest one in the embedding as it is.
    """

    margin: float = 1.0
    repulsive: int = 200  # random pairs a step, of each kind
    tried: int = 8

    decides: ClassVar[str] = "neighbour_purity"
    better: ClassVar[Literal["lower", "higher"]] = "higher"

    def sample(self, data: HitGraph) -> Sample | None:
        if data.particle_id is None:
            raise ValueError(f"{data.name}: has no particle_id; an embedding learns from truth")
        numbers, particle = np.unique(data.particle_id, return_inverse=True)
        order = np.argsort(particle, kind="stable")
        same = particle[order[1:]] == particle[order[:-1]]
        if not same.any():
            return None
        rows = hit_rows(data)
        counts = {"particle": len(numbers), "membership": len(particle), "true_pair": int(same.sum())}
        ends = {"of_hit": particle, "first": order[:-1][same], "second": order[1:][same]}
        domains = (*rows.domains, PARTICLE, MEMBERSHIP, TRUE_PAIR)
        whole = Rows(domains, {**rows.counts, **counts}, rows.features, {**rows.ends, **ends}, rows.name)
        return Sample(as_tensors(whole), {})

    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        embedding, ends = network(sample.rows), sample.rows.ends
        count, particle = sample.rows.counts["node"], ends["of_hit"]
        near = distances(embedding, ends["first"], ends["second"])
        hits = torch.randint(count, (2, self.repulsive), generator=generator)
        among = torch.randint(count, (self.repulsive, self.tried), generator=generator)
        other = particle[among] != particle[hits[0]].unsqueeze(1)
        with torch.no_grad():
            far = torch.linalg.vector_norm(embedding[among] - embedding[hits[0]].unsqueeze(1), dim=2)
            nearest = torch.where(other, far, torch.inf).argmin(1, keepdim=True)
        first, second = hits[0].repeat(2), torch.cat([hits[1], among.gather(1, nearest)[:, 0]])
        repelled = particle[first] != particle[second]
        hinge = (self.margin - distances(embedding, first[repelled], second[repelled])).clamp(min=0)
        return near.square().mean() + hinge.square().mean()

    def validate(self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator) -> dict[str, float]:
        """neighbour_purity: hits whose nearest hit in the embedding is of their own particle / hits."""
        losses, pure, hits = [], 0, 0
        for sample in samples:
            losses.append(float(self.loss(network, sample, generator)))
            embedding, particle = network(sample.rows), sample.rows.ends["of_hit"]
            apart = torch.cdist(embedding, embedding).fill_diagonal_(torch.inf)
            pure += int((particle[apart.argmin(1)] == particle).sum())
            hits += len(particle)
        return {"validation_loss": float(np.mean(losses)), "neighbour_purity": pure / hits}


def distances(embedding: Tensor, first: Tensor, second: Tensor) -> Tensor:
    difference = embedding.index_select(0, first) - embedding.index_select(0, second)
    return (difference.square().sum(1) + 1e-12).sqrt()


def toy_event(seed: int, particles: int = 25, layers: int = 4) -> HitGraph:
    """Straight tracks from the origin through cylinders: hits of one share φ and z / r. No edges."""
    rng = np.random.default_rng(seed)
    radius, particle = np.meshgrid(0.04 * np.arange(1, layers + 1), np.arange(particles))
    phi, slope = rng.uniform(-0.9, 0.9, particles), rng.uniform(-2, 2, particles)
    x = np.stack([radius, phi[particle] + rng.normal(0, 0.002, radius.shape), slope[particle] * radius], 2)
    none = np.zeros((2, 0), np.int64)
    order = rng.permutation(particle.size)
    graph = HitGraph(x.reshape(-1, 3), none, particle_id=particle.ravel() + 1, name=f"toy{seed}")
    return graph.permuted(order, np.empty(0, np.int64))


def embedding_network() -> nn.Module:
    steps = (Mlp("embedding", "x", (24, 24, 8)),)
    return seeded_network(
        NetworkDescription("embedding", (Input("x", "node", (8.0, 1.0, 4.0)),), steps, "embedding"), 1
    )


def trained(folder: Path, kill_at: int = 0, config: TrainConfig = CONFIG) -> FitResult:
    network, passes = embedding_network(), 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes == kill_at:
            kill(getpid(), signal.SIGKILL)

    network.register_forward_pre_hook(count)
    events = [toy_event(seed) for seed in range(7)]
    return fit(network, PairHinge(), events[:5], events[5:], config, folder, progress=False)


def test_an_embedding_learns_from_pairs_and_resumes_to_bitwise_the_same_weights(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    purities = [record["neighbour_purity"] for record in whole.history]
    assert whole.figures["neighbour_purity"] == max(purities) > 0.75 > 0.6 > purities[0]  # the best epoch: the highest
    in_epoch_3 = 3 * (FORWARDS_AN_EPOCH + 2) + 2  # validation runs the network twice
    command = [sys.executable, __file__, str(tmp_path / "killed")]
    assert subprocess.run([*command, str(in_epoch_3)], check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "state.safetensors").exists()
    subprocess.run([*command, "0"], check=True)
    resumed = load_file(tmp_path / "killed" / "state.safetensors")
    assert whole.state.keys() == resumed.keys()
    assert all(np.array_equal(value.numpy(), resumed[name].numpy()) for name, value in whole.state.items())
    other = trained(tmp_path / "other", config=replace(CONFIG, seed=5))
    assert any(not np.array_equal(value.numpy(), other.state[name].numpy()) for name, value in whole.state.items())


def test_random_pairs_follow_from_the_generator_alone() -> None:
    sample, network = PairHinge().sample(toy_event(0)), embedding_network()
    assert sample is not None
    losses = [PairHinge().loss(network, sample, torch.Generator().manual_seed(seed)).item() for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_events_without_pairs_are_left_out_and_those_without_truth_refused(tmp_path: Path) -> None:
    lonely = HitGraph(
        np.ones((1, 3), np.float32), np.zeros((2, 0), np.int64), particle_id=np.ones(1, np.int64), name="lonely"
    )
    with pytest.raises(ValueError, match="2 training and 1 validation graphs, of which 0 and 1 have something"):
        fit(embedding_network(), PairHinge(), [lonely] * 2, [toy_event(0)], CONFIG, tmp_path)
    with pytest.raises(ValueError, match="lonely: has no particle_id"):
        fit(embedding_network(), PairHinge(), [replace(lonely, particle_id=None)], [toy_event(0)], CONFIG, tmp_path)


def test_the_network_leaves_domains_alone_that_only_the_loss_reads() -> None:
    event, network = toy_event(3), embedding_network()
    sample = PairHinge().sample(event)
    assert sample is not None
    assert NODE in sample.rows.domains
    assert torch.equal(network(sample.rows), network(as_tensors(hit_rows(event))))


if __name__ == "__main__":
    save_file(trained(Path(sys.argv[1]), int(sys.argv[2])).state, Path(sys.argv[1]) / "state.safetensors")
