"""Equalisation: the same function to the last bit, better balanced weights."""

import pytest
import torch
from integer_networks import random_graph, toy_description

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.quantize.equalisation import equalised_state

IN = interaction_network(InteractionNetworkConfig(hidden=8))


@pytest.mark.parametrize("description", [IN, toy_description()], ids=lambda d: d.name)
def test_equalised_network_computes_exactly_the_same(description: NetworkDescription) -> None:
    torch.manual_seed(0)
    before, after = GraphNetwork(description), GraphNetwork(description)
    with torch.no_grad():
        for parameter in before.parameters():
            if parameter.ndim == 2:
                parameter.mul_(torch.exp2(torch.randn(len(parameter), 1)))
    after.load_state_dict(equalised_state(before.state_dict(), description))
    assert any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))
    graph = random_graph(30, 100, seed=1)
    rows = as_tensors(hit_rows(graph))
    assert torch.equal(after(rows), before(rows))


def test_units_balance_and_dead_ones_stay() -> None:
    torch.manual_seed(0)
    state = GraphNetwork(IN).state_dict()
    state["mlps.phi_r1.0.weight"][0] *= 64.0  # a unit fed 64 times too much
    state["mlps.phi_r1.0.weight"][1] = 0.0  # a dead one
    made = equalised_state(state, IN)
    incoming = made["mlps.phi_r1.0.weight"].abs().amax(1)
    outgoing = made["mlps.phi_r1.2.weight"].abs().amax(0)
    ratio = (outgoing / incoming)[incoming > 0]
    assert float(ratio.max()) <= 2.0
    assert float(ratio.min()) >= 0.5
    assert torch.equal(made["mlps.phi_r1.0.weight"][1], state["mlps.phi_r1.0.weight"][1])
    assert all(torch.isfinite(value).all() for value in made.values())
