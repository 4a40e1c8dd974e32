"""What the accelerator must do, read from the step list: passes over the nodes or edges, and the values they move.

Each MLP is one pass over its graph, in the order of the steps. A pass reads node values by row (in a node pass) or by
edge end (gathered), edge values in the order of the edges, and sums; it starts a graph when the pass before it has
finished with that graph, while the pass before it already works on the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

from edgetrack.export.form import Capacity
from edgetrack.export.rtl import RtlConfig
from edgetrack.models.description import Add, Concat, EdgeEnd, Gather, Input, Mlp, ScatterMean, ScatterSum
from edgetrack.quantize.integer_model import IntegerModel

RESERVED = {"load", "edges", "source", "target", "node", "edge", "logit", "places", "slots", "logits", "lane"}


@dataclass(frozen=True)
class AcceleratorConfig:
    """Size of the accelerator: the largest graph, and how much of it goes through in one clock.

    Capacities are rounded up to whole rows of `node_lanes` (a power of two: nodes lie in that many banks) and
    `edge_lanes`. Every node may have all edges: sums are wide enough. `graphs_in_flight` is the number of memory slots;
    `accumulators` the number of buffers of each sum, of which one is summed while the others wait or are read.
    """

    nodes: int = 1024
    edges: int = 4096
    edge_lanes: int = 2
    node_lanes: int = 1
    graphs_in_flight: int = 2
    accumulators: int = 2
    rtl: RtlConfig = field(default_factory=RtlConfig)

    def __post_init__(self) -> None:
        for name in ("nodes", "edges", "edge_lanes", "node_lanes", "graphs_in_flight", "accumulators"):
            if getattr(self, name) < 1:
                raise ValueError(f"accelerator: {name} is {getattr(self, name)}, wanted at least 1")
        if self.node_lanes & (self.node_lanes - 1):
            raise ValueError(f"accelerator: node_lanes is {self.node_lanes}, wanted a power of two: the low bits of a "
                             "node's index choose its memory bank")

    @property
    def node_rows(self) -> int:
        return ceil(self.nodes / self.node_lanes)

    @property
    def edge_rows(self) -> int:
        return ceil(self.edges / self.edge_lanes)

    @property
    def capacity(self) -> Capacity:
        return Capacity(self.node_rows * self.node_lanes, self.edge_rows * self.edge_lanes)

    @property
    def tree_levels(self) -> int:
        """Depth of the adder tree that joins the sums of the edge lanes."""
        return ceil(log2(self.edge_lanes))


@dataclass(frozen=True)
class Operand:
    """A value as one pass reads it: `end` is the edge's end for a gathered node value."""

    value: str
    kind: str  # "node", "edge", "gather", "sum"
    end: EdgeEnd | None = None


@dataclass(frozen=True)
class Pass:
    """One MLP over all nodes or edges of a graph."""

    name: str
    domain: str  # "node" or "edge"
    operands: tuple[Operand, ...]
    sums: tuple[ScatterSum, ...]  # what its results are summed into
    streamed: bool  # takes its rows from the edge stream, as the first edge pass
    final: bool  # its results leave

    @property
    def reads_sums(self) -> bool:
        return any(operand.kind == "sum" for operand in self.operands)


@dataclass(frozen=True)
class Plan:
    """The passes of a network, in order."""

    model: IntegerModel
    config: AcceleratorConfig
    node_inputs: tuple[Input, ...]
    edge_inputs: tuple[Input, ...]
    passes: tuple[Pass, ...]

    def readers(self, value: str, kind: str) -> list[tuple[Pass, Operand]]:
        """Where `value` is read as an operand of this kind."""
        return [(made, operand) for made in self.passes for operand in made.operands
                if operand.value == value and operand.kind == kind]

    def bits(self, value: str) -> int:
        """Width of one node's or edge's `value`, all columns."""
        return sum(fmt.bits for fmt in self.model.columns(value))


def make_plan(model: IntegerModel, config: AcceleratorConfig) -> Plan:
    """The passes of `model`. Raises ValueError, naming the step, for a network that the accelerator cannot take."""
    description = model.description
    _check_steps(model)
    mlps = description.mlps
    first_edge = next(mlp.name for mlp in mlps if description.shape(mlp.source).domain == "edge")
    passes = tuple(
        Pass(
            mlp.name, description.shape(mlp.source).domain, _operands(model, mlp.source),
            tuple(step for step in description.steps if isinstance(step, ScatterSum) and step.source == mlp.name),
            mlp.name == first_edge, mlp.name == description.output,
        )
        for mlp in mlps
    )
    inputs = {domain: tuple(value for value in description.inputs if value.domain == domain)
              for domain in ("node", "edge")}
    plan = Plan(model, config, inputs["node"], inputs["edge"], passes)
    for made in passes:
        for total in made.sums:
            readers = plan.readers(total.name, "sum")
            if len(readers) != 1:
                raise ValueError(f"accelerator: sum {total.name!r} is read by {len(readers)} MLPs, wanted one: reading "
                                 "clears it")
    return plan


def _check_steps(model: IntegerModel) -> None:
    description = model.description
    last = description.mlps[-1].name if description.mlps else None
    if last != description.output or description.shape(description.output).domain != "edge":
        raise ValueError(f"accelerator: output {description.output!r} must be the last MLP, on edges")
    clashes = sorted(RESERVED & set(description.names))
    if clashes:
        raise ValueError(f"accelerator: {clashes} name parts of the accelerator itself; rename the steps")
    if not any(value.domain == "node" for value in description.inputs):
        raise ValueError("accelerator: the network has no node input, wanted at least one: nodes come first")
    for step in description.steps:
        if isinstance(step, ScatterMean | Add):
            raise ValueError(f"accelerator: step {step.name!r} is a {type(step).__name__}, which it does not have; "
                             "wanted gathers, concatenations, MLPs and sums")
        if isinstance(step, ScatterSum) and not isinstance(description.step(step.source), Mlp):
            raise ValueError(f"accelerator: step {step.name!r} sums {step.source!r}, wanted the result of an MLP")


def _operands(model: IntegerModel, source: str, end: EdgeEnd | None = None) -> tuple[Operand, ...]:
    """What a value is joined from, first column first."""
    step = model.description.step(source)
    match step:
        case Concat():
            return tuple(operand for part in step.parts for operand in _operands(model, part, end))
        case Gather():
            return _operands(model, step.source, step.end)
        case ScatterSum() if end is not None:
            raise ValueError(f"accelerator: sum {source!r} is gathered to edges, wanted an MLP on nodes in between")
        case ScatterSum():
            return (Operand(source, "sum"),)
        case _ if end is not None:
            return (Operand(source, "gather", end),)
        case _:
            return (Operand(source, model.description.shape(source).domain),)
