"""A retraining that was broken off goes on to bitwise the same weights, and scales that are fixed stay so."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from integer_networks import random_graph
from quantized_networks import random_network
from torch import nn

from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.sample import Samples
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import FitResult, fingerprint, fit
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import threshold_parameter
from edgetrack.quantize.recipe import PrecisionRecipe

CONFIG = TrainConfig(epochs=5, seed=3, schedule=ScheduleConfig(optimizer="muon", learning_rate=0.05))
EDGES = EdgeClassification()
PASSES_AN_EPOCH = 3 + 1  # training graphs and a validation graph
Scales = Literal["learned", "fixed"]


class Killed(Exception):
    """Stands for the end of the process."""


def graphs() -> list[HitGraph]:
    made = []
    for seed in range(4):
        graph = random_graph(40, 160, seed=seed)
        made.append(HitGraph(graph.x, graph.edge_index, y=graph.edge_attr[:, 3] < 3.0, name=f"toy{seed}"))
    return made


def network(scales: Scales) -> QuantizedNetwork:
    description = interaction_network(InteractionNetworkConfig(hidden=4))
    return random_network(description, PrecisionRecipe(scales=scales, bias_bits=20), seed=4)


def trained(network: nn.Module, folder: Path) -> FitResult:
    *train, validation = graphs()
    return fit(network, EDGES, train, [validation], CONFIG, folder, progress=False)


def killed_in_epoch(network: nn.Module, epoch: int, folder: Path) -> None:
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes == epoch * PASSES_AN_EPOCH + 2:
            raise Killed

    network.register_forward_pre_hook(count)
    with pytest.raises(Killed):
        trained(network, folder)


def thresholds(network: QuantizedNetwork) -> dict[str, float]:
    return {name: float(threshold_parameter(layer).detach()) for name, layer in network.layers().items()}


@pytest.mark.parametrize("scales", ["learned", "fixed"])
def test_a_broken_off_retraining_ends_with_bitwise_the_same_weights(scales: Scales, tmp_path: Path) -> None:
    whole = trained(network(scales), tmp_path / "whole")
    killed_in_epoch(network(scales), 2, tmp_path / "killed")
    resumed = trained(network(scales), tmp_path / "killed")
    assert whole.state.keys() == resumed.state.keys()
    assert all(np.array_equal(value.numpy(), resumed.state[name].numpy()) for name, value in whole.state.items())
    assert whole.history == resumed.history


def test_fixed_scales_and_those_of_inputs_stay_through_a_resume_and_learned_ones_move(tmp_path: Path) -> None:
    for scales in ("learned", "fixed"):
        before = thresholds(network(scales))
        killed_in_epoch(network(scales), 1, tmp_path / scales)
        after = network(scales)
        trained(after, tmp_path / scales)
        moved = {name for name, value in thresholds(after).items() if value != before[name]}
        assert not moved & {"x", "edge_attr"}
        assert bool(moved) == (scales == "learned")


def test_loading_a_state_keeps_what_learns_and_what_does_not() -> None:
    before = network("fixed")
    learning = {name for name, value in before.named_parameters() if value.requires_grad}
    before.load_state_dict(before.state_dict())
    assert {name for name, value in before.named_parameters() if value.requires_grad} == learning
    assert len(learning) == 2 * sum(1 for module in before.modules() if isinstance(module, nn.Linear))


def test_a_training_is_named_by_its_recipe_and_by_buffers_that_no_file_keeps() -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=4))
    wider = QuantizedNetwork(description, PrecisionRecipe(activation_bits=9))
    state = wider.state_dict()
    names, samples = set(), Samples(EDGES.sample, graphs())
    for recipe in (PrecisionRecipe(activation_bits=9), PrecisionRecipe(), PrecisionRecipe(scales="fixed")):
        same_weights = QuantizedNetwork(description, recipe)
        same_weights.load_state_dict(state)
        names.add(fingerprint(same_weights, EDGES, samples, CONFIG))
    scaled = QuantizedNetwork(description, PrecisionRecipe())
    scaled.load_state_dict(state)
    with torch.no_grad():
        scaled.get_buffer("scale_x").mul_(2.0)
    names.add(fingerprint(scaled, EDGES, samples, CONFIG))
    assert len(names) == 4
