"""HyperTrack's graph network in the steps that hardware has: pairs once, ReLU, L1 distances, means by reciprocals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgetrack.models.blocks import squared_distance
from edgetrack.models.description import NetworkDescription
from edgetrack.models.steps import Concat, Gather, Input, Map, Mlp, Scatter, Step, Table

SIDES = {"forward": "target", "backward": "source"}  # who gets the message; the other end sends it
LATENT = "latent"
LOGIT = "edge_logit"


@dataclass(frozen=True)
class CompactHyperTrackConfig:
    """Sizes of the compact HyperTrack.

    `layers` rounds; `hidden` numbers at each hit and `message` in each message; MLPs of messages, hits, fusion and
    edges have one hidden layer each, of `message_units`, `hidden_units`, `fusion_units` and `edge_units`; `latent`
    numbers a hit in the end, which with x, y, z make the tokens of the transformer.

    `distance` of two hits' values: the sum of absolute differences, that of squares, or its root from a table.
    `weights`: the message to the outer hit of a pair and the one to the inner hit have weights of their own, or
    share them. `edge_geometry`: whether the edge MLP reads the pair's geometry beside z_i ⊙ z_j.
    Scales are powers of two, one a column of the features of that name (`edgetrack.models.hit_features`).
    Raises ValueError for a size below 1, and for scales that are no powers of two.
    """

    kind: Literal["compact_hypertrack"] = "compact_hypertrack"
    layers: int = 5
    hidden: int = 16
    message: int = 16
    latent: int = 13
    message_units: int = 16
    hidden_units: int = 24
    fusion_units: int = 24
    edge_units: int = 16
    distance: Literal["l1", "squared", "root"] = "l1"
    weights: Literal["own", "shared"] = "own"
    edge_geometry: bool = True
    cylindrical_scale: tuple[float, ...] = (1.0, 0.25, 0.25, 0.25)
    pair_scale: tuple[float, ...] = (0.25, 0.25, 0.25)
    doublet_scale: tuple[float, ...] = (2.0, 4.0, 0.5, 1.0, 0.25)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name.endswith("_scale"):
                if not value or any(math.frexp(factor)[0] != 0.5 for factor in value):
                    raise ValueError(
                        f"{name} is {list(value)}, wanted powers of two such as 0.5, 1 or 4, one a column: quantised "
                        "networks scale their inputs exactly"
                    )
            elif isinstance(value, int) and value < 1 and name != "edge_geometry":
                raise ValueError(f"{name} is {value}, wanted at least 1")


def compact_hypertrack(config: CompactHyperTrackConfig) -> NetworkDescription:
    """Mieskolainen, "HyperTrack" (2023), equations 1 to 4, on pairs of hits that there are once.

    A layer gives both hits i of a pair {i, j} a message MLP([h_i, h_j, h_i ⊙ h_j, e_ij]) (h_j itself says what
    h_j − h_i would), e_ij = [⟨h_i, h_j⟩, ‖h_i − h_j‖, geometry of the pair]; means of both kinds of messages and h_i
    make the new h_i, added to the old one from the second layer on. All layers make `latent`, z; MLP(z_i ⊙ z_j)
    is the logit of the pair. 16 numbers a hit and 5 layers: 21,238 parameters.
    """
    steps: list[Step] = []
    hits, layers = "cylindrical", []
    if config.weights == "shared":
        steps.append(Map("doublet_backward", "negate", ("doublet_geometry",)))
    for layer in range(1, config.layers + 1):
        steps += _messages(config, layer, hits)
        steps += _update(config, layer, hits)
        hits = f"hits_{layer}"
        layers.append(hits)
    edge = ("latent_product", *(("pair_geometry", "doublet_geometry") if config.edge_geometry else ()))
    steps += [
        Concat("fusion_in", tuple(layers)),
        Mlp(LATENT, "fusion_in", (config.fusion_units, config.latent)),
        Gather("latent_source", LATENT, "source"),
        Gather("latent_target", LATENT, "target"),
        Map("latent_product", "multiply", ("latent_source", "latent_target")),
        *([Concat("edge_in", edge)] if len(edge) > 1 else []),
        Mlp(LOGIT, "edge_in" if len(edge) > 1 else edge[0], (config.edge_units, 1)),
    ]
    inputs = (
        Input("cylindrical", "node", config.cylindrical_scale),
        Input("pair_geometry", "edge", config.pair_scale),
        Input("doublet_geometry", "edge", config.doublet_scale),
    )
    return NetworkDescription("compact_hypertrack", inputs, tuple(steps), LOGIT)


def _messages(config: CompactHyperTrackConfig, layer: int, hits: str) -> list[Step]:
    """What both hits of a pair are told, and the mean of it at each hit: `mean_forward_L`, `mean_backward_L`."""
    ends = {end: f"{end}_{layer}" for end in ("source", "target")}
    pair = (ends["source"], ends["target"])
    steps: list[Step] = [
        *(Gather(name, hits, end) for end, name in ends.items()),
        Map(f"product_{layer}", "multiply", pair),
        Map(f"dot_{layer}", "dot", pair),
        *_distance(config, f"distance_{layer}", *pair),
    ]
    symmetric = (f"product_{layer}", f"dot_{layer}", f"distance_{layer}", "pair_geometry")
    seen = {"forward": (ends["target"], ends["source"], *symmetric, "doublet_geometry")}
    if config.weights == "shared":
        seen["backward"] = (*pair, *symmetric, "doublet_backward")
    steps += [Concat(f"{side}_{layer}_in", parts) for side, parts in seen.items()]
    for side, receiver in SIDES.items():
        read = side if side in seen else "forward"  # weights of its own find the columns in any order
        weights = f"message_{layer}" if config.weights == "shared" else ""
        widths = (config.message_units, config.message)
        steps += [
            Mlp(f"{side}_{layer}", f"{read}_{layer}_in", widths, weights),
            Scatter(f"mean_{side}_{layer}", f"{side}_{layer}", "mean", receiver),
        ]
    return steps


def _distance(config: CompactHyperTrackConfig, name: str, left: str, right: str) -> list[Step]:
    match config.distance:
        case "l1":
            return [Map(name, "l1_distance", (left, right))]
        case "squared":
            return squared_distance(name, left, right)
        case "root":
            return [*squared_distance(f"{name}_squared", left, right), Table(name, "square_root", f"{name}_squared")]


def _update(config: CompactHyperTrackConfig, layer: int, hits: str) -> list[Step]:
    """`hits_L` of the messages; the first layer has other columns than the input, so that nothing is added there."""
    change = f"change_{layer}" if layer > 1 else f"hits_{layer}"
    steps: list[Step] = [
        Concat(f"update_{layer}_in", (hits, *(f"mean_{side}_{layer}" for side in SIDES))),
        Mlp(change, f"update_{layer}_in", (config.hidden_units, config.hidden)),
    ]
    return steps if layer == 1 else [*steps, Map(f"hits_{layer}", "add", (hits, change))]
