"""The space of a search: its choices, the recipes and prunings that points make, the points that it begins with."""

from __future__ import annotations

from typing import get_args

import pytest
from toy_networks import every_step

from edgetrack.models.description import NetworkDescription
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.pruning import PruningConfig
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.quantizers import bits_of
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.studies.search_space import Grain, SearchSpace

SMALL = interaction_network(InteractionNetworkConfig(hidden=4))


@pytest.mark.parametrize("description", [SMALL, every_step()], ids=lambda one: one.name)
@pytest.mark.parametrize("grain", get_args(Grain))
def test_every_width_of_the_network_is_the_points(description: NetworkDescription, grain: Grain) -> None:
    """Each quantiser of the network that the recipe makes has the bits that the point says, the output its own."""
    space = SearchSpace(grain=grain)
    for bits in (3, 5):
        point = dict(space.beginning(description)[0])
        for name in point:
            if not name.startswith("sparsity"):
                point[name] = bits
        network = QuantizedNetwork(description, space.recipe(point, description, PrecisionRecipe(output_bits=7)))
        last = f"{description.output}.{len(description.mlps[-1].widths) - 1}"
        assert {name: bits_of(layer) for name, layer in network.layers().items() if bits_of(layer) != bits} == {last: 7}


def test_one_choice_changes_one_layer() -> None:
    space = SearchSpace()
    point = dict(space.beginning(SMALL)[0])
    before = QuantizedNetwork(SMALL, space.recipe(point, SMALL, PrecisionRecipe()))
    for choice, layer in (
        ("weight_bits phi_o.1", "phi_o.1.weight"),
        ("activation_bits aggregate", "aggregate"),
        ("activation_bits phi_r1.2", "phi_r1.2"),
        ("input_bits edge_attr", "edge_attr"),
    ):
        after = QuantizedNetwork(SMALL, space.recipe({**point, choice: 4}, SMALL, PrecisionRecipe()))
        changed = {name for name, one in after.layers().items() if bits_of(one) != bits_of(before.layers()[name])}
        assert changed == {layer}


def test_choices_are_of_a_layer_an_mlp_or_the_whole_network() -> None:
    counts = {grain: len(SearchSpace(grain=grain).choices(SMALL)) for grain in get_args(Grain)}
    # weights and sparsities of 3 × 3 layers, activations of those and the sum but not of the output, two inputs
    assert counts == {"layer": 9 + 9 + 9 + 2, "mlp": 3 + 3 + 4 + 2, "network": 4}


def test_a_search_begins_with_uniform_widths_then_with_pruned_ones() -> None:
    space = SearchSpace(sparsity=(0.0, 0.5), uniform=(8, 4), weight_bits=(2, 6))
    eight, four, pruned = space.beginning(SMALL)
    assert {value for name, value in eight.items() if name.startswith("weight_bits")} == {6}  # the widest that there is
    assert {value for name, value in eight.items() if name.startswith(("activation", "input"))} == {8}
    assert {value for name, value in four.items() if name.startswith(("activation", "weight"))} == {4}
    assert space.pruning(four, SMALL, PruningConfig(0.0)) is None
    found = space.pruning(pruned, SMALL, PruningConfig(0.0, 0.1, 0.4))
    assert found is not None
    assert (found.begin, found.end, set(found.overrides.values())) == (0.1, 0.4, {0.5})
    assert len(found.overrides) == 9


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weight_bits is \[8, 4\], wanted the narrowest and the widest"):
        SearchSpace(weight_bits=(8, 4))
    with pytest.raises(ValueError, match="wanted fractions in"):
        SearchSpace(sparsity=(1.0,))
