"""The whole network as a streaming accelerator in RTL: graphs in, logits out, simulated clock by clock."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.events.atomic_write import write_text
from edgetrack.export.accelerator.cycles import CycleFormula, cycle_formula
from edgetrack.export.accelerator.kernels import Kernels, make_kernels
from edgetrack.export.accelerator.plan import AcceleratorConfig, Plan, make_plan
from edgetrack.export.accelerator.simulation import LINT, AcceleratorLibrary, Stalls, build_accelerator
from edgetrack.export.accelerator.stream_layout import stream_layout
from edgetrack.export.accelerator.streams import CodedGraph, Received
from edgetrack.export.accelerator.sum_verilog import reciprocal_module
from edgetrack.export.accelerator.verilog import TOP, top_module
from edgetrack.export.form import Capacity
from edgetrack.export.interface import Origin, describe_interface
from edgetrack.export.rtl.exported_verilog import prefixed, with_headers, write_verilog
from edgetrack.export.rtl.pipelines import RtlForm
from edgetrack.export.rtl.pipelines import make_kernels as rtl_kernels
from edgetrack.export.synthesis.hierarchy import DesignResources, estimate_hierarchy
from edgetrack.models.rows import Graph, rows_of
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
    def top(self) -> str:
        """The module that a design instantiates."""
        return f"{self.plan.config.module_prefix}{TOP}"

    @property
    def capacity(self) -> Capacity:
        return self.plan.config.capacity

    @cached_property
    def library(self) -> AcceleratorLibrary:
        """The compiled simulation, built where it is not there yet."""
        return build_accelerator(dict(self.sources), self.top, self.plan, self.folder / "sim")

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
        for graph in graphs:
            rows = rows_of(graph, self.plan.model.description)
            nodes, edges = rows.counts["node"], rows.counts["edge"]
            if nodes > self.capacity.nodes or edges > self.capacity.edges:
                raise ValueError(
                    f"{rows.name}: {nodes} nodes and {edges} edges do not fit {self.capacity}; "
                    "cut it into sectors of that capacity, or raise the capacity"
                )
        return self.library.run([self.coded(graph) for graph in graphs], stalls)

    def coded(self, graph: Graph) -> CodedGraph:
        """What the streams carry of a graph."""
        rows = rows_of(graph, self.plan.model.description)
        inputs = self.plan.model.quantize_inputs(rows.features)
        return CodedGraph(inputs, np.stack([rows.ends["source"], rows.ends["target"]]))

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes of one MLP from the pipeline that stands in each lane."""
        return self.mlps.run_kernel(mlp, inputs)

    def estimate(self) -> DesignResources:
        """What Yosys maps the accelerator and its parts to, an estimate (no place and route). Minutes, kept."""
        return estimate_hierarchy(dict(self.sources), self.top, self.folder / "yosys")


def export_accelerator(
    model: IntegerModel, folder: Path, config: AcceleratorConfig | None = None, origin: Origin | None = None
) -> AcceleratorForm:
    """Write the accelerator's Verilog into `folder`/verilog, and `accelerator.json` with what a user has to know.

    Raises ValueError, naming the step, where the network has one that the accelerator does not take.
    """
    plan = make_plan(model, config or AcceleratorConfig())
    prefix = plan.config.module_prefix
    pipelines = rtl_kernels(model, plan.config.rtl)
    kernels = make_kernels(plan, pipelines)
    formula = cycle_formula(plan, kernels.cycles)
    from_alkaid = {name for kernel in pipelines.values() for name in kernel.from_alkaid} & set(kernels.sources)
    plain = {**kernels.sources, **_parts(plan), f"{TOP}.v": top_module(plan, formula)}
    foreign = {f"{prefix}{name}" for name in from_alkaid}
    sources = with_headers(prefixed(plain, prefix), model.description.name, origin, foreign)
    write_verilog(folder, sources, foreign)
    described = _described(plan, kernels, formula, origin)
    write_text(folder / "accelerator.json", json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    own = {
        name: kernel.written_as(sources, prefix) if set(kernel.sources) <= set(kernels.sources) else kernel
        for name, kernel in pipelines.items()
    }
    return AcceleratorForm(plan, formula, folder, sources, RtlForm(model, folder, own, LINT))


def _parts(plan: Plan) -> dict[str, str]:
    """The parts that the top module is joined from."""
    folder = resources.files("edgetrack.hls_projects").joinpath("rtl/accelerator")
    parts = {part.name: part.read_text() for part in sorted(folder.iterdir(), key=lambda part: part.name)}
    if any(total.reduce == "mean" for stage in plan.passes for total in stage.sums):
        parts["reciprocal.v"] = reciprocal_module(plan)
    return parts


def _described(plan: Plan, kernels: Kernels, formula: CycleFormula, origin: Origin | None) -> dict[str, Any]:
    """Contents of `accelerator.json`: sizes and cycles, the streams, formats, thresholds and versions."""
    nodes, edges = plan.config.capacity.nodes, plan.config.capacity.edges
    return {
        "module": f"{plan.config.module_prefix}{TOP}",
        "config": asdict(plan.config),
        "kernel_cycles": kernels.cycles,
        "latency_cycles": formula.latency(nodes, edges),
        "interval_cycles": formula.interval(nodes, edges),
        "streams": stream_layout(plan),
        "interface": describe_interface(plan.model.description, origin, plan.model) if origin else None,
        "versions": {name: importlib.metadata.version(name) for name in ("edgetrack", "alkaid")},
    }
