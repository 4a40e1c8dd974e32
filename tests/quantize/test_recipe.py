"""Precision recipes: overrides, their precedence, and their errors."""

from typing import Any

import pytest
from integer_networks import toy_description

from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionOverride, PrecisionRecipe

IN = interaction_network(InteractionNetworkConfig(hidden=8))


def test_layer_beats_its_mlp_and_both_beat_the_recipe() -> None:
    recipe = PrecisionRecipe(
        overrides={
            "phi_r1": PrecisionOverride(weight_bits=4, bias_bits=12),
            "phi_r1.2": PrecisionOverride(weight_bits=3),
        }
    )
    assert recipe.layer_bits(IN, "phi_r1", 0) == (4, 12, 8)
    assert recipe.layer_bits(IN, "phi_r1", 2) == (3, 12, 8)
    assert recipe.layer_bits(IN, "phi_o", 0) == (6, 16, 8)


def test_values_have_the_widths_of_their_kind() -> None:
    recipe = PrecisionRecipe(
        input_bits=5,
        activation_bits=6,
        aggregation_bits=7,
        output_bits=9,
        overrides={"mean": PrecisionOverride(activation_bits=4)},
    )
    toy = toy_description()
    widths = {name: recipe.value_bits(toy, name) for name in ("x", "encode", "mean", "sum_2", "residual", "head")}
    assert widths == {"x": 5, "encode": 6, "mean": 4, "sum_2": 7, "residual": 6, "head": 9}


def test_unknown_override_names_the_nearest_valid_one() -> None:
    with pytest.raises(ValueError, match=r"'phi_r1\.3'.*did you mean 'phi_r1\.[012]'"):
        QuantizedNetwork(IN, PrecisionRecipe(overrides={"phi_r1.3": PrecisionOverride(weight_bits=4)}))
    with pytest.raises(ValueError, match="did you mean 'aggregate'"):
        PrecisionRecipe(overrides={"agregate": PrecisionOverride(activation_bits=4)}).check(IN)


def test_width_that_a_value_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="only an MLP has weights"):
        PrecisionRecipe(overrides={"aggregate": PrecisionOverride(weight_bits=4)}).check(IN)
    with pytest.raises(ValueError, match="'relation_1': a gather, concatenation or maximum is exact"):
        PrecisionRecipe(overrides={"relation_1": PrecisionOverride(activation_bits=4)}).check(IN)


@pytest.mark.parametrize(
    "values", [{"weight_bits": 1}, {"activation_bits": 17}, {"input_range": 0.0}, {"bias_bits": 25}]
)
def test_widths_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        PrecisionRecipe(**values)


def test_recipe_survives_plain_types() -> None:
    recipe = PrecisionRecipe(weight_bits=5, overrides={"phi_r1.0": PrecisionOverride(weight_bits=8)})
    assert PrecisionRecipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(ValueError, match="unknown key 'weigth_bits'; did you mean 'weight_bits'"):
        PrecisionRecipe.from_dict({"weigth_bits": 3})
    with pytest.raises(ValueError, match="overrides"):
        PrecisionRecipe.from_dict({"overrides": {"phi_r1": {"bits": 3}}})
