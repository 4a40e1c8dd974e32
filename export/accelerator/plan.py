"""What the accelerator must do: passes over the nodes or edges of a graph, one after the other, and its size.

A pass reads node values by row (in a node pass) or by edge end (gathered), edge values in the order of the edges, and
sums; it starts a graph when the pass before it has finished with that graph, while the pass before it already works on
the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2
from typing import Literal

from edgetrack.export.accelerator.passes import Operand, Pass, check_domains, read_passes
from edgetrack.export.form import Capacity, hit_capacity
from edgetrack.export.rtl.exported_verilog import check_prefix
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.models.steps import Input, Map, Mlp, Scatter, Table
from edgetrack.quantize.fixed_point import Format, joint_type
from edgetrack.quantize.integer_model import IntegerModel

RESERVED = {"load", "edges", "source", "target", "node", "edge", "logit", "places", "slots", "logits", "lane", "flags"}
MAX_NUMBER_BITS = 16
MAX_TIMEOUT = 2**31 - 1  # a Verilog parameter
MAX_DSP_FACTOR = 26  # bits without a sign: a DSP48E2 multiplies 27 × 18 bits with one
MAX_LANES = 64  # the simulated streams carry a row's keep bits in two words of 32


@dataclass(frozen=True)
class AcceleratorConfig:
    """Size of the accelerator: the largest graph, and how much of it goes through in one clock.

    Capacities are rounded up to whole rows of `node_lanes` (a power of two: nodes lie in that many banks) and
    `edge_lanes`. Every node may have all edges: sums are wide enough. `graphs_in_flight` is the number of memory slots;
    `accumulators` the number of buffers of each sum, of which one is summed while the others wait or are read. Graphs
    are numbered modulo 2^`graph_number_bits`; one that waits for rows is cut off and flagged after `timeout_cycles`
    clocks without any (0: it waits for ever). `mean_multipliers` multiply the sums of means with their reciprocals:
    shifted additions in "lut", or "dsp" slices, in the same clocks. `module_prefix` begins the name of every module, so
    that several accelerators go into one design.
    """

    nodes: int = 1024
    edges: int = 4096
    edge_lanes: int = 2
    node_lanes: int = 1
    graphs_in_flight: int = 2
    accumulators: int = 2
    rtl: RtlConfig = field(default_factory=lambda: RtlConfig(latency_cutoff=2.0))  # short stages: the clock counts here
    graph_number_bits: int = 8
    timeout_cycles: int = 0
    module_prefix: str = ""
    mean_multipliers: Literal["lut", "dsp"] = "lut"

    def __post_init__(self) -> None:
        for name in ("nodes", "edges", "edge_lanes", "node_lanes", "graphs_in_flight", "accumulators"):
            if getattr(self, name) < 1:
                raise ValueError(f"accelerator: {name} is {getattr(self, name)}, wanted at least 1")
        check_prefix(self.module_prefix)
        if self.mean_multipliers not in ("lut", "dsp"):
            raise ValueError(f"accelerator: mean_multipliers is {self.mean_multipliers!r}, wanted 'lut' or 'dsp'")
        if not 2 <= self.graph_number_bits <= MAX_NUMBER_BITS:
            raise ValueError(
                f"accelerator: graph_number_bits is {self.graph_number_bits}, wanted 2 to {MAX_NUMBER_BITS}: half "
                "of the numbers are later than a graph's own, the others earlier"
            )
        if not 0 <= self.timeout_cycles <= MAX_TIMEOUT:
            raise ValueError(
                f"accelerator: timeout_cycles is {self.timeout_cycles}, wanted 1 to {MAX_TIMEOUT}, or 0 for none"
            )
        for name in ("edge_lanes", "node_lanes"):
            if getattr(self, name) > MAX_LANES:
                raise ValueError(
                    f"accelerator: {name} is {getattr(self, name)}, wanted at most {MAX_LANES}: the "
                    "simulation has that many keep bits a row"
                )
        if self.node_lanes & (self.node_lanes - 1):
            raise ValueError(
                f"accelerator: node_lanes is {self.node_lanes}, wanted a power of two: the low bits of a "
                "node's index choose its memory bank"
            )

    @property
    def node_rows(self) -> int:
        return ceil(self.nodes / self.node_lanes)

    @property
    def edge_rows(self) -> int:
        return ceil(self.edges / self.edge_lanes)

    @property
    def capacity(self) -> Capacity:
        return hit_capacity(self.node_rows * self.node_lanes, self.edge_rows * self.edge_lanes)

    @property
    def tree_levels(self) -> int:
        """Depth of the adder tree that joins the sums of the edge lanes."""
        return ceil(log2(self.edge_lanes))


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
        return [
            (made, operand)
            for made in self.passes
            for operand in made.reads
            if operand.value == value and operand.kind == kind
        ]

    def sum_reader(self, total: str) -> Pass:
        """The one pass that reads, and so empties, the accumulators of a sum or mean."""
        ((reader, _),) = self.readers(total, "sum")
        return reader

    def bits(self, value: str) -> int:
        """Width of one node's or edge's `value`, all columns."""
        return sum(fmt.bits for fmt in self.model.columns(value))

    def result(self, made: Pass) -> tuple[Format, ...]:
        """Format of each column that leaves a pass' kernel. A copy brings them to one grid, on which they are added."""
        columns = self.model.columns(made.value)
        return (Format(*joint_type(columns)),) * len(columns) if made.kernel == "copy" else columns

    def result_bits(self, made: Pass) -> int:
        """Width of one node's or edge's result of a pass."""
        return sum(fmt.bits for fmt in self.result(made))


def make_plan(model: IntegerModel, config: AcceleratorConfig) -> Plan:
    """The passes of `model`. Raises ValueError, naming the step, for a network that the accelerator cannot take."""
    description = model.description
    check_domains(description)
    output = description.output
    if not isinstance(description.step(output), Mlp | Map | Table) or description.shape(output).domain != "edge":
        raise ValueError(f"accelerator: output {output!r} must be the result of an MLP, map or table on edges")
    if not any(value.domain == "node" for value in description.inputs):
        raise ValueError("accelerator: the network has no node input, wanted at least one: nodes come first")
    model.check_capacity(config.capacity.counts, "accelerator")
    for step in description.steps:
        if isinstance(step, Scatter) and step.reduce == "max" and len(set(model.columns(step.source))) > 1:
            raise ValueError(
                f"accelerator: maximum {step.name!r} is taken of columns in several formats, wanted one; take the "
                "maximum of each part, and join them behind it"
            )
    if config.mean_multipliers == "dsp" and model.reciprocal_bits + 1 > MAX_DSP_FACTOR:
        raise ValueError(
            f"accelerator: reciprocals for degrees up to {model.max_degree} have {model.reciprocal_bits + 1} bits, and "
            f"mean_multipliers 'dsp' take {MAX_DSP_FACTOR}; take 'lut', or a recipe.max_degree of at most 32768"
        )
    passes = read_passes(description)
    clashes = {made.name for made in passes if made.name != made.value} & set(description.names)
    clashes |= RESERVED & set(description.names)
    if clashes:
        raise ValueError(f"accelerator: {sorted(clashes)} name parts of the accelerator itself; rename the steps")
    inputs = {
        domain: tuple(value for value in description.inputs if value.domain == domain) for domain in ("node", "edge")
    }
    return Plan(model, config, inputs["node"], inputs["edge"], passes)
