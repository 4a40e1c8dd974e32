"""One kernel of the integer model, an MLP, a map or a table, as Verilog, traced by alkaid.

alkaid turns each matrix into a graph of shifted additions (no multiplier), cut into stages of equal delay: a new
vector every clock. What it can prove about ranges makes its own ports narrower than the formats that the network
declares, so a wrapper with the declared widths goes around it.

A kernel is traced in the integers of the contract (`traced`), and what the Verilog is written from is compared with
the golden model before anything leaves this room (`check`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.export.rtl.check import check_kernel
from edgetrack.export.rtl.delays import scheduled
from edgetrack.export.rtl.graph import constant_codes, traced_graph
from edgetrack.export.rtl.traced import Traced, on_finest_grid, traced_inputs
from edgetrack.export.rtl.wrapper import Field, constant_module, wrapper
from edgetrack.models.operations import operation
from edgetrack.models.steps import Concat, Gather, Input, Kernel, Map, Mlp, Scatter, Table, refuse_step
from edgetrack.quantize.exact import Exact
from edgetrack.quantize.fixed_point import Format
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class RtlKernel:
    """One kernel as Verilog. `sources` maps file names to text; the module `top` has ports clk, model_inp, model_out.

    Ports pack one field a column, the first column in the lowest bits, each as wide as its format. A result stands
    `latency_cycles` clock edges after the edge that took its vector; the initiation interval is 1.
    """

    top: str
    parts: tuple[str, ...]  # the values whose columns the input port holds, in order
    inputs: tuple[Format, ...]
    outputs: tuple[Format, ...]
    sources: dict[str, str]
    latency_cycles: int
    register_bits: int
    estimated_luts: int  # alkaid's own cost model, before any synthesis

    @property
    def from_alkaid(self) -> frozenset[str]:
        """The files that alkaid wrote: all but the wrapper."""
        return frozenset(self.sources) - {f"{self.top}.v"}

    def written_as(self, sources: Mapping[str, str], prefix: str = "") -> RtlKernel:
        """This kernel in the texts that were handed over, whose names begin with `prefix`."""
        own = {f"{prefix}{name}": sources[f"{prefix}{name}"] for name in self.sources}
        return replace(self, top=f"{prefix}{self.top}", sources=own)


def trace_kernel(model: IntegerModel, name: str) -> Any:
    """alkaid's graph of the kernel of one step, from the codes of its columns to the codes of its result.

    Raises ValueError, naming the step or its layer, where alkaid could not stay exact.
    """
    step = model.description.step(name)
    parts = [model.columns(source) for source in kernel_sources(model, name)]
    inputs, codes = traced_inputs([fmt for columns in parts for fmt in columns])
    exact = Exact(codes, min(fmt.exponent for columns in parts for fmt in columns))
    try:
        match step:
            case Mlp():
                result = _mlp(model, step, exact)
            case Map():
                ends = np.cumsum([0, *map(len, parts)])
                split = [Exact(codes[:, start:end], exact.exponent) for start, end in pairwise(ends)]
                result = _rounded(operation(step.operation).apply(*split), model.formats[name])
            case Table():  # all of its source's columns have one format
                result = codes.look_up(model.tables[name], parts[0][0].lowest)
            case Input() | Gather() | Concat() | Scatter():
                raise ValueError("only MLPs, maps and tables are kernels")
            case _:
                refuse_step(step, "rtl")
        return traced_graph(inputs, result)
    except ValueError as error:
        raise ValueError(f"rtl: {name}: {error}") from error


def _mlp(model: IntegerModel, step: Mlp, exact: Exact) -> Traced:
    for index, layer in enumerate(model.layers[step.name]):
        try:
            codes = _rounded(layer.accumulate(exact), layer.activation)
        except ValueError as error:
            raise ValueError(f"layer {index}: {error}") from error
        exact = Exact(codes, layer.activation.exponent)
    return codes


def _rounded(exact: Exact, fmt: Format) -> Traced:
    codes: Traced = exact.codes
    return codes.in_format(fmt, exact.exponent)


def kernel_sources(model: IntegerModel, name: str) -> tuple[str, ...]:
    """The values whose columns a kernel takes, in order."""
    step = model.description.step(name)
    if not isinstance(step, Kernel):
        raise ValueError(f"rtl: {name!r} is a {type(step).__name__}, for which there is no pipeline")
    return step.sources


def make_kernel(model: IntegerModel, name: str, latency_cutoff: float, clock_period_ns: float) -> RtlKernel:
    """Verilog of one MLP, map or table, stages cut where the delay passes `latency_cutoff` (alkaid's units: about one
    adder each).

    Raises ValueError, naming the step, where it could not be exact, or is found not to be. Cost: below a second at
    8 hidden units, several at 40.
    """
    if not name.isascii():
        raise ValueError(f"rtl: step {name!r} cannot name a Verilog module, wanted ASCII; rename the step")
    traced = trace_kernel(model, name)
    graph, stages = scheduled(traced, latency_cutoff)
    parts = kernel_parts(model, name)
    check_kernel(model, name, parts, graph, trace_kernel)
    inputs = tuple(fmt for part in parts for fmt in model.columns(part))
    outputs = model.columns(name)
    top, inner = f"{name}_pipeline", f"{name}_kernel"
    latency = registers = 0
    constant = constant_codes(graph)
    if constant is not None:
        sources = {f"{top}.v": constant_module(top, inputs, outputs, constant)}
    else:
        rtl, sources = _pipeline(graph, inner, stages, clock_period_ns)
        latency, registers = int(rtl.latency), int(rtl.reg_bits)
        fields = [_fields(signal) for signal in (rtl.fsm.inp_signals[0], rtl.fsm.out_signals[0])]
        sources[f"{top}.v"] = wrapper(top, inner, on_finest_grid(inputs), on_finest_grid(outputs), *fields)
    luts = round(float(traced.cost))
    return RtlKernel(top, parts, inputs, outputs, sources, latency, registers, luts)


def _pipeline(graph: Any, inner: str, stages: int, clock_period_ns: float) -> tuple[Any, dict[str, str]]:
    """alkaid's project of a scheduled graph in as many `stages`, and its Verilog, file name → text."""
    from alkaid.codegen import RTLModel

    sources = {}
    with tempfile.TemporaryDirectory() as folder:
        rtl = RTLModel(
            graph,
            folder,
            prj_name=inner,
            flavor="verilog",
            n_stages=stages,
            ternary_fuse=False,
            clock_period=clock_period_ns,
            print_latency=False,
        )
        rtl.write()
        for path in sorted((Path(folder) / "src").rglob("*.v")):
            if path.stem == f"{inner}_wrapper":
                continue
            module = re.sub(r"^logic(\d+)$", rf"{inner}_logic\1", path.stem)
            # Kernels of one network share a design, and alkaid calls the stages of each of them logic0, logic1, …
            text = re.sub(r"\blogic(\d+)\b", rf"{inner}_logic\1", path.read_text())
            # Nothing waits for a time here, and a design has a timescale in all of its files or in none.
            sources[f"{module}.v"] = re.sub(r"^`timescale.*\n", "", text, flags=re.MULTILINE)
    return rtl, _tables_apart(sources, inner)


def _tables_apart(sources: dict[str, str], inner: str) -> dict[str, str]:
    """A file for each table, named after its kernel: alkaid names them by contents, which two kernels may share."""
    written = sources.pop(f"{inner}_tables.v", "")
    tables = re.findall(r"^module table_\w+.*?^endmodule\n?", written, re.DOTALL | re.MULTILINE)
    names = {}
    for index, text in enumerate(tables):
        name = f"{inner}_table{index}"
        names[text.split("(", 1)[0].removeprefix("module ").strip()] = name
        sources[f"{name}.v"] = text
    for known, name in names.items():
        sources = {file: text.replace(known, name) for file, text in sources.items()}
    return sources


def _fields(signal: Any) -> list[Field]:
    return [(int(signed), int(integer), int(fraction)) for signed, integer, fraction in signal.precisions]


def kernel_parts(model: IntegerModel, name: str) -> tuple[str, ...]:
    """The values that the columns of a kernel's input port belong to, in order: what its sources are joined from."""

    def joined(source: str) -> tuple[str, ...]:
        step = model.description.step(source)
        return tuple(one for part in step.parts for one in joined(part)) if isinstance(step, Concat) else (source,)

    return tuple(part for source in kernel_sources(model, name) for part in joined(source))
