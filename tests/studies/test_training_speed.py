"""Training speed: the plain forms are the same functions with the same gradients, and other losses stop the bench."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from edgetrack.graphs.files import load_graphs
from edgetrack.graphs.graph_sets import sample_graphs
from edgetrack.models.edge_classification import EdgeClassification
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.scripts.benches.training import TrainingBenchConfig
from edgetrack.studies import training_speed as bench
from edgetrack.studies.straightforward_training import plain_brevitas, plain_epoch

GRAPHS = load_graphs(sample_graphs())[:4]
FLOAT = seeded_network(interaction_network(InteractionNetworkConfig(hidden=8)), 1)


@pytest.fixture(scope="module")
def quantised() -> QuantizedNetwork:
    return bench.quantized_for_training(FLOAT, GRAPHS, 6)


def loss_and_gradients(network: nn.Module, names: list[str]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    sample = EdgeClassification().reading(FLOAT).sample(GRAPHS[0])
    assert sample is not None
    logits = network(sample.rows)
    nn.functional.binary_cross_entropy_with_logits(logits, sample.targets["y"]).backward()  # type: ignore[no-untyped-call]
    gradients = dict(network.named_parameters())
    found = []
    for name in names:
        gradient = gradients[name].grad
        assert gradient is not None
        found.append(gradient)
    return logits.detach(), found


def test_plain_brevitas_gives_the_same_logits_and_gradients(quantised: QuantizedNetwork) -> None:
    ours, plain = copy.deepcopy(quantised).train(), plain_brevitas(quantised)
    names = ["linears.phi_r1.0.weight", "linears.phi_o.2.bias", "linears.phi_r2.1.weight"]
    of_plain = ["layers.phi_r1_0_weight.weight", "layers.phi_o_2_weight.bias", "layers.phi_r2_1_weight.weight"]
    wanted, got = loss_and_gradients(ours, names), loss_and_gradients(plain, of_plain)
    assert torch.equal(wanted[0], got[0])
    assert float(wanted[0].std()) > 0
    for one, other in zip(wanted[1], got[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-7)
        assert float(one.abs().max()) > 0


def test_an_epoch_learns_and_clips_its_gradient() -> None:
    network = copy.deepcopy(FLOAT)
    sample = EdgeClassification().reading(network).sample(GRAPHS[0])
    assert sample is not None
    losses = plain_epoch(network, torch.optim.SGD(network.parameters(), lr=1.0), [sample] * 20)
    assert losses[-1] < losses[0]
    before = [one.detach().clone() for one in network.parameters()]
    with torch.no_grad():
        big = type(sample)(sample.rows, {"y": 1e6 * sample.targets["y"]})
    plain_epoch(network, torch.optim.SGD(network.parameters(), lr=1.0), [big])
    step = sum(float((a - b).detach().square().sum()) for a, b in zip(before, network.parameters(), strict=True)) ** 0.5
    assert step == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("name", ["float", "quantised"])
def test_both_arithmetics_have_times_ratios_and_equal_losses(
    name: str, quantised: QuantizedNetwork, tmp_path: Path
) -> None:
    network = FLOAT if name == "float" else quantised
    before = copy.deepcopy(network.state_dict())
    case = bench.TrainingCase(name, 1, 0, keep_memory=False)
    found = bench.training_case(network, GRAPHS[:3], GRAPHS[3:], case, tmp_path)
    assert set(found["seconds"]) == set(found["ratios"]) == {"edgetrack", "plain", "train"}
    assert found["ratios"]["edgetrack"] == pytest.approx(found["seconds"]["plain"] / found["seconds"]["edgetrack"])
    assert found["losses"]["plain"] == pytest.approx(found["losses"]["edgetrack"], rel=bench.LATER_TOLERANCE)
    assert found["losses"]["train"] == pytest.approx(found["losses"]["edgetrack"], rel=bench.LATER_TOLERANCE)
    assert sum(found["profile"].values()) == pytest.approx(1.0)
    assert found["memory_kept"] is False
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_peer_of_other_weights_stops_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(network: GraphNetwork) -> nn.Module:
        return seeded_network(network.description, 2)

    monkeypatch.setattr(bench, "_peer", other)
    with pytest.raises(RuntimeError, match="losses of plain differ: the first by"):
        bench.training_case(FLOAT, GRAPHS[:2], GRAPHS[3:], bench.TrainingCase("float", 1, 0, False), tmp_path)


def test_losses_may_differ_by_rounding_and_no_more() -> None:
    bench.check_losses({"edgetrack": [0.5, 0.4], "plain": [0.500001, 0.401], "train": [0.45]})
    with pytest.raises(RuntimeError, match="losses of train differ"):
        bench.check_losses({"edgetrack": [0.5, 0.4], "train": [0.5]})
    with pytest.raises(RuntimeError, match="losses of plain differ"):
        bench.check_losses({"edgetrack": [0.5, 0.4], "plain": [0.501, 0.399]})


def test_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="--training-graphs = 1: wanted at least 2"):
        TrainingBenchConfig(training_graphs=1)
