"""Batches: unions, symmetries, and order from (seed, epoch)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgetrack.graphs.hitgraph import HitGraph, edge_features
from edgetrack.models.batches import Augmentation, Batch, EpochBatches, as_batch, augmented, union_of
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import seeded_network


def hit_graph(seed: int, num_nodes: int = 12, num_edges: int = 30) -> HitGraph:
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [rng.uniform(0.03, 0.17, num_nodes), rng.uniform(-1, 1, num_nodes), rng.uniform(-1.5, 1.5, num_nodes)]
    )
    return HitGraph(x.astype(np.float32), rng.integers(0, num_nodes, (2, num_edges)), rng.random(num_edges) < 0.5)


def test_a_union_gives_each_graph_its_own_logits() -> None:
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=5)), 1)
    parts = [as_batch(hit_graph(seed, num_nodes=5 + seed, num_edges=7 * seed)) for seed in (0, 1, 2)]
    union = union_of(parts)
    with torch.no_grad():
        whole = network(union.rows)
        separate = [network(part.rows) for part in parts]
    torch.testing.assert_close(whole, torch.cat(separate), rtol=1e-6, atol=1e-6)  # blocks of other rows
    assert torch.equal(union.y, torch.cat([part.y for part in parts]))
    assert union_of(parts[:1]) is parts[0]


def edge_index(batch: Batch) -> NDArray[np.int64]:
    return np.stack([batch.rows.ends["source"].numpy(), batch.rows.ends["target"].numpy()])


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(), Augmentation(rotate=False), Augmentation(reflect_z=False), Augmentation(reflect_phi=False)],
)
def test_augmented_edge_features_are_those_of_the_augmented_hits(augmentation: Augmentation) -> None:
    for seed in range(8):
        batch = as_batch(hit_graph(seed))
        moved = augmented(batch, augmentation, np.random.default_rng(seed))
        recomputed = edge_features(moved.rows.features["x"].numpy(), edge_index(moved))
        # φ is rounded to float32 after the turn: differences near 1 are off by some 2⁻²⁴, ΔR by π times that
        np.testing.assert_allclose(moved.rows.features["edge_attr"].numpy(), recomputed, atol=1e-6)
        assert moved.rows.features["x"][:, 1].min() >= -1.0
        assert moved.rows.features["x"][:, 1].max() <= 1.0
        assert not torch.equal(moved.rows.features["x"], batch.rows.features["x"])


def test_without_symmetries_nothing_moves() -> None:
    batch = as_batch(hit_graph(3))
    still = augmented(batch, Augmentation(False, False, False), np.random.default_rng(0))
    torch.testing.assert_close(
        still.rows.features["x"], batch.rows.features["x"], rtol=0, atol=1e-6
    )  # φ goes through + 1 − 1
    assert torch.equal(still.rows.features["edge_attr"], batch.rows.features["edge_attr"])


def numbered(count: int) -> list[Batch]:
    graphs = [
        HitGraph(np.full((1, 3), i, np.float32), np.zeros((2, 0), np.int64), y=np.zeros(0, np.bool_))
        for i in range(count)
    ]
    return [as_batch(graph) for graph in graphs]


def order(epoch: int, seed: int = 0, rank: int = 0, world_size: int = 1, batch_graphs: int = 1) -> list[int]:
    batches = EpochBatches(numbered(7), batch_graphs, None, seed, epoch, rank, world_size)
    found = list(batches)
    assert len(found) == len(batches)
    return [int(row[0]) for batch in found for row in batch.rows.features["x"]]


def test_every_epoch_has_each_graph_once_in_an_order_of_its_own() -> None:
    assert sorted(order(0)) == sorted(order(1)) == list(range(7))
    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != order(0, seed=1)
    assert sorted(order(0, batch_graphs=3)) == list(range(7))


def test_devices_share_an_epoch_in_equal_parts() -> None:
    parts = [order(5, rank=rank, world_size=3) for rank in range(3)]
    assert {len(part) for part in parts} == {3}
    assert set().union(*parts) == set(range(7))
    assert len(order(5, rank=8, world_size=9)) == 1  # more devices than graphs


def test_augmentation_follows_from_seed_epoch_and_graph() -> None:
    graphs = [as_batch(hit_graph(seed)) for seed in range(3)]

    def first(seed: int, epoch: int) -> torch.Tensor:
        return next(iter(EpochBatches(graphs, 3, Augmentation(), seed, epoch))).rows.features["x"]

    assert torch.equal(first(1, 2), first(1, 2))
    assert not torch.equal(first(1, 2), first(1, 3))


def test_a_graph_without_labels_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="nameless: has no edge labels"):
        as_batch(HitGraph(np.ones((2, 3), np.float32), np.array([[0], [1]]), name="nameless"))
