"""The whole network as a streaming accelerator in RTL: graphs in, logits out, simulated clock by clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.cycles import CycleFormula, cycle_formula
from edgetrack.export.accelerator.kernels import make_kernels
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan, make_plan
from edgetrack.export.accelerator.simulation import AcceleratorLibrary, Stalls, build_accelerator
from edgetrack.export.accelerator.streams import CodedGraph, Received
from edgetrack.export.accelerator.sum_verilog import reciprocal_module
from edgetrack.export.accelerator.verilog import TOP, top_module
from edgetrack.export.form import Capacity
from edgetrack.export.rtl.pipelines import RtlForm, export_rtl
from edgetrack.export.synthesis.hierarchy import DesignResources, estimate_hierarchy
from edgetrack.models.rows import Graph, as_rows
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class AcceleratorForm:
    """A written accelerator, simulated on demand."""

    plan: Plan
    formula: CycleFormula
    folder: Path
    sources: Mapping[str, str]
    mlps: RtlForm
    name: str = "accelerator"

    @property
    def capacity(self) -> Capacity:
        return self.plan.config.capacity

    @cached_property
    def library(self) -> AcceleratorLibrary:
        """The compiled simulation, built where it is not there yet."""
        return build_accelerator(dict(self.sources), TOP, self.plan, self.folder / "sim")

    def run_graph(self, graph: Graph) -> dict[str, IntArray]:
        """The output's codes. Raises ValueError for a graph beyond the capacity, InexactForm where one is flagged that
        fits."""
        (received,) = self.run_graphs([graph])
        output = self.plan.model.description.output
        return {output: received.fitting_codes(graph.name, output)}

    def run_graphs(self, graphs: Sequence[Graph], stalls: Stalls | None = None) -> list[Received]:
        """Graphs one behind the other, without a pause between them but for `stalls`.

        Raises ValueError for a graph beyond the capacity. All others fit: whoever uses their codes looks whether one is
        flagged all the same, as `Received.fitting_codes` does.
        """
        for rows in map(as_rows, graphs):
            nodes, edges = rows.counts["node"], rows.counts["edge"]
            if nodes > self.capacity.nodes or edges > self.capacity.edges:
                raise ValueError(
                    f"{rows.name}: {nodes} nodes and {edges} edges do not fit {self.capacity}; "
                    "cut it into sectors of that capacity, or raise the capacity"
                )
        return self.library.run([self.coded(graph) for graph in graphs], stalls)

    def coded(self, graph: Graph) -> CodedGraph:
        """What the streams carry of a graph."""
        rows = as_rows(graph)
        inputs = self.plan.model.quantize_inputs(rows.features)
        return CodedGraph(inputs, np.stack([rows.ends["source"], rows.ends["target"]]))

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes of one MLP from the pipeline that stands in each lane."""
        return self.mlps.run_kernel(mlp, inputs)

    def estimate(self) -> DesignResources:
        """What Yosys maps the accelerator and its parts to, an estimate (no place and route). Minutes, kept."""
        return estimate_hierarchy(dict(self.sources), TOP, self.folder / "yosys")


def export_accelerator(model: IntegerModel, folder: Path, config: AcceleratorConfig | None = None) -> AcceleratorForm:
    """Write the accelerator's Verilog into `folder`/verilog and `accelerator.json` with its sizes and cycles.

    Raises ValueError, naming the step, where the network has one that the accelerator does not take.
    """
    plan = make_plan(model, config or AcceleratorConfig())
    mlps = export_rtl(model, folder / "mlps", plan.config.rtl)
    kernels = make_kernels(plan, mlps.kernels)
    formula = cycle_formula(plan, kernels.cycles)
    parts = resources.files("edgetrack.hls_projects").joinpath("rtl/accelerator")
    sources = dict(kernels.sources)
    sources |= {part.name: part.read_text() for part in sorted(parts.iterdir(), key=lambda part: part.name)}
    if any(total.reduce == "mean" for made in plan.passes for total in made.sums):
        sources["reciprocal.v"] = reciprocal_module(plan)
    sources[f"{TOP}.v"] = top_module(plan, formula)
    for stale in (path for path in (folder / "verilog").glob("*.v") if path.name not in sources):
        stale.unlink()
    for name, text in sources.items():
        write_text(folder / "verilog" / name, text)
    nodes, edges = plan.config.capacity.nodes, plan.config.capacity.edges
    report = {
        "module": TOP,
        "config": asdict(plan.config),
        "kernel_cycles": kernels.cycles,
        "latency_cycles": formula.latency(nodes, edges),
        "interval_cycles": formula.interval(nodes, edges),
    }
    write_text(folder / "accelerator.json", json.dumps(report, indent=1) + "\n")
    return AcceleratorForm(plan, formula, folder, sources, mlps)
