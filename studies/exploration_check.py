"""The formulas of an exploration against what they stand for: cycles in simulation, resources after synthesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edgetrack.events.progress import Progress, no_progress
from edgetrack.export.accelerator.form import AcceleratorForm, export_accelerator
from edgetrack.export.accelerator.resource_model import MODELLED
from edgetrack.export.accelerator.timing import measure_latency, measured_interval
from edgetrack.export.back_to_back import compare_received
from edgetrack.export.cases import random_graph
from edgetrack.export.exploration.grid import Candidate, SizedNetwork
from edgetrack.export.synthesis.hierarchy import estimate_hierarchy
from edgetrack.export.synthesis.yosys import Resources
from edgetrack.export.tally import Tally


class CheckSettings(Protocol):
    """What a check reads of an exploration's config."""

    @property
    def check_luts(self) -> int: ...


@dataclass(frozen=True)
class Check:
    """One design, by formula and as it is; `mismatches` counts wrong logits."""

    candidate: Candidate
    latency_cycles: int
    interval_cycles: float
    mismatches: int
    resources: Resources

    @property
    def exact(self) -> bool:
        return (
            self.mismatches == 0
            and self.latency_cycles == self.candidate.latency_cycles
            and self.interval_cycles == self.candidate.interval_cycles
        )

    def errors(self) -> dict[str, float]:
        """Resource → formula ÷ synthesis − 1; 0 where both are 0, infinite where only synthesis finds none."""
        pairs = {name: (getattr(self.candidate.resources, name), getattr(self.resources, name)) for name in MODELLED}
        return {
            name: (by_formula / counted - 1 if counted else float("inf") if by_formula else 0.0)
            for name, (by_formula, counted) in pairs.items()
        }


def check_candidates(
    networks: Sequence[SizedNetwork],
    front: Sequence[Candidate],
    count: int,
    settings: CheckSettings,
    folder: Path,
    progress: Progress = no_progress,
) -> list[Check]:
    """Build `count` designs spread over the front, the smallest and the largest allowed ones among them.

    Minutes for each; what was synthesised and compiled before is kept in `folder`. Needs Yosys, Verilator and g++.
    """
    models = {network.size: network for network in networks}
    picked = spread(front, count, settings.check_luts)
    checks = []
    for done, candidate in enumerate(picked, 1):
        network = models[candidate.hidden, candidate.weight_bits, candidate.activation_bits]
        checks.append(check(network, candidate, folder / design_name(candidate)))
        progress(done, len(picked))
    return checks


def spread(front: Sequence[Candidate], count: int, largest_luts: int) -> list[Candidate]:
    """`count` designs of at most `largest_luts`, evenly over their order by LUTs, both ends among them.

    Raises ValueError where none is small enough.
    """
    small = sorted((one for one in front if one.resources.lut <= largest_luts), key=lambda one: one.resources.lut)
    if not small:
        raise ValueError(
            f"explore: no design of the front has at most {largest_luts:,} LUTs to check; raise "
            "check_luts (synthesis takes minutes for each 20,000), or explore smaller ones"
        )
    indices = np.unique(np.linspace(0, len(small) - 1, min(count, len(small))).round().astype(int))
    return [small[index] for index in indices]


def check(network: SizedNetwork, candidate: Candidate, folder: Path) -> Check:
    """One design written, simulated with graphs at its full capacity, and synthesised."""
    form = export_accelerator(network.model, folder, candidate.config)
    latency, interval, mismatches = _simulate(form)
    counted = estimate_hierarchy(form.sources, form.top, folder / "yosys").total
    return Check(candidate, latency, interval, mismatches, counted)


def design_name(candidate: Candidate) -> str:
    """A folder for a design."""
    config = candidate.config
    return (
        f"h{candidate.hidden}w{candidate.weight_bits}a{candidate.activation_bits}-e{config.edge_lanes}"
        f"n{config.node_lanes}s{config.graphs_in_flight}b{config.accumulators}-c{config.rtl.latency_cutoff:g}"
    )


def _simulate(form: AcceleratorForm) -> tuple[int, float, int]:
    """(latency, interval, wrong logits) of graphs of the size that the design was asked for."""
    config = form.plan.config
    rng = np.random.default_rng(0)
    graphs = [random_graph(config.nodes, config.edges, f"graph {index}", rng) for index in range(2)]
    latency = measure_latency(form, graphs[0]).cycles
    count = 4 * config.graphs_in_flight * config.accumulators
    row = [graphs[index % 2] for index in range(count)]
    received = form.run_graphs(row)
    tally = Tally(form.name, form.plan.model.description.output)
    wanted = [form.plan.model.run_graph(graph)[tally.output] for graph in graphs]
    compare_received(tally, [graph.name for graph in row], [wanted[index % 2] for index in range(count)], received)
    return latency, measured_interval(form, row, received).cycles, tally.mismatches


def check_row(one: Check) -> dict[str, Any]:
    return {
        "name": design_name(one.candidate),
        "exact": one.exact,
        "mismatches": one.mismatches,
        "latency_cycles": {"formula": one.candidate.latency_cycles, "simulated": one.latency_cycles},
        "interval_cycles": {"formula": one.candidate.interval_cycles, "simulated": one.interval_cycles},
        **{
            key: {"formula": getattr(one.candidate.resources, key), "synthesised": getattr(one.resources, key)}
            for key in MODELLED
        },
        "errors": one.errors(),
    }
