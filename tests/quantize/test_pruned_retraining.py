"""Pruned in training, 0 in the integers: through steps, epochs, a resume, shared weights, and every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from integer_networks import flip_lsb, random_graph
from quantized_networks import random_network, source_of
from toy_networks import every_step

from edgetrack.events.progress import no_progress
from edgetrack.export.verification import VerifyConfig, verify_by_name
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.models.description import NetworkDescription
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.pruning import PruningConfig, weight_matrices
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.models.training import FitResult, fit
from edgetrack.quantize.extract import extract_integer_model
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.quantize.used_bits import weights_by_layer, zero_weights

SMALL = interaction_network(InteractionNetworkConfig(hidden=4))
LIVELY = interaction_network(InteractionNetworkConfig(hidden=12))
FEW_BITS = PrecisionRecipe(weight_bits=4, activation_bits=4, bias_bits=20)
CONFIG = TrainConfig(
    epochs=5,
    seed=3,
    schedule=ScheduleConfig(optimizer="muon", learning_rate=0.05),
    pruning=PruningConfig(0.75, end=0.7, overrides={"phi_o": 0.5, "phi_o.2": 0.0}),
)
PASSES_AN_EPOCH = 3 + 1  # training graphs and a validation graph


class Killed(Exception):
    """Stands for the end of the process."""


def graphs() -> list[HitGraph]:
    made = []
    for seed in range(4):
        graph = random_graph(40, 160, seed=seed)
        made.append(HitGraph(graph.x, graph.edge_index, y=graph.edge_attr[:, 3] < 3.0, name=f"toy{seed}"))
    return made


def network(description: NetworkDescription = SMALL) -> QuantizedNetwork:
    return random_network(description, FEW_BITS, seed=4).train()


def trained(network: QuantizedNetwork, folder: Path, config: TrainConfig = CONFIG) -> FitResult:
    *train, validation = graphs()
    return fit(network, EdgeClassification(), train, [validation], config, folder, progress=False)


def zeros_by_epoch(network: QuantizedNetwork, folder: Path) -> list[dict[str, torch.Tensor]]:
    """Which float weights are 0 at every pass of the network in training mode."""
    seen: list[dict[str, torch.Tensor]] = []

    def look(*_: object) -> None:
        if network.training:
            seen.append({name: weight == 0 for name, weight in weight_matrices(network).items()})

    hook = network.register_forward_pre_hook(look)
    trained(network, folder)
    hook.remove()
    return seen


def test_pruned_weights_are_0_in_every_step_and_no_zero_comes_back(tmp_path: Path) -> None:
    pruned = network()
    seen = zeros_by_epoch(pruned, tmp_path)
    assert CONFIG.pruning is not None
    final = CONFIG.pruning.of(weight_matrices(pruned))
    for step, zeros in enumerate(seen):
        share = CONFIG.pruning.share(step // 3, CONFIG.epochs)
        for name, zero in zeros.items():
            assert int(zero.sum()) == round(share * final[name] * zero.numel())
            assert not step or not bool((seen[step - 1][name] & ~zero).any())
    codes = weights_by_layer(extract_integer_model(pruned))
    for name, zero in seen[-1].items():
        assert not codes[name][zero.numpy()].any()
    assert zero_weights(extract_integer_model(pruned)) >= 0.6
    without = network()
    trained(without, tmp_path / "without", replace(CONFIG, pruning=None))
    assert zero_weights(extract_integer_model(without)) < 0.4


def test_a_broken_off_pruning_ends_with_bitwise_the_same_weights(tmp_path: Path) -> None:
    whole = trained(network(), tmp_path / "whole")
    killed, passes = network(), 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1
        if passes == 2 * PASSES_AN_EPOCH + 2:
            raise Killed

    killed.register_forward_pre_hook(count)
    with pytest.raises(Killed):
        trained(killed, tmp_path / "killed")
    resumed = trained(network(), tmp_path / "killed")
    assert all(np.array_equal(value.numpy(), resumed.state[name].numpy()) for name, value in whole.state.items())
    assert whole.history == resumed.history


def test_pruning_names_a_training_and_no_pruning_leaves_its_name(tmp_path: Path) -> None:
    trained(network(), tmp_path, replace(CONFIG, epochs=1))
    with pytest.raises(ValueError, match="holds another training"):
        trained(network(), tmp_path, replace(CONFIG, epochs=1, pruning=PruningConfig(0.7)))


def test_the_best_epoch_is_one_of_the_whole_sparsity(tmp_path: Path) -> None:
    last = replace(CONFIG, keep="best", schedule=ScheduleConfig(learning_rate=1e-9), epochs=4)
    assert last.pruning is not None
    pruned = network()
    trained(pruned, tmp_path, last)  # nothing learns, so each epoch of pruning is worse than the one before
    wanted = last.pruning.of(weight_matrices(pruned))
    for name, weight in weight_matrices(pruned).items():
        assert int((weight == 0).sum()) >= round(wanted[name] * weight.numel())


@pytest.mark.parametrize("description", [LIVELY, every_step()], ids=lambda one: one.name)
def test_every_software_form_has_the_integers_of_a_pruned_network(
    description: NetworkDescription, tmp_path: Path
) -> None:
    pruned = random_network(description, seed=4).train()
    config = replace(CONFIG, epochs=2, schedule=ScheduleConfig(learning_rate=1e-3), pruning=PruningConfig(0.5))
    trained(pruned, tmp_path / "run", config)
    source = source_of(pruned)
    assert zero_weights(source.model) > 0.49
    amounts = VerifyConfig(number=2, vectors=256, streamed=4)
    for form in ("integer", "brevitas", "qonnx", "qcdq", "native"):
        result = verify_by_name(form, source, graphs()[:2], amounts, tmp_path / form, no_progress)
        assert not result.failed, (form, result.error, result.first)
        assert not result.skipped
    weight = next(iter(weights_by_layer(source.model)))
    mlp, _, layer = weight.rpartition(".")
    wrong = replace(source, model=flip_lsb(source.model, mlp, int(layer)))
    assert verify_by_name("brevitas", wrong, graphs()[:2], amounts, tmp_path / "twin", no_progress).failed
