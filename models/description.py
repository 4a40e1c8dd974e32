"""A network as a short list of steps: the one thing that every later room reads.

Training, quantisation, the integer model, each exporter and `verify` walk over the same `NetworkDescription`; none of
them knows a network by name. A value lives on nodes or on edges and has a width; a step makes one named value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, TypeAdapter

Domain = Literal["node", "edge"]
EdgeEnd = Literal["source", "target"]


class Shape(NamedTuple):
    """Where a value lives and how many numbers it holds there."""

    domain: Domain
    width: int


@dataclass(frozen=True)
class Input:
    """A value given from outside: the raw features times `scale`, one power of two a column.

    The scales put features of different units on comparable ranges before quantisation; powers of two keep it exact.
    """

    name: str
    domain: Domain
    scale: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.scale)


@dataclass(frozen=True)
class Gather:
    """Edge value: the node value `source` at one end of each edge."""

    name: str
    source: str
    end: EdgeEnd
    kind: Literal["gather"] = "gather"


@dataclass(frozen=True)
class Concat:
    """Columns of several values of one domain, side by side."""

    name: str
    parts: tuple[str, ...]
    kind: Literal["concat"] = "concat"


@dataclass(frozen=True)
class Mlp:
    """Linear layers of the given output `widths`, ReLU between them, none after the last."""

    name: str
    source: str
    widths: tuple[int, ...]
    kind: Literal["mlp"] = "mlp"


@dataclass(frozen=True)
class ScatterSum:
    """Node value: the sum of the edge value `source` over the edges that have the node at `end`."""

    name: str
    source: str
    end: EdgeEnd = "target"
    kind: Literal["scatter_sum"] = "scatter_sum"


@dataclass(frozen=True)
class ScatterMean:
    """Node value: the mean of the edge value `source` over the edges at `end`; zero for a node without any."""

    name: str
    source: str
    end: EdgeEnd = "target"
    kind: Literal["scatter_mean"] = "scatter_mean"


@dataclass(frozen=True)
class Add:
    """Elementwise sum of two values of one shape (a residual connection)."""

    name: str
    parts: tuple[str, str]
    kind: Literal["add"] = "add"


Step = Gather | Concat | Mlp | ScatterSum | ScatterMean | Add


@dataclass(frozen=True)
class NetworkDescription:
    """Inputs, steps in order, and the name of the value that is the result (for an edge classifier: the logit)."""

    name: str
    inputs: tuple[Input, ...]
    steps: tuple[Annotated[Step, Field(discriminator="kind")], ...]
    output: str
    _shapes: dict[str, Shape] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for value in self.inputs:
            self._define(value.name, Shape(value.domain, value.width))
        for step in self.steps:
            self._define(step.name, self._shape_made_by(step))
        if self.output not in self._shapes:
            raise ValueError(f"network {self.name!r}: output {self.output!r} is made by no step: {self.names}")

    @property
    def names(self) -> list[str]:
        """Names of all values, in the order in which they come into being."""
        return list(self._shapes)

    def shape(self, name: str) -> Shape:
        """Domain and width of a value. Raises ValueError for an unknown name."""
        if name not in self._shapes:
            raise ValueError(f"network {self.name!r}: value {name!r} is used but not made before; known: {self.names}")
        return self._shapes[name]

    @cached_property
    def mlps(self) -> tuple[Mlp, ...]:
        return tuple(step for step in self.steps if isinstance(step, Mlp))

    def step(self, name: str) -> Input | Step:
        """The input or step that makes the value `name`."""
        self.shape(name)
        return next(value for value in (*self.inputs, *self.steps) if value.name == name)

    def num_parameters(self) -> int:
        """Weights and biases of all MLPs."""
        total = 0
        for mlp in self.mlps:
            widths = (self.shape(mlp.source).width, *mlp.widths)
            total += sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        return total

    def submodel(self, mlp: str) -> NetworkDescription:
        """One MLP as a network of its own: what feeds its concatenation becomes the inputs, in its own domain."""
        step = self.step(mlp)
        if not isinstance(step, Mlp):
            raise ValueError(f"network {self.name!r}: {mlp!r} is a {type(step).__name__}, wanted an Mlp")
        feeding = self.step(step.source)
        parts = feeding.parts if isinstance(feeding, Concat) else (step.source,)
        inputs: dict[str, Input] = {}
        for part in parts:
            shape = self.shape(part)
            inputs[part] = Input(part, shape.domain, (1.0,) * shape.width)
        steps = (feeding, step) if isinstance(feeding, Concat) else (step,)
        return NetworkDescription(f"{self.name}_{mlp}", tuple(inputs.values()), steps, mlp)

    def to_json(self) -> str:
        return TypeAdapter(NetworkDescription).dump_json(self, exclude={"_shapes"}).decode()

    @staticmethod
    def from_json(text: str) -> NetworkDescription:
        return TypeAdapter(NetworkDescription).validate_json(text)

    def _define(self, name: str, shape: Shape) -> None:
        if not name.isidentifier():
            raise ValueError(f"network {self.name!r}: value name {name!r} must be an identifier (it names layers)")
        if name in self._shapes:
            raise ValueError(f"network {self.name!r}: two steps make {name!r}; give each value a name of its own")
        if shape.width < 1:
            raise ValueError(f"network {self.name!r}: {name!r} has width {shape.width}, wanted at least 1")
        self._shapes[name] = shape

    def _shape_made_by(self, step: Step) -> Shape:
        match step:
            case Gather():
                self._require(step.name, step.source, "node")
                return Shape("edge", self.shape(step.source).width)
            case ScatterSum() | ScatterMean():
                self._require(step.name, step.source, "edge")
                return Shape("node", self.shape(step.source).width)
            case Mlp():
                if not step.widths:
                    raise ValueError(f"network {self.name!r}: MLP {step.name!r} has no layer; give widths")
                return Shape(self.shape(step.source).domain, step.widths[-1])
            case Concat():
                if len(set(step.parts)) != len(step.parts):
                    raise ValueError(f"network {self.name!r}: {step.name!r} joins {step.parts}; join each value once")
                shapes = [self.shape(part) for part in step.parts]
                if len({shape.domain for shape in shapes}) != 1:
                    raise ValueError(f"network {self.name!r}: {step.name!r} joins {shapes}, wanted one domain")
                return Shape(shapes[0].domain, sum(shape.width for shape in shapes))
            case Add():
                left, right = (self.shape(part) for part in step.parts)
                if left != right:
                    raise ValueError(f"network {self.name!r}: {step.name!r} adds {left} and {right}, wanted equal")
                return left

    def _require(self, name: str, source: str, domain: Domain) -> None:
        if self.shape(source).domain != domain:
            raise ValueError(
                f"network {self.name!r}: {name!r} needs a value on {domain}s, "
                f"got {source!r} on {self.shape(source).domain}s"
            )
