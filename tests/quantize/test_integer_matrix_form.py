"""Both formulations of the integer model: incidence matrices and message passing, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_networks import random_graph, random_integer_model, toy_description

from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.rows import rows_of
from edgetrack.quantize.matrix_form import matrix_codes

ONE, TWO = (interaction_network(InteractionNetworkConfig(hidden=6, steps=steps)) for steps in (1, 2))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), nodes=st.integers(1, 20), edges=st.integers(0, 120), two=st.booleans())
def test_matrices_give_every_code_of_message_passing(seed: int, nodes: int, edges: int, two: bool) -> None:
    description = TWO if two else ONE
    model, graph = random_integer_model(description, seed), random_graph(nodes, edges, seed)
    rows = rows_of(graph, description)
    inputs = model.quantize_inputs(rows.features)
    messages, matrices = model.run(inputs, rows), matrix_codes(model, inputs, rows)
    assert list(messages) == list(matrices)
    for name, codes in messages.items():
        np.testing.assert_array_equal(matrices[name], codes)


def test_another_edge_gives_other_codes_and_codes_are_not_constant() -> None:
    model, graph = random_integer_model(ONE, 3), random_graph(20, 120, 3)
    rows = rows_of(graph, ONE)
    inputs = model.quantize_inputs(rows.features)
    before = matrix_codes(model, inputs, rows)[ONE.output]
    rows.ends["target"][0] = (rows.ends["target"][0] + 1) % 20
    assert not np.array_equal(matrix_codes(model, inputs, rows)[ONE.output], before)
    assert len(np.unique(before)) > 3


def test_steps_that_are_no_products_are_refused_by_name() -> None:
    description = toy_description()
    model, graph = random_integer_model(description, 1), random_graph(6, 12, 1)
    rows = rows_of(graph, description)
    with pytest.raises(ValueError, match=r"matrix form: step .* is no product with an incidence matrix"):
        matrix_codes(model, model.quantize_inputs(rows.features), rows)
