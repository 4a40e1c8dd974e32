"""The networks that can be trained by name: `network.kind` in a config chooses one.

A new network is a file with a frozen config dataclass, whose field `kind` is a `Literal` with its name as the default,
and a function config → `NetworkDescription`; it gets one entry in `NETWORKS` and joins the union `NetworkConfig`.
`edgetrack.models.first_network` makes what is trained, and what a training leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from edgetrack.models.description import NetworkDescription
from edgetrack.models.hypertrack import transformer_steps
from edgetrack.models.hypertrack.compact import CompactHyperTrackConfig, compact_hypertrack
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig, compact_transformer
from edgetrack.models.hypertrack.config import HyperTrackConfig
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.hypertrack.set_transformer import SetTransformerConfig
from edgetrack.models.hypertrack.steps import folded, hypertrack, unfolded
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network

EdgeNetworkConfig = InteractionNetworkConfig | CompactHyperTrackConfig | HyperTrackConfig  # logits of edges
MaskNetworkConfig = SetTransformerConfig | CompactTransformerConfig  # logits of the tokens of micrographs
NetworkConfig = EdgeNetworkConfig | MaskNetworkConfig
NamedNetwork = Annotated[EdgeNetworkConfig, Field(discriminator="kind")]  # in a config: the kinds tell them apart
NamedMaskNetwork = Annotated[MaskNetworkConfig, Field(discriminator="kind")]


class TrainingForm(NamedTuple):
    """Another module that is trained in the steps' stead: with batch norm, or faster than step by step.

    `make` gives it random weights, `fold` the description and the state of `GraphNetwork` with the same function,
    `unfold` (config, state, some rows) a module that goes on from such a state.
    """

    make: Callable[[Any], nn.Module]
    fold: Callable[[Any], tuple[NetworkDescription, dict[str, Tensor]]]
    unfold: Callable[..., nn.Module]


class NetworkKind(NamedTuple):
    """What a kind of network is configured by, what makes its steps, and what it is trained as if not those."""

    config: type[NetworkConfig]
    describe: Callable[[Any], NetworkDescription]
    training: TrainingForm | None = None


NETWORKS = {
    "interaction_network": NetworkKind(InteractionNetworkConfig, interaction_network),
    "compact_hypertrack": NetworkKind(CompactHyperTrackConfig, compact_hypertrack),
    "compact_transformer": NetworkKind(CompactTransformerConfig, compact_transformer),
    "hypertrack": NetworkKind(HyperTrackConfig, hypertrack, TrainingForm(HyperTrackNetwork, folded, unfolded)),
    "set_transformer": NetworkKind(
        SetTransformerConfig,
        transformer_steps.transformer_description,
        TrainingForm(transformer_steps.set_transformer, transformer_steps.folded, transformer_steps.unfolded),
    ),
}


def describe(config: NetworkConfig) -> NetworkDescription:
    """The network that `config` asks for. Raises ValueError for an unknown kind."""
    if config.kind not in NETWORKS:
        raise ValueError(f"network kind is {config.kind!r}, wanted one of {', '.join(NETWORKS)}")
    return NETWORKS[config.kind].describe(config)
