"""What networks are said in: domains that values live in, and six kinds of steps that make one value each.

A value is a matrix: one row an element of its domain (a node, an edge, …), `width` columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Never, NoReturn, TypeGuard


class Shape(NamedTuple):
    """Where a value lives and how many numbers it holds there."""

    domain: str
    width: int


@dataclass(frozen=True)
class End:
    """One end of each element of a domain: an element of `domain`."""

    name: str
    domain: str


@dataclass(frozen=True)
class Domain:
    """A set of elements that values live on. An edge has two ends in the nodes, a triplet two in the edges."""

    name: str
    ends: tuple[End, ...] = ()


NODE = Domain("node")
EDGE = Domain("edge", (End("source", "node"), End("target", "node")))
MESSAGE = Domain("message", (End("sender", "node"), End("receiver", "node"), End("along", "edge")))  # edges both ways
TRIPLET = Domain("triplet", (End("inner", "edge"), End("outer", "edge")))  # two edges that share a hit
TOKEN = Domain("token")
PAIR = Domain("pair", (End("query", "token"), End("key", "token")))  # attention: who looks at whom
PIVOT_PAIR = Domain("pivot_pair", (End("asking", "token"), End("pivot", "token")))  # each token with some chosen ones


@dataclass(frozen=True)
class Input:
    """A value given from outside: the raw features times `scale`, one power of two a column.

    The scales put features of different units on comparable ranges before quantisation; powers of two keep it exact.
    """

    name: str
    domain: str
    scale: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.scale)

    @property
    def sources(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Gather:
    """The value `source` of the element at one end: a node's value on each of its edges."""

    name: str
    source: str
    end: str
    kind: Literal["gather"] = "gather"

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True)
class Concat:
    """Columns of several values of one domain, side by side."""

    name: str
    parts: tuple[str, ...]
    kind: Literal["concat"] = "concat"

    @property
    def sources(self) -> tuple[str, ...]:
        return self.parts


@dataclass(frozen=True)
class Mlp:
    """Linear layers of the given output `widths`, ReLU between them, none after the last.

    MLPs with the same `weights` share weights and biases: rounds of one network, both sides of a symmetric function.
    Empty: weights of its own.
    """

    name: str
    source: str
    widths: tuple[int, ...]
    weights: str = ""
    kind: Literal["mlp"] = "mlp"

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def parameters(self) -> str:
        """Name of its weights and biases."""
        return self.weights or self.name


@dataclass(frozen=True)
class Map:
    """`operation` (of `edgetrack.models.operations`) on the rows of `parts`: a sum, a product, a dot product, …"""

    name: str
    operation: str
    parts: tuple[str, ...]
    kind: Literal["map"] = "map"

    @property
    def sources(self) -> tuple[str, ...]:
        return self.parts


@dataclass(frozen=True)
class Table:
    """`function` (of `edgetrack.models.functions`) of each number; quantised, a table over all codes of the source."""

    name: str
    function: str
    source: str
    kind: Literal["table"] = "table"

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True)
class Scatter:
    """The sum, mean or maximum of `source` over the elements that have this one at `end`; zero where there are none."""

    name: str
    source: str
    reduce: Literal["sum", "mean", "max"] = "sum"
    end: str = "target"
    kind: Literal["scatter"] = "scatter"

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


Step = Gather | Concat | Mlp | Map | Table | Scatter

Kernel = Mlp | Map | Table
"""Steps that compute each row from the same row of their sources: what stands as one pipeline in hardware."""


def keeps_codes(step: Input | Step) -> bool:
    """Whether a step only moves or selects numbers, so that they keep their formats: nothing is rounded."""
    return isinstance(step, Gather | Concat) or (isinstance(step, Scatter) and step.reduce == "max")


def is_kernel(step: Step) -> TypeGuard[Kernel]:
    """Whether a step computes row by row. Raises ValueError for a kind that is not known."""
    match step:
        case Mlp() | Map() | Table():
            return True
        case Gather() | Concat() | Scatter():
            return False
        case _:
            refuse_step(step, "kernels")


def refuse_step(step: Never, where: str) -> NoReturn:
    """Ends every walk over steps: mypy proves that no kind is forgotten, and one that mypy never saw is refused."""
    raise ValueError(
        f"{where}: step {getattr(step, 'name', step)!r} is a {type(step).__name__}, which it does not know; "
        "add a case for it"
    )
