"""Both formulations of the Interaction Network in float: incidence matrices and message passing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.matrix_form import matrix_values
from edgetrack.models.network import GraphNetwork, seeded_network
from edgetrack.models.rows import HIT_DOMAINS, Rows
from edgetrack.models.steps import Gather, Input, Map, Scatter


def random_rows(num_nodes: int, num_edges: int, seed: int) -> Rows[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(num_nodes, (2, num_edges), generator=generator)
    features = {
        "x": torch.randn(num_nodes, 3, generator=generator),
        "edge_attr": torch.randn(num_edges, 4, generator=generator),
    }
    counts = {"node": num_nodes, "edge": num_edges}
    return Rows(HIT_DOMAINS, counts, features, {"source": ends[0], "target": ends[1]})


def moved(network: GraphNetwork) -> GraphNetwork:
    """The same with one weight of the first MLP changed."""
    other = seeded_network(network.description, seed=3)
    with torch.no_grad():
        next(other.mlps.parameters())[0, 0] += 0.1
    return other


NETWORKS = {
    "one round": InteractionNetworkConfig(hidden=12),
    "two rounds": InteractionNetworkConfig(hidden=12, steps=2),
    "both hits are told": InteractionNetworkConfig(hidden=12, steps=2, receivers="both", hit_values=5),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("nodes", "edges"), [(60, 700), (5, 300), (3, 0), (1, 4)])
def test_matrices_give_every_value_of_message_passing_up_to_the_order_of_sums(
    name: str, nodes: int, edges: int
) -> None:
    network = seeded_network(interaction_network(NETWORKS[name]), seed=3)
    rows = random_rows(nodes, edges, seed=nodes)
    with torch.no_grad():
        messages, matrices, other = (
            network.values(rows),
            matrix_values(network, rows),
            matrix_values(moved(network), rows),
        )
    assert list(messages) == list(matrices)
    for name, value in messages.items():
        torch.testing.assert_close(matrices[name], value, rtol=1e-5, atol=1e-5)
    if edges > 100:
        logits = messages[network.description.output]
        assert logits.std() > 1e-3
        assert not torch.allclose(other[network.description.output], logits, rtol=1e-5, atol=1e-5)


def test_the_matrices_are_those_of_the_equations() -> None:
    rows = random_rows(6, 15, seed=2)
    network = seeded_network(interaction_network(InteractionNetworkConfig(hidden=5)), seed=1)
    dense = {end: np.zeros((6, 15), np.float32) for end in ("source", "target")}
    for end, matrix in dense.items():
        for edge, node in enumerate(rows.ends[end].tolist()):
            matrix[node, edge] = 1
    with torch.no_grad():
        values = {name: value.numpy() for name, value in matrix_values(network, rows).items()}
    np.testing.assert_allclose(values["x_target"], dense["target"].T @ values["x"], rtol=1e-6)
    np.testing.assert_allclose(values["x_source"], dense["source"].T @ values["x"], rtol=1e-6)
    np.testing.assert_allclose(values["aggregate"], dense["target"] @ values["phi_r1"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "step", [Scatter("out", "e", "mean"), Scatter("out", "e", "max"), Map("out", "add", ("e", "e"))]
)
def test_steps_that_are_no_products_are_refused_by_name(step: Scatter | Map) -> None:
    inputs = (Input("x", "node", (1.0,) * 3), Input("edge_attr", "edge", (1.0,) * 4))
    description = NetworkDescription("other", inputs, (Gather("e", "x", "source"), step), "out")
    with pytest.raises(ValueError, match=f"matrix form: step 'out' is a {type(step).__name__}"):
        matrix_values(GraphNetwork(description), random_rows(3, 4, seed=1))
