"""The design space of the accelerator: networks × lanes × pipelining → cycles and resources, by formulas.

Every point is a complete design: the network's integers (a trained checkpoint's, or drawn ones of stated widths), lanes
and memories. Cycles come from the exact formula, resources from the closed-form model; neither simulates nor
synthesises anything. For memory slots and accumulators the smallest numbers are taken that reach the rate which the
lanes allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil

import numpy as np

from edgetrack.events.progress import Progress
from edgetrack.export.accelerator.cycles import CycleFormula, cycle_formula
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan, make_plan
from edgetrack.export.accelerator.resource_model import model_resources, total_resources
from edgetrack.export.exploration.kernel_library import KernelLibrary
from edgetrack.export.exploration.representative_model import representative_model
from edgetrack.export.resources.kernel_figures import KernelFigures
from edgetrack.export.rtl.pipelines import RtlConfig
from edgetrack.export.synthesis.yosys import Resources
from edgetrack.models.interaction_network import InteractionNetworkConfig, interaction_network
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.recipe import PrecisionRecipe

# What place and route of one MLP of 8 hidden units reached on ECP5-85k (docs/synthesis.md): latency cutoff → ns.
ECP5_PERIODS = {1.0: 3.7, 2.0: 5.8, 3.0: 8.2, 5.0: 11.4}


def assumed_clock_mhz(latency_cutoff: float) -> float:
    """200 MHz up to a cutoff of 2; beyond, less by as much as place and route on ECP5 reached less, up to 5."""
    period = np.interp(latency_cutoff, list(ECP5_PERIODS), list(ECP5_PERIODS.values()))
    return round(200.0 * min(1.0, ECP5_PERIODS[2.0] / float(period)))


@dataclass(frozen=True)
class Grid:
    """Every combination is a candidate. `nodes` and `edges` are the largest graph, and the one whose cycles are told.

    `hidden`, `weight_bits`, `activation_bits` make networks of random weights (`seed`); a trained network has its own.
    Empty `graphs_in_flight` or `accumulators`: the smallest that reach the rate which the lanes allow. `clock_mhz`, one
    for all or one for each `latency_cutoff`, is assumed; empty: `assumed_clock_mhz`.
    """

    nodes: int = 660
    edges: int = 1320
    hidden: tuple[int, ...] = (8, 16, 24, 32)
    weight_bits: tuple[int, ...] = (4, 6, 8)
    activation_bits: tuple[int, ...] = (6, 8)
    edge_lanes: tuple[int, ...] = (1, 2, 4, 8, 12, 16, 20, 24, 32)
    node_lanes: tuple[int, ...] = (1, 2, 4, 8, 16)
    latency_cutoff: tuple[float, ...] = (2.0, 5.0)
    graphs_in_flight: tuple[int, ...] = ()
    accumulators: tuple[int, ...] = ()
    clock_mhz: tuple[float, ...] = ()
    seed: int = 0
    network: InteractionNetworkConfig = field(default_factory=InteractionNetworkConfig)
    recipe: PrecisionRecipe = field(default_factory=PrecisionRecipe)

    def __post_init__(self) -> None:
        for name in ("hidden", "weight_bits", "activation_bits", "edge_lanes", "node_lanes", "latency_cutoff"):
            if not getattr(self, name):
                raise ValueError(f"explore: {name} is empty, wanted at least one value")
        if len(self.clock_mhz) not in (0, 1, len(self.latency_cutoff)) or not all(one > 0 for one in self.clock_mhz):
            raise ValueError(
                f"explore: clock_mhz is {list(self.clock_mhz)}, wanted one above 0, or one for each of "
                f"{len(self.latency_cutoff)} values of latency_cutoff"
            )

    @property
    def pipelines(self) -> tuple[RtlConfig, ...]:
        """Pipelining of the kernels, each at its clock."""
        clocks = self.clock_mhz or tuple(assumed_clock_mhz(cutoff) for cutoff in self.latency_cutoff)
        clocks *= len(self.latency_cutoff) if len(clocks) == 1 else 1
        return tuple(RtlConfig(cutoff, 1000 / clock) for cutoff, clock in zip(self.latency_cutoff, clocks, strict=True))


@dataclass(frozen=True)
class SizedNetwork:
    """A network to build: its integers, and the sizes that it is known by."""

    hidden: int
    weight_bits: int
    activation_bits: int
    model: IntegerModel

    @property
    def size(self) -> tuple[int, int, int]:
        return self.hidden, self.weight_bits, self.activation_bits


@dataclass(frozen=True)
class Candidate:
    """One design with its figures; resources are an estimate of Yosys' estimate."""

    hidden: int
    weight_bits: int
    activation_bits: int
    config: AcceleratorConfig
    latency_cycles: int
    interval_cycles: float
    resources: Resources

    @property
    def clock_mhz(self) -> float:
        return 1000 / self.config.rtl.clock_period_ns

    @property
    def latency_us(self) -> float:
        return self.latency_cycles / self.clock_mhz

    @property
    def million_graphs_per_s(self) -> float:
        return self.clock_mhz / self.interval_cycles


