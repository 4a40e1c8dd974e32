"""Networks by name: the registry, and the sizes and scales that a config refuses."""

from __future__ import annotations

import typing
from dataclasses import replace

import pytest

from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.models.named_networks import NETWORKS, NetworkConfig, describe


def test_every_registered_network_has_a_config_of_its_name_in_the_union() -> None:
    for name, network in NETWORKS.items():
        assert network.config().kind == name
        assert describe(network.config()) == network.describe(network.config())
    assert set(typing.get_args(NetworkConfig) or (NetworkConfig,)) == {network.config for network in NETWORKS.values()}


def test_the_kind_chooses_the_network() -> None:
    config = InteractionNetworkConfig(hidden=9)
    assert describe(config) == interaction_network(config)
    object.__setattr__(config, "kind", "transformer")
    with pytest.raises(ValueError, match="kind is 'transformer', wanted one of interaction_network"):
        describe(config)


@pytest.mark.parametrize("size", ["hidden", "effects", "steps", "hit_values"])
@pytest.mark.parametrize("value", [0, -4])
def test_sizes_below_one_are_refused(size: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{size} is {value}, wanted at least 1"):
        replace(InteractionNetworkConfig(), **{size: value})  # type: ignore[arg-type]
    replace(InteractionNetworkConfig(), **{size: 1})  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [(3.0, 1.0, 0.5), (0.0, 1.0, 1.0), (-2.0, 1.0, 1.0), (float("inf"), 1.0, 1.0)])
def test_scales_that_are_no_powers_of_two_are_refused(scale: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"node_scale is .*, wanted powers of two"):
        InteractionNetworkConfig(node_scale=scale)
    with pytest.raises(ValueError, match=r"edge_scale is .*, wanted powers of two"):
        InteractionNetworkConfig(edge_scale=(1.0, *scale))
    with pytest.raises(ValueError, match=r"node_attr_scale is .*, wanted powers of two"):
        InteractionNetworkConfig(node_attr_scale=scale[:1])


def test_scales_of_another_number_of_features_are_refused() -> None:
    with pytest.raises(ValueError, match="node_scale has 4 numbers, wanted 3, one for each of r, φ, z"):
        InteractionNetworkConfig(node_scale=(1.0,) * 4)
    with pytest.raises(ValueError, match="edge_scale has 3 numbers, wanted 4, one for each of Δr, Δφ, Δz, ΔR"):
        InteractionNetworkConfig(edge_scale=(1.0,) * 3)
    with pytest.raises(ValueError, match="pair_scale has 2 numbers, wanted 3, one for each of 1/R, z0, η"):
        InteractionNetworkConfig(pair_scale=(1.0,) * 2)
    with pytest.raises(ValueError, match="meridional_scale has 4 numbers, wanted 3, one for each of r, z, η"):
        InteractionNetworkConfig(meridional_scale=(1.0,) * 4)
