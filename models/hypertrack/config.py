"""Size of HyperTrack's graph network, and what it is told of hits and of edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetrack.models.hit_features import feature

Aggregation = Literal["mean", "sum", "max", "softmax"]


@dataclass(frozen=True)
class HyperTrackConfig:
    """HyperTrack's SuperEdgeConv network (Mieskolainen, arXiv:2309.14113, equations 1–4).

    The defaults are the published sizes. `features: cartesian` is the paper's: x, y, z of hits, and of an edge the
    difference of its ends' degrees. `cylindrical` tells the same without the angle about the beam, and of an edge the
    helix through both hits: it learns faster by far. `aggregation` holds one reduction a layer, or one for all.

    `convolution: equivariant` is the alternative that the paper names (Satorras et al. 2021): layers move the hits and
    see distances between them. With `cartesian`, hits are then told by their degree alone, so that nothing depends on a
    rotation, reflection or shift of the detector; with `cylindrical`, on none about the beam.
    Raises ValueError for a size below 1 or the wrong number of aggregations.
    """

    kind: Literal["hypertrack"] = "hypertrack"
    features: Literal["cartesian", "cylindrical"] = "cartesian"
    convolution: Literal["super_edge", "equivariant"] = "super_edge"
    layers: int = 5
    hidden: int = 64  # width of the nodes' values
    message: int = 64
    latent: int = 61  # width of z, after the fusion of all layers
    aggregation: tuple[Aggregation, ...] = ("mean",)

    def __post_init__(self) -> None:
        for name in ("layers", "hidden", "message"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        if self.latent < 2:
            raise ValueError(f"latent is {self.latent}, wanted at least 2: the edge MLP is half as wide")
        if len(self.aggregation) not in (1, self.layers):
            raise ValueError(
                f"aggregation has {len(self.aggregation)} entries, wanted 1 for all layers or {self.layers}, one each"
            )

    @property
    def aggregations(self) -> tuple[Aggregation, ...]:
        """One reduction for each layer."""
        return self.aggregation * self.layers if len(self.aggregation) == 1 else self.aggregation

    @property
    def node_inputs(self) -> tuple[str, ...]:
        """Features of hits that the first layer starts from."""
        if self.features == "cylindrical":
            return ("cylindrical",)
        return ("cartesian",) if self.convolution == "super_edge" else ("degree",)

    @property
    def position_inputs(self) -> tuple[str, ...]:
        """Coordinates of hits, where layers move them."""
        return ("cartesian",) if self.convolution == "equivariant" else ()

    @property
    def symmetric_inputs(self) -> tuple[str, ...]:
        """Features of an edge that both directions see alike."""
        return () if self.features == "cartesian" else ("pair_geometry",)

    @property
    def antisymmetric_inputs(self) -> tuple[str, ...]:
        """Features of an edge whose sign follows the direction of the message."""
        return ("degree_difference",) if self.features == "cartesian" else ("doublet_geometry",)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All features that the network reads, as `edgetrack.models.hit_features` names them."""
        return (*self.node_inputs, *self.position_inputs, *self.symmetric_inputs, *self.antisymmetric_inputs)


def width_of(inputs: tuple[str, ...]) -> int:
    """Columns of these features together."""
    return sum(len(feature(name).columns) for name in inputs)