def representative_networks(grid: Grid) -> list[SizedNetwork]:
    """A network of random weights for each size of the grid."""
    networks = []
    for hidden, weight_bits, activation_bits in product(grid.hidden, grid.weight_bits, grid.activation_bits):
        description = interaction_network(replace(grid.network, hidden=hidden))
        recipe = replace(
            grid.recipe, weight_bits=weight_bits, activation_bits=activation_bits, aggregation_bits=activation_bits
        )
        networks.append(
            SizedNetwork(hidden, weight_bits, activation_bits, representative_model(description, recipe, grid.seed))
        )
    return networks


def trained_network(model: IntegerModel) -> SizedNetwork:
    """The network of a checkpoint; widths are the widest of its layers."""
    layers = [layer for mlp in model.layers.values() for layer in mlp]
    hidden = max((width for mlp in model.description.mlps for width in mlp.widths[:-1]), default=0)
    return SizedNetwork(
        hidden, max(layer.weight_format.bits for layer in layers), max(layer.activation.bits for layer in layers), model
    )


def explore(
    networks: Sequence[SizedNetwork], grid: Grid, library: KernelLibrary, progress: Progress
) -> list[Candidate]:
    """Every candidate, in the order of the grid. Cost: alkaid's time for each new kernel, then milliseconds each."""
    pipelines = list(product(networks, grid.pipelines))
    candidates = []
    for done, (network, rtl) in enumerate(pipelines, 1):
        kernels = library.figures(network.model, rtl)
        candidates += [
            evaluate(network, config, grid, kernels) for config in configurations(network.model, grid, rtl, kernels)
        ]
        progress(done, len(pipelines))
    return candidates


def evaluate(
    network: SizedNetwork, config: AcceleratorConfig, grid: Grid, kernels: Mapping[str, KernelFigures]
) -> Candidate:
    """Figures of one design. Cost: milliseconds."""
    plan = make_plan(network.model, config)
    formula = _formula(plan, kernels)
    resources = total_resources(model_resources(plan, formula, kernels))
    return Candidate(
        *network.size,
        config,
        formula.latency(grid.nodes, grid.edges),
        formula.interval(grid.nodes, grid.edges),
        resources,
    )


def configurations(
    model: IntegerModel, grid: Grid, rtl: RtlConfig, kernels: Mapping[str, KernelFigures]
) -> Iterator[AcceleratorConfig]:
    """The accelerators of the grid for one network and one pipelining."""
    for edge_lanes, node_lanes in product(grid.edge_lanes, grid.node_lanes):
        one = AcceleratorConfig(grid.nodes, grid.edges, edge_lanes, node_lanes, 1, 1, rtl)
        slots, buffers = fewest_memories(_formula(make_plan(model, one), kernels), grid.nodes, grid.edges)
        for graphs, accumulators in product(grid.graphs_in_flight or (slots,), grid.accumulators or (buffers,)):
            yield replace(one, graphs_in_flight=graphs, accumulators=accumulators)


def fewest_memories(formula: CycleFormula, nodes: int, edges: int) -> tuple[int, int]:
    """(graphs in flight, accumulators): the fewest with which only the rows of a graph bound the interval.

    `formula` is that of the design with one of each.
    """
    rows = max(formula.rows(nodes, edges))
    slots = ceil(formula.latency(nodes, edges) / rows)
    buffers = 1
    while (
        replace(formula, config=replace(formula.config, graphs_in_flight=slots, accumulators=buffers)).interval(
            nodes, edges
        )
        > rows
    ):
        buffers += 1
    return slots, buffers


def _formula(plan: Plan, kernels: Mapping[str, KernelFigures]) -> CycleFormula:
    return cycle_formula(plan, {name: kernel.cycles for name, kernel in kernels.items()})
