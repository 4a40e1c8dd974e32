"""Batches: unions, symmetries, and order from (seed, epoch)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.graphs.hitgraph import HitGraph, edge_features
from edgetrack.models.augmentation import Augmentation, augmented
from edgetrack.models.batches import EpochBatches, generator_at
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network
from edgetrack.models.rows import Rows
from edgetrack.models.sample import Sample, Samples, union_of
from edgetrack.models.steps import Domain, End

PLAIN = EdgeClassification(augmentation=None)


def as_sample(graph: HitGraph) -> Sample:
    sample = PLAIN.sample(graph)
    assert sample is not None
    return sample


def hit_graph(seed: int, num_nodes: int = 12, num_edges: int = 30) -> HitGraph:
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [rng.uniform(0.03, 0.17, num_nodes), rng.uniform(-1, 1, num_nodes), rng.uniform(-1.5, 1.5, num_nodes)]
    )
    return HitGraph(x.astype(np.float32), rng.integers(0, num_nodes, (2, num_edges)), rng.random(num_edges) < 0.5)


def test_a_union_gives_each_graph_its_own_logits() -> None:
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=5)), 1)
    parts = [as_sample(hit_graph(seed, num_nodes=5 + seed, num_edges=1 + 7 * seed)) for seed in (0, 1, 2)]
    union = union_of(parts)
    with torch.no_grad():
        whole = network(union.rows)
        separate = [network(part.rows) for part in parts]
    torch.testing.assert_close(whole, torch.cat(separate), rtol=1e-6, atol=1e-6)  # blocks of other rows
    assert torch.equal(union.targets["y"], torch.cat([part.targets["y"] for part in parts]))
    assert union_of(parts[:1]) is parts[0]


def edge_index(rows: Rows[Tensor]) -> NDArray[np.int64]:
    return np.stack([rows.ends["source"].numpy(), rows.ends["target"].numpy()])


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(), Augmentation(rotate=False), Augmentation(reflect_z=False), Augmentation(reflect_phi=False)],
)
def test_augmented_edge_features_are_those_of_the_augmented_hits(augmentation: Augmentation) -> None:
    for seed in range(8):
        rows = as_sample(hit_graph(seed)).rows
        moved = augmented(rows, augmentation, np.random.default_rng(seed))
        recomputed = edge_features(moved.features["x"].numpy(), edge_index(moved))
        # φ is rounded to float32 after the turn: differences near 1 are off by some 2⁻²⁴, ΔR by π times that
        np.testing.assert_allclose(moved.features["edge_attr"].numpy(), recomputed, atol=1e-6)
        assert moved.features["x"][:, 1].min() >= -1.0
        assert moved.features["x"][:, 1].max() <= 1.0
        assert not torch.equal(moved.features["x"], rows.features["x"])


def test_without_symmetries_nothing_moves() -> None:
    rows = as_sample(hit_graph(3)).rows
    still = augmented(rows, Augmentation(False, False, False), np.random.default_rng(0))
    torch.testing.assert_close(still.features["x"], rows.features["x"], rtol=0, atol=1e-6)  # φ goes through + 1 − 1
    assert torch.equal(still.features["edge_attr"], rows.features["edge_attr"])


def numbered(count: int) -> list[Sample]:
    rows = [Rows((Domain("node"),), {"node": 1}, {"x": torch.full((1, 1), i)}, {}) for i in range(count)]
    return [Sample(one, {}) for one in rows]


def order(epoch: int, seed: int = 0, rank: int = 0, world_size: int = 1, size: int = 1) -> list[int]:
    batches = EpochBatches(numbered(7), size, PLAIN.augmented, seed, epoch, rank, world_size)
    found = list(batches)
    assert len(found) == len(batches)
    return [int(row[0]) for batch in found for row in batch.rows.features["x"]]


def test_every_epoch_has_each_graph_once_in_an_order_of_its_own() -> None:
    assert sorted(order(0)) == sorted(order(1)) == list(range(7))
    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != order(0, seed=1)
    assert sorted(order(0, size=3)) == list(range(7))


def test_devices_share_an_epoch_in_equal_parts() -> None:
    parts = [order(5, rank=rank, world_size=3) for rank in range(3)]
    assert {len(part) for part in parts} == {3}
    assert set().union(*parts) == set(range(7))
    assert len(order(5, rank=8, world_size=9)) == 1  # more devices than graphs


def test_augmentation_follows_from_seed_epoch_and_graph() -> None:
    graphs = [as_sample(hit_graph(seed)) for seed in range(3)]

    def first(seed: int, epoch: int) -> torch.Tensor:
        return next(iter(EpochBatches(graphs, 3, EdgeClassification().augmented, seed, epoch))).rows.features["x"]

    assert torch.equal(first(1, 2), first(1, 2))
    assert not torch.equal(first(1, 2), first(1, 3))


def test_a_graph_without_labels_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="nameless: has no edge labels"):
        as_sample(HitGraph(np.ones((2, 3), np.float32), np.array([[0], [1]]), name="nameless"))


def test_a_union_moves_the_ends_of_domains_that_only_the_loss_reads() -> None:
    """Pairs of hits, as an embedding is trained on: (0, 1) of each of two graphs with three hits."""
    pair = Domain("pair", (End("first", "node"), End("second", "node")))

    def sample(number: int) -> Sample:
        ends = {"first": torch.tensor([0]), "second": torch.tensor([1])}
        rows = Rows((Domain("node"), pair), {"node": 3, "pair": 1}, {"x": torch.zeros(3, 1)}, ends)
        return Sample(rows, {"attract": torch.tensor([float(number)])})

    union = union_of([sample(0), sample(1)])
    assert union.rows.counts == {"node": 6, "pair": 2}
    assert union.rows.ends["first"].tolist() == [0, 3]
    assert union.rows.ends["second"].tolist() == [1, 4]
    assert union.targets["attract"].tolist() == [0.0, 1.0]


def test_samples_are_made_when_they_are_asked_for_and_empty_ones_are_left_out() -> None:
    asked: list[int] = []

    def make(number: int) -> Sample | None:
        asked.append(number)
        return numbered(number + 1)[number] if number % 2 else None

    samples = Samples(make, range(5))
    assert (len(samples), samples.kept, asked) == (2, [1, 3], [0, 1, 2, 3, 4])
    assert [int(one.rows.features["x"]) for one in samples] == [1, 3]
    assert int(samples[-1].rows.features["x"]) == 3
    assert [int(one.rows.features["x"]) for one in samples[1:]] == [3]
    with pytest.raises(IndexError):
        samples[2]


def test_draws_follow_from_their_place() -> None:
    draws = {place: torch.rand(4, generator=generator_at(*place)).tolist() for place in ((0, 1, 2), (0, 2, 1), (0,))}
    assert torch.rand(4, generator=generator_at(0, 1, 2)).tolist() == draws[0, 1, 2]
    assert len({tuple(draw) for draw in draws.values()}) == 3
