"""The Interaction Network as an edge classifier of hit graphs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter, Step

NODE_FEATURES = ("r", "φ", "z")
EDGE_FEATURES = ("Δr", "Δφ", "Δz", "ΔR")


@dataclass(frozen=True)
class InteractionNetworkConfig:
    """Size of the Interaction Network.

    `hidden` units in both hidden layers of each MLP, `effects` numbers a message, `steps` rounds of message passing.
    `node_scale` and `edge_scale` (powers of two, one a feature of `HitGraph`) bring the raw features near [−1, 1]: by
    default those of a pixel barrel. `node_attr_scale` does so for the graphs' `node_attr`, one a column; empty: the
    network does not read them.
    Raises ValueError for a size below 1, and for scales that are too few, too many or no powers of two.
    """

    kind: Literal["interaction_network"] = "interaction_network"
    hidden: int = 40
    effects: int = 4
    steps: int = 1
    node_scale: tuple[float, ...] = (4.0, 1.0, 0.5)
    edge_scale: tuple[float, ...] = (4.0, 32.0, 0.5, 0.125)
    node_attr_scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("hidden", "effects", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        for name, features in (("node_scale", NODE_FEATURES), ("edge_scale", EDGE_FEATURES)):
            scale = getattr(self, name)
            if len(scale) != len(features):
                raise ValueError(
                    f"{name} has {len(scale)} numbers, wanted {len(features)}, one for each of {', '.join(features)}"
                )
        for name in ("node_scale", "edge_scale", "node_attr_scale"):
            scale = getattr(self, name)
            if any(math.frexp(factor)[0] != 0.5 for factor in scale):
                raise ValueError(
                    f"{name} is {list(scale)}, wanted powers of two such as 0.5, 1 or 4: quantised "
                    "networks scale their inputs exactly"
                )


def interaction_network(config: InteractionNetworkConfig) -> NetworkDescription:
    """DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), section 4.

    For each edge the relational MLP φ_R1 makes an effect from both hits and the edge; effects are summed at the
    receiver; the object MLP φ_O updates the hits; φ_R2 gives the edge logit. 6,448 parameters at 40 hidden units.
    """
    steps: list[Step] = []
    nodes, edge = ("x", *(("node_attr",) if config.node_attr_scale else ())), "edge_attr"
    for index in range(1, config.steps + 1):
        tag = "" if config.steps == 1 else f"_{index}"
        targets, sources = (tuple(f"{node}_{end}{tag}" for node in nodes) for end in ("target", "source"))
        steps += [
            *(Gather(name, node, "target") for name, node in zip(targets, nodes, strict=True)),
            *(Gather(name, node, "source") for name, node in zip(sources, nodes, strict=True)),
            Concat(f"relation_1{tag}", (*targets, *sources, edge)),
            Mlp(f"phi_r1{tag}", f"relation_1{tag}", (config.hidden, config.hidden, config.effects)),
            Scatter(f"aggregate{tag}", f"phi_r1{tag}", "sum"),
            Concat(f"object{tag}", (*nodes, f"aggregate{tag}")),
            Mlp(f"phi_o{tag}", f"object{tag}", (config.hidden, config.hidden, len(config.node_scale))),
        ]
        nodes, edge = (f"phi_o{tag}",), f"phi_r1{tag}"
    steps += [
        Gather("h_target", nodes[0], "target"),
        Gather("h_source", nodes[0], "source"),
        Concat("relation_2", ("h_target", "h_source", edge)),
        Mlp("phi_r2", "relation_2", (config.hidden, config.hidden, 1)),
    ]
    inputs = [Input("x", "node", config.node_scale), Input("edge_attr", "edge", config.edge_scale)]
    if config.node_attr_scale:
        inputs.append(Input("node_attr", "node", config.node_attr_scale))
    return NetworkDescription("interaction_network", tuple(inputs), tuple(steps), "phi_r2")
