"""The networks that can be trained by name: `network.kind` in a config chooses one.

A new network is a file with a frozen config dataclass, whose field `kind` is a `Literal` with its name as the default,
and a function config → `NetworkDescription`; it gets one entry in `NETWORKS` and joins the union `NetworkConfig`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig, compact_transformer
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

# the kinds tell them apart
NetworkConfig = InteractionNetworkConfig | CompactHyperTrackConfig | CompactTransformerConfig


class NetworkKind(NamedTuple):
    """What a kind of network is configured by, and what makes its steps."""

    config: type[NetworkConfig]
    describe: Callable[[Any], NetworkDescription]


NETWORKS = {
    "interaction_network": NetworkKind(InteractionNetworkConfig, interaction_network),
    "compact_hypertrack": NetworkKind(CompactHyperTrackConfig, compact_hypertrack),
    "compact_transformer": NetworkKind(CompactTransformerConfig, compact_transformer),
}


def describe(config: NetworkConfig) -> NetworkDescription:
    """The network that `config` asks for. Raises ValueError for an unknown kind."""
    if config.kind not in NETWORKS:
        raise ValueError(f"network kind is {config.kind!r}, wanted one of {', '.join(NETWORKS)}")
    return NETWORKS[config.kind].describe(config)
