"""Checkpoints: round trip, byte equality, and clear refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.checkpoint import (
    Checkpoint,
    checkpoint_digest,
    float_network,
    load_checkpoint,
    save_checkpoint,
)
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows

PATH = np.array([[0, 1, 2], [1, 2, 3]])


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(1)
    description = interaction_network(InteractionNetworkConfig(hidden=5, edge_scale=(4.0, 32.0, 0.5, 0.125)))
    return Checkpoint(
        kind="float",
        description=description,
        state=GraphNetwork(description).state_dict(),
        threshold=-0.25,
        track_threshold=1.5,
        config={"b": [1, 2.5], "a": {"seed": 3}},
        metrics={"auc": 0.75},
    )


def test_a_checkpoint_comes_back_whole(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "sub" / "c.safetensors")
    back = load_checkpoint(tmp_path / "sub" / "c.safetensors")
    assert replace(back, state={}) == replace(checkpoint, state={})
    assert back.state.keys() == checkpoint.state.keys()
    for name, tensor in checkpoint.state.items():
        assert np.array_equal(back.state[name].numpy(), tensor.numpy())
    assert back.logit_for_tracks == 1.5


def test_equal_checkpoints_give_equal_bytes_and_one_changed_weight_does_not(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    backwards = replace(
        checkpoint, state=dict(reversed(checkpoint.state.items())), config=dict(reversed(checkpoint.config.items()))
    )
    changed = {name: tensor.clone() for name, tensor in checkpoint.state.items()}
    changed["mlps.phi_r1.0.weight"][0, 0] += 1e-3
    contents = []
    for index, one in enumerate((checkpoint, backwards, replace(checkpoint, state=changed))):
        save_checkpoint(one, tmp_path / f"{index}.safetensors")
        contents.append((tmp_path / f"{index}.safetensors").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_the_loaded_network_gives_the_same_logits(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "c.safetensors")
    original = GraphNetwork(checkpoint.description)
    original.load_state_dict(checkpoint.state)
    graph = as_tensors(hit_rows(HitGraph(np.random.default_rng(0).random((4, 3), np.float32), PATH)))
    loaded = float_network(load_checkpoint(tmp_path / "c.safetensors"))
    logits = loaded(graph)
    assert np.array_equal(logits.detach().numpy(), original(graph).detach().numpy())
    assert logits.std() > 0


def test_a_file_that_is_no_checkpoint_is_refused_by_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(FileNotFoundError, match=r"c\.safetensors"):
        load_checkpoint(path)
    for junk in (b"", b"no weights in here at all", b"\x80\x02pickle"):
        path.write_bytes(junk)
        with pytest.raises(ValueError, match=r"c\.safetensors: not a whole safetensors file"):
            load_checkpoint(path)
    path.write_bytes(safetensors.torch.save({"w": torch.zeros(2)}))
    with pytest.raises(ValueError, match="wanted an edgetrack checkpoint"):
        load_checkpoint(path)
    save_checkpoint(checkpoint, path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load_checkpoint(path)


def test_what_a_checkpoint_must_not_hold_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wanted a finite logit"):
        replace(checkpoint, threshold=float("nan"))
    with pytest.raises(ValueError, match="lacks its precision recipe"):
        replace(checkpoint, kind="quantised")
    with pytest.raises(ValueError, match="not plain JSON"):
        save_checkpoint(replace(checkpoint, metrics={"auc": float("nan")}), tmp_path / "c.safetensors")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="wanted a float checkpoint"):
        float_network(replace(checkpoint, kind="quantised", recipe={}))
    with pytest.raises(ValueError, match="weights and description of the checkpoint differ"):
        float_network(replace(checkpoint, state={}))


def test_every_flipped_bit_of_a_file_is_refused_by_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(checkpoint, path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [*range(0, 64), *rng.integers(64, len(content), 400).tolist(), len(content) - 1]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"c\.safetensors: "):
            load_checkpoint(path)
    path.write_bytes(content)
    assert checkpoint_digest(load_checkpoint(path)) == checkpoint_digest(checkpoint)


def test_the_digest_names_weights_and_all_that_stands_beside_them(checkpoint: Checkpoint) -> None:
    transposed = {name: value.T if value.ndim == 2 else value for name, value in checkpoint.state.items()}
    others = [
        replace(checkpoint, threshold=0.25),
        replace(checkpoint, config={}),
        replace(checkpoint, state=transposed),
    ]
    assert len({checkpoint_digest(one) for one in (checkpoint, *others)}) == 4
