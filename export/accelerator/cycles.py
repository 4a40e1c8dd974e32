"""The cycle formula: how long a graph takes through the accelerator, and how soon the next may follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2

from edgetrack.export.accelerator.passes import Pass
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan
from edgetrack.models.steps import Scatter
from edgetrack.quantize.integer_model import IntegerModel

GATHER_CYCLES = 4  # edge memory, address, node memory, choice of the bank
ADD_CYCLES = 3  # from a message to a sum that can be read: old sum, addition, writing
READ_CYCLES = 2  # memory, zero where no message came
FORMAT_CYCLES = 2  # rounding, clip
OUTPUT_CYCLES = 1  # the output FIFO's register


@dataclass(frozen=True)
class Timing:
    """Cycles of each pass from issuing a row to `kernel` input, to its result (`out`), and to telling the next pass."""

    kernel: int
    out: int
    done: int


@dataclass(frozen=True)
class CycleFormula:
    """Latency and initiation interval of graphs of any size that fits, without stalls from outside.

    With R_n = ⌈nodes / node lanes⌉ and R_e = ⌈edges / edge lanes⌉ rows (at least 1), R_p the rows of pass p (1 where
    the next one is chained to it), D_p its `done` cycles and L = `load`, a slot of the memories is held for
    S = R_n + L + Σ_p (R_p + D_p); latency = S + 1, from the first row of nodes taken to the last row of logits given.
    Equal graphs follow each other every max(R_n, R_e, S / graphs in flight, A / accumulators) cycles on average, where
    A is the time that a sum's buffer is held: from the start of the pass that is summed to the last read of the pass
    that reads it.
    """

    config: AcceleratorConfig
    passes: tuple[Pass, ...]
    timings: Mapping[str, Timing]
    load: int  # from the last row of nodes taken to telling the first pass

    def rows(self, nodes: int, edges: int) -> tuple[int, int]:
        """Rows of nodes and of edges."""
        return max(1, ceil(nodes / self.config.node_lanes)), max(1, ceil(edges / self.config.edge_lanes))

    def latency(self, nodes: int, edges: int) -> int:
        """Cycles from the first row of nodes taken to the last row of logits given."""
        return self._start(len(self.passes), nodes, edges) + OUTPUT_CYCLES

    def interval(self, nodes: int, edges: int) -> float:
        """Average cycles between graphs of this size, one behind the other."""
        bounds: list[float] = [
            *self.rows(nodes, edges),
            self._start(len(self.passes), nodes, edges) / self.config.graphs_in_flight,
        ]
        for index, made in enumerate(self.passes):
            for total in made.sums:
                reader = next(
                    i
                    for i, other in enumerate(self.passes)
                    if any(read.kind == "sum" and read.value == total.name for read in other.reads)
                )
                held = (
                    self._start(reader, nodes, edges)
                    - self._start(index, nodes, edges)
                    + self._pass_rows(reader, nodes, edges)
                )
                bounds.append(held / self.config.accumulators)
        return max(bounds)

    def _pass_rows(self, index: int, nodes: int, edges: int) -> int:
        return self.rows(nodes, edges)[self.passes[index].domain == "edge"]

    def _start(self, index: int, nodes: int, edges: int) -> int:
        """First cycle of a pass, on an idle accelerator."""
        start = self.rows(nodes, edges)[0] + self.load
        for before in range(index):
            chained = before + 1 < len(self.passes) and self.passes[before + 1].chained
            start += 1 if chained else self._pass_rows(before, nodes, edges)
            start += self.timings[self.passes[before].name].done
        return start


def cycle_formula(plan: Plan, kernel_cycles: Mapping[str, int]) -> CycleFormula:
    """The formula for the passes of `plan`; `kernel_cycles` from a kernel's input to its result."""
    timings = {made.name: _timing(made, plan, kernel_cycles[made.name]) for made in plan.passes}
    return CycleFormula(plan.config, plan.passes, timings, load_cycles(plan))


def load_cycles(plan: Plan) -> int:
    """Clocks for a first pass over nodes to learn how many rows came; one over the edge stream need not know."""
    return int(not plan.passes[0].streamed)


def mean_levels(model: IntegerModel) -> int:
    """Depth of the adder tree that multiplies with a reciprocal."""
    return ceil(log2(model.reciprocal_bits + 1))


def sum_cycles(plan: Plan, total: str) -> int:
    """Clocks from issuing a row to its sums or means: memory, adder tree, for a mean table and product, format."""
    step = plan.model.description.step(total)
    assert isinstance(step, Scatter)
    mean = 1 + mean_levels(plan.model) if step.reduce == "mean" else 0
    return READ_CYCLES + plan.config.tree_levels + mean + FORMAT_CYCLES


def _timing(made: Pass, plan: Plan, kernel_cycles: int) -> Timing:
    if made.domain == "edge":
        start, adding = GATHER_CYCLES, ADD_CYCLES if made.sums else 0
    else:
        start, adding = max([1, *(sum_cycles(plan, read.value) for read in made.reads if read.kind == "sum")]), 0
    return Timing(start, start + kernel_cycles, start + kernel_cycles + adding)
