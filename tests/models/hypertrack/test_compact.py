"""The compact HyperTrack against a loop over hits and pairs, and its parameters against a formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.models.hypertrack.compact import (
    LATENT,
    LOGIT,
    CompactHyperTrackConfig,
    compact_hypertrack,
)
from edgetrack.models.named_networks import describe
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import HIT_DOMAINS, Rows, as_tensors
from edgetrack.models.steps import EDGE, NODE

SMALL = CompactHyperTrackConfig(layers=3, hidden=5, message=4, latent=6, message_units=7, hidden_units=8)
CONFIGS = {
    "published sizes": CompactHyperTrackConfig(),
    "small": SMALL,
    "one layer": replace(SMALL, layers=1),
    "shared": replace(SMALL, weights="shared"),
    "squared": replace(SMALL, distance="squared", edge_geometry=False),
    "root": replace(SMALL, distance="root"),
}


def some_rows(nodes: int = 9, pairs: int = 20, seed: int = 0) -> Rows[NDArray[Any]]:
    rng = np.random.default_rng(seed)
    features = {
        name: rng.normal(size=(rows, width)).astype(np.float32)
        for name, rows, width in (
            ("cylindrical", nodes, 4),
            ("pair_geometry", pairs, 3),
            ("doublet_geometry", pairs, 5),
        )
    }
    ends = {end: rng.integers(0, nodes - 1, pairs) for end in ("source", "target")}  # the last hit is alone
    return Rows(HIT_DOMAINS, {"node": nodes, "edge": pairs}, features, ends)


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_those_of_the_formula(name: str) -> None:
    c = CONFIGS[name]
    geometry = 3 + 5
    total = 0
    for layer in range(c.layers):
        width = c.hidden if layer else 4
        message = (3 * width + 2 + geometry + 1) * c.message_units + (c.message_units + 1) * c.message
        total += message * (2 if c.weights == "own" else 1)
        total += (width + 2 * c.message + 1) * c.hidden_units + (c.hidden_units + 1) * c.hidden
    total += (c.layers * c.hidden + 1) * c.fusion_units + (c.fusion_units + 1) * c.latent
    total += (c.latent + geometry * c.edge_geometry + 1) * c.edge_units + c.edge_units + 1
    assert describe(c).num_parameters() == total
    assert sum(parameter.numel() for parameter in GraphNetwork(describe(c)).parameters()) == total


def test_published_sizes_give_the_documented_number_of_parameters() -> None:
    assert f"{describe(CompactHyperTrackConfig()).num_parameters():,}" in (compact_hypertrack.__doc__ or "")


def lively_network(config: CompactHyperTrackConfig) -> GraphNetwork:
    """Random weights, larger than those that training starts from: what comes in is still seen in the end."""
    network = seeded_network(describe(config), 1)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            parameter.mul_(2.0)
    return network


def looped(config: CompactHyperTrackConfig, network: GraphNetwork, rows: Rows[Tensor]) -> tuple[Tensor, Tensor]:
    """`latent` and logits, hit by hit and pair by pair."""
    scale = {value.name: torch.tensor(value.scale) for value in network.description.inputs}
    hits = rows.features["cylindrical"] * scale["cylindrical"]
    geometry = rows.features["pair_geometry"] * scale["pair_geometry"]
    doublet = rows.features["doublet_geometry"] * scale["doublet_geometry"]
    pairs = list(zip(rows.ends["source"].tolist(), rows.ends["target"].tolist(), strict=True))
    layers = []
    for layer in range(1, config.layers + 1):
        messages: dict[str, list[list[Tensor]]] = {side: [[] for _ in hits] for side in ("forward", "backward")}
        for pair, ends in enumerate(pairs):
            for side, (i, j) in (("forward", ends[::-1]), ("backward", ends)):
                shared = config.weights == "shared"
                sign = -1 if shared and side == "backward" else 1
                apart = hits[i] - hits[j]
                size = {"l1": apart.abs().sum(), "squared": apart @ apart, "root": apart.norm()}[config.distance]
                edge = [(hits[i] @ hits[j])[None], size[None], geometry[pair], sign * doublet[pair]]
                ends_seen = (i, j) if shared or side == "forward" else (j, i)
                seen = torch.cat([*(hits[end] for end in ends_seen), hits[i] * hits[j], *edge])
                messages[side][i].append(network.mlps[f"{'message' if shared else side}_{layer}"](seen))
        means = [
            torch.stack([torch.stack(got).mean(0) if got else torch.zeros(config.message) for got in messages[side]])
            for side in ("forward", "backward")
        ]
        name = f"change_{layer}" if layer > 1 else "hits_1"
        changed = network.mlps[name](torch.cat([hits, *means], dim=1))
        hits = hits + changed if layer > 1 else changed
        layers.append(hits)
    latent = network.mlps[LATENT](torch.cat(layers, dim=1))
    logits = []
    for pair, (i, j) in enumerate(pairs):
        read = [latent[i] * latent[j], *([geometry[pair], doublet[pair]] if config.edge_geometry else [])]
        logits.append(network.mlps[LOGIT](torch.cat(read)))
    return latent, torch.cat(logits)


@torch.no_grad()
@pytest.mark.parametrize("name", CONFIGS)
def test_latent_and_logits_equal_a_loop_over_hits_and_pairs(name: str) -> None:
    network = lively_network(CONFIGS[name])
    rows = as_tensors(some_rows())
    latent, logits = looped(CONFIGS[name], network, rows)
    values = network.values(rows)
    torch.testing.assert_close(values[LATENT], latent, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(rows), logits, rtol=1e-4, atol=1e-4)
    assert logits.std() > 1e-3
    other = as_tensors(replace(some_rows(), ends={**some_rows().ends, "target": some_rows().ends["source"]}))
    assert not torch.allclose(network(other), logits, atol=1e-2)


@torch.no_grad()
@pytest.mark.parametrize("weights", ["shared", "own"])
def test_with_shared_weights_turning_all_pairs_round_swaps_both_means(weights: str) -> None:
    network = lively_network(replace(SMALL, weights=weights, layers=1))  # type: ignore[arg-type]
    rows = some_rows()
    turned = replace(
        rows,
        features={**rows.features, "doublet_geometry": -rows.features["doublet_geometry"]},
        ends={"source": rows.ends["target"], "target": rows.ends["source"]},
    )
    values, swapped = (network.values(as_tensors(one)) for one in (rows, turned))
    same = torch.allclose(values["mean_forward_1"], swapped["mean_backward_1"], atol=1e-5)
    assert same == (weights == "shared")
    assert not torch.allclose(values["mean_forward_1"], values["mean_backward_1"], atol=1e-2)


def test_it_lives_on_hits_and_pairs_alone_and_makes_tokens_of_sixteen_with_coordinates() -> None:
    description = compact_hypertrack(CompactHyperTrackConfig())
    assert description.domains == (NODE, EDGE)
    assert description.shape(LATENT) == ("node", 16 - 3)
    assert description.shape(description.output) == ("edge", 1)
    assert LATENT in description.needed


def test_sizes_and_scales_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="layers is 0, wanted at least 1"):
        CompactHyperTrackConfig(layers=0)
    with pytest.raises(ValueError, match=r"pair_scale is \[0.3\], wanted powers of two"):
        CompactHyperTrackConfig(pair_scale=(0.3,))
    with pytest.raises(ValueError, match="one a column"):
        CompactHyperTrackConfig(cylindrical_scale=())
