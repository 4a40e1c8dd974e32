"""Descriptions: shapes, JSON, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Shape, Table

NODE, EDGE = Input("x", "node", (1.0, 0.5)), Input("e", "edge", (2.0, 1.0))


def test_shapes_follow_the_steps() -> None:
    description = interaction_network(InteractionNetworkConfig(hidden=7, effects=5))
    assert description.shape("x_target") == Shape("edge", 3)
    assert description.shape("relation_1") == Shape("edge", 3 + 3 + 4)
    assert description.shape("aggregate") == Shape("node", 5)
    assert description.shape("object") == Shape("node", 3 + 5)
    assert description.shape("relation_2") == Shape("edge", 3 + 3 + 5)
    assert [mlp.name for mlp in description.mlps] == ["phi_r1", "phi_o", "phi_r2"]


@given(
    hidden=st.integers(1, 64),
    effects=st.integers(1, 16),
    steps=st.integers(1, 4),
    exponents=st.tuples(*[st.integers(-8, 8)] * 4),
)
def test_json_brings_back_an_equal_description(
    hidden: int, effects: int, steps: int, exponents: tuple[int, ...]
) -> None:
    scale = tuple(2.0**exponent for exponent in exponents)
    config = InteractionNetworkConfig(hidden=hidden, effects=effects, steps=steps, edge_scale=scale)
    description = interaction_network(config)
    back = NetworkDescription.from_json(description.to_json())
    assert back == description
    assert back.shape("phi_r2") == Shape("edge", 1)
    assert back != interaction_network(InteractionNetworkConfig(hidden=hidden + 1))


def test_a_submodel_is_one_mlp_fed_by_the_parts_of_its_concatenation() -> None:
    submodel = interaction_network(InteractionNetworkConfig(hidden=40)).submodel("phi_o")
    assert [(value.name, value.domain, value.width) for value in submodel.inputs] == [
        ("x", "node", 3),
        ("aggregate", "node", 4),
    ]
    assert submodel.num_parameters() == (7 + 1) * 40 + (40 + 1) * 40 + (40 + 1) * 3
    with pytest.raises(ValueError, match="'aggregate' is a Scatter, wanted an MLP, map or table"):
        interaction_network(InteractionNetworkConfig()).submodel("aggregate")


@pytest.mark.parametrize(
    ("steps", "output", "message"),
    [
        ((Mlp("m", "x", (1,)),), "n", "output 'n' is made by no step"),
        ((Mlp("m", "y", (1,)),), "m", "'y' is used but not made before"),
        ((Mlp("m", "x", ()),), "m", "MLP 'm' has no layer"),
        ((Mlp("m", "x", (0,)),), "m", "'m' has width 0"),
        ((Mlp("x", "x", (1,)),), "x", "two steps make 'x'"),
        ((Mlp("a-b", "x", (1,)),), "a-b", "must be an identifier"),
        ((Gather("g", "e", "source"),), "g", "'g' needs a value on nodes, got 'e' on edges"),
        ((Scatter("s", "x", "sum"),), "s", "'s' needs a value on edges, got 'x' on nodes"),
        ((Concat("c", ("x", "e")),), "c", "wanted one domain"),
        ((Map("a", "add", ("x", "e")),), "a", "wanted one domain"),
        ((Mlp("m", "x", (3,)), Map("a", "add", ("x", "m"))), "a", r"'a' \(add\): widths \[2, 3\] do not fit"),
        ((Map("a", "add", ("x",)),), "a", "gives add 1 values, wanted 2"),
        ((Map("a", "divide", ("x", "x")),), "a", "unknown operation 'divide', wanted one of add, "),
        ((Table("t", "sine", "x"),), "t", "unknown function 'sine', wanted one of silu, "),
        ((Gather("g", "x", "middle"),), "g", r"unknown end 'middle', wanted one of \['source', 'target'\]"),
        ((Mlp("m", "x", (3,)), Mlp("n", "m", (3,), "m")), "n", "share weights 'm' but have layers"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_by_name(steps: tuple[Any, ...], output: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkDescription("toy", (NODE, EDGE), steps, output)
