"""Other input scales leave the float function as it is."""

import pytest
import torch
from integer_networks import random_graph

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import as_tensors, hit_rows
from edgetrack.models.steps import Input, Map, Mlp
from edgetrack.quantize.input_scales import rescaled_state, with_input_scales

IN = interaction_network(InteractionNetworkConfig(hidden=8, node_scale=(4.0, 1.0, 0.5)))
SCALES = {"x": (8.0, 0.5, 2.0), "edge_attr": (4.0, 64.0, 0.25, 8.0)}


def test_rescaled_network_computes_exactly_the_same() -> None:
    torch.manual_seed(0)
    before = GraphNetwork(IN)
    after = GraphNetwork(with_input_scales(IN, SCALES))
    after.load_state_dict(rescaled_state(before.state_dict(), IN, after.description))
    graph = random_graph(20, 80, seed=1)
    rows = as_tensors(hit_rows(graph))
    assert torch.equal(after(rows), before(rows))
    after.load_state_dict(before.state_dict())
    assert not torch.equal(after(rows), before(rows))


def test_wrong_scales_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'edges'.*inputs \['x', 'edge_attr'\]"):
        with_input_scales(IN, {"edges": (1.0,)})
    with pytest.raises(ValueError, match="wanted 3 powers of two"):
        with_input_scales(IN, {"x": (1.0, 1.0)})
    with pytest.raises(ValueError, match="wanted 3 powers of two"):
        with_input_scales(IN, {"x": (1.0, 3.0, 1.0)})


def test_input_that_is_added_before_an_mlp_keeps_its_scale() -> None:
    description = NetworkDescription(
        "sum",
        (Input("x", "node", (1.0,)), Input("w", "node", (1.0,))),
        (Map("both", "add", ("x", "w")), Mlp("f", "both", (1,))),
        "f",
    )
    state = GraphNetwork(description).state_dict()
    with pytest.raises(ValueError, match="'both' computes with an input itself"):
        rescaled_state(state, description, with_input_scales(description, {"w": (2.0,)}))
    unmoved = rescaled_state(state, description, description)
    assert all(torch.equal(unmoved[name], value) for name, value in state.items())
