"""The Interaction Network as an edge classifier of hit graphs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import FEATURES
from edgetrack.models.steps import Concat, Gather, Input, Mlp, Scatter, Step

NODE_FEATURES = ("r", "φ", "z")
EDGE_FEATURES = ("Δr", "Δφ", "Δz", "ΔR")
RECEIVERS = {"target": ("target",), "both": ("target", "source")}


@dataclass(frozen=True)
class InteractionNetworkConfig:
    """Size of the Interaction Network, and what goes through it.

    `hidden` units in both hidden layers of each MLP, `effects` numbers a message, `steps` rounds of message passing,
    `hit_values` numbers a hit after a round.
    `receivers` says who is told of an edge: its `target`, the outer hit, as published, or `both` of its hits; then an
    edge learns of what follows it on the way out, too.
    `features` of hits and edges: `positions`, the published ones; or `helix`: of a hit r, z and η, of an edge the helix
    from the beam line through its hits, in which the edges of one particle agree.

    Scales are powers of two, one a column of the features of that name (`edgetrack.models.hit_features`), and bring raw
    features near [−1, 1]: `node_scale` and `edge_scale` positions, by default those of a pixel barrel,
    `meridional_scale` and `pair_scale` the features of `helix`; `node_attr_scale` the graphs' `node_attr`, which the
    network does not read where it is empty.
    Raises ValueError for a size below 1, and for scales that are too few, too many or no powers of two.
    """

    kind: Literal["interaction_network"] = "interaction_network"
    hidden: int = 40
    effects: int = 4
    steps: int = 1
    node_scale: tuple[float, ...] = (4.0, 1.0, 0.5)
    edge_scale: tuple[float, ...] = (4.0, 32.0, 0.5, 0.125)
    node_attr_scale: tuple[float, ...] = ()
    receivers: Literal["target", "both"] = "target"
    features: Literal["positions", "helix"] = "positions"
    hit_values: int = 3
    meridional_scale: tuple[float, ...] = (4.0, 0.5, 0.25)
    pair_scale: tuple[float, ...] = (0.5, 0.25, 0.25)

    def __post_init__(self) -> None:
        for name in ("hidden", "effects", "steps", "hit_values"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        for name, features in (
            ("node_scale", NODE_FEATURES),
            ("edge_scale", EDGE_FEATURES),
            ("meridional_scale", FEATURES["meridional"].columns),
            ("pair_scale", FEATURES["pair_geometry"].columns),
        ):
            scale = getattr(self, name)
            if len(scale) != len(features):
                raise ValueError(
                    f"{name} has {len(scale)} numbers, wanted {len(features)}, one for each of {', '.join(features)}"
                )
        for name in ("node_scale", "edge_scale", "node_attr_scale", "meridional_scale", "pair_scale"):
            scale = getattr(self, name)
            if any(math.frexp(factor)[0] != 0.5 for factor in scale):
                raise ValueError(
                    f"{name} is {list(scale)}, wanted powers of two such as 0.5, 1 or 4: quantised "
                    "networks scale their inputs exactly"
                )

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the network reads: of hits, of edges, and the graphs' own features of hits."""
        own = [Input("node_attr", "node", self.node_attr_scale)] if self.node_attr_scale else []
        if self.features == "helix":
            hit = Input("meridional", "node", self.meridional_scale)
            edge = Input("pair_geometry", "edge", self.pair_scale)
        else:
            hit = Input("x", "node", self.node_scale)
            edge = Input("edge_attr", "edge", self.edge_scale)
        return (hit, edge, *own)


def interaction_network(config: InteractionNetworkConfig) -> NetworkDescription:
    """DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), section 4.

    For each edge the relational MLP φ_R1 makes an effect from both hits and the edge; effects are summed at the
    receivers; the object MLP φ_O updates the hits; φ_R2 gives the edge logit. 6,448 parameters at 40 hidden units.
    """
    steps: list[Step] = []
    nodes = tuple(value.name for value in config.inputs if value.domain == "node")
    (edge,) = (value.name for value in config.inputs if value.domain == "edge")
    for index in range(1, config.steps + 1):
        tag = "" if config.steps == 1 else f"_{index}"
        targets, sources = (tuple(f"{node}_{end}{tag}" for node in nodes) for end in ("target", "source"))
        sums = {end: f"aggregate{'' if end == 'target' else f'_{end}'}{tag}" for end in RECEIVERS[config.receivers]}
        steps += [
            *(Gather(name, node, "target") for name, node in zip(targets, nodes, strict=True)),
            *(Gather(name, node, "source") for name, node in zip(sources, nodes, strict=True)),
            Concat(f"relation_1{tag}", (*targets, *sources, edge)),
            Mlp(f"phi_r1{tag}", f"relation_1{tag}", (config.hidden, config.hidden, config.effects)),
            *(Scatter(name, f"phi_r1{tag}", "sum", end) for end, name in sums.items()),
            Concat(f"object{tag}", (*nodes, *sums.values())),
            Mlp(f"phi_o{tag}", f"object{tag}", (config.hidden, config.hidden, config.hit_values)),
        ]
        nodes, edge = (f"phi_o{tag}",), f"phi_r1{tag}"
    steps += [
        Gather("h_target", nodes[0], "target"),
        Gather("h_source", nodes[0], "source"),
        Concat("relation_2", ("h_target", "h_source", edge)),
        Mlp("phi_r2", "relation_2", (config.hidden, config.hidden, 1)),
    ]
    return NetworkDescription("interaction_network", config.inputs, tuple(steps), "phi_r2")
