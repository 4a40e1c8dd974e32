"""Each MLP of the network in RTL: an II=1 pipeline in Verilog, simulated by Verilator, counted by Yosys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.events.atomic_write import write_text
from edgetrack.events.progress import Progress
from edgetrack.export.form import Capacity
from edgetrack.export.hardware import Estimate
from edgetrack.export.interface import Origin
from edgetrack.export.kind import FormKind
from edgetrack.export.rtl.exported_verilog import with_headers, write_verilog
from edgetrack.export.rtl.kernel import RtlKernel, make_kernel
from edgetrack.export.rtl.verilator import PipelineLibrary, build_pipeline
from edgetrack.export.synthesis.yosys import NOTHING, Resources, estimate_resources
from edgetrack.models.rows import Graph
from edgetrack.quantize.fixed_point import Format, IntArray
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class RtlConfig:
    """Pipelining of the MLPs: a stage ends where its delay would pass `latency_cutoff` (about one adder each)."""

    latency_cutoff: float = 2.0  # short stages: the accelerator's clock counts
    clock_period_ns: float = 5.0

    def __post_init__(self) -> None:
        if not self.latency_cutoff > 0:
            raise ValueError(f"rtl: latency_cutoff is {self.latency_cutoff}, wanted above 0: it cuts the pipeline")
        if not 0 < self.clock_period_ns < math.inf:
            raise ValueError(f"rtl: clock_period_ns is {self.clock_period_ns}, wanted a number above 0")


@dataclass(frozen=True)
class RtlForm:
    """Verilog of every MLP and map of a network; the whole graph in RTL is the form `accelerator`.

    `part_options`: those of the simulation in the same folder that has the kernels as parts, see `build_pipeline`.
    """

    model: IntegerModel
    folder: Path
    kernels: Mapping[str, RtlKernel]
    part_options: tuple[str, ...] | None = None
    name: str = "rtl"
    capacity: Capacity | None = None

    @cached_property
    def _libraries(self) -> dict[str, PipelineLibrary]:
        return {}

    def run_graph(self, graph: Graph) -> None:
        """None: gathers and sums have no RTL in this form, only the kernels do."""

    def run_kernel(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one MLP from its Verilog, simulated with one vector a clock.

        The first call compiles the simulation (seconds) into the form's folder. Raises FormUnavailable without
        Verilator or g++.
        """
        kernel = self.kernels[mlp]
        rows = np.concatenate([inputs[part] for part in kernel.parts], axis=1)
        results = self.library(mlp).run(pack_columns(rows, kernel.inputs), _words(kernel.outputs))
        return unpack_columns(results, kernel.outputs)

    def library(self, mlp: str) -> PipelineLibrary:
        """The compiled simulation of one MLP, built where it is not there yet."""
        if mlp not in self._libraries:
            kernel = self.kernels[mlp]
            self._libraries[mlp] = build_pipeline(
                kernel.sources, kernel.top, kernel.latency_cycles, self.folder / "sim", self.part_options
            )
        return self._libraries[mlp]

    def estimate(self, mlp: str) -> Resources:
        """What Yosys maps one MLP to, an estimate (no place and route). Tens of seconds, kept in the folder."""
        kernel = self.kernels[mlp]
        return estimate_resources(kernel.sources, kernel.top, self.folder / "yosys")


def count_primitives(form: RtlForm, progress: Progress) -> Estimate:
    """Each MLP on its own by Yosys: tens of seconds for each, kept in the form's folder."""
    counted: dict[str, Resources] = {}
    for done, mlp in enumerate(form.kernels, 1):
        counted[mlp] = form.estimate(mlp)
        progress(done, len(form.kernels))
    blocks = {mlp: (1, one) for mlp, one in counted.items()}
    return Estimate(sum(counted.values(), NOTHING), blocks, blocks)


def export_rtl(
    model: IntegerModel, folder: Path, config: RtlConfig | None = None, origin: Origin | None = None
) -> RtlForm:
    """Write the Verilog of every kernel into `folder`/verilog and `rtl.json` with latencies and alkaid's LUT estimates.

    Raises ValueError, naming the layer, where one cannot become a pipeline.
    """
    kernels = make_kernels(model, config or RtlConfig())
    plain = {name: text for kernel in kernels.values() for name, text in kernel.sources.items()}
    from_alkaid = {name for kernel in kernels.values() for name in kernel.from_alkaid}
    sources = with_headers(plain, model.description.name, origin, from_alkaid)
    kernels = {name: kernel.written_as(sources) for name, kernel in kernels.items()}
    write_verilog(folder, sources, from_alkaid)
    report = {
        name: {
            "module": kernel.top,
            "latency_cycles": kernel.latency_cycles,
            "initiation_interval": 1,
            "estimated_luts": kernel.estimated_luts,
            "register_bits": kernel.register_bits,
            "input_bits": [fmt.bits for fmt in kernel.inputs],
            "output_bits": [fmt.bits for fmt in kernel.outputs],
        }
        for name, kernel in kernels.items()
    }
    write_text(folder / "rtl.json", json.dumps(report, indent=1) + "\n")
    return RtlForm(model, folder, kernels)


def make_kernels(model: IntegerModel, config: RtlConfig) -> dict[str, RtlKernel]:
    """Verilog of every kernel of a network, by name."""
    return {
        kernel.name: make_kernel(model, kernel.name, config.latency_cutoff, config.clock_period_ns)
        for kernel in model.description.kernels
    }


def _words(columns: Sequence[Format]) -> int:
    return -(-sum(fmt.bits for fmt in columns) // 32)


def pack_columns(codes: IntArray, columns: Sequence[Format]) -> NDArray[np.uint32]:
    """(n, words) rows of `codes` (n, width) with each column in the bits of its format, the first one lowest.

    Raises ValueError for a code outside its column's format.
    """
    if codes.shape[1] != len(columns):
        raise ValueError(f"rows have {codes.shape[1]} columns, wanted {len(columns)}")
    words = np.zeros((len(codes), _words(columns) + 1), np.uint64)  # one spare word for a field's upper part
    start = 0
    for column, fmt in zip(codes.T, columns, strict=True):
        if len(column) and not (fmt.lowest <= column.min() and column.max() <= fmt.highest):
            raise ValueError(f"codes span {column.min()}…{column.max()}, outside {fmt}; quantise them first")
        word, shift = divmod(start, 32)
        field = (column.astype(np.uint64) & np.uint64((1 << fmt.bits) - 1)) << np.uint64(shift)
        words[:, word] |= field & np.uint64(0xFFFFFFFF)
        words[:, word + 1] |= field >> np.uint64(32)
        start += fmt.bits
    return words[:, :-1].astype(np.uint32)


def unpack_columns(words: NDArray[np.uint32], columns: Sequence[Format]) -> IntArray:
    """(n, width) codes from packed rows: the inverse of `pack_columns`."""
    padded = np.pad(words.astype(np.uint64), ((0, 0), (0, 1)))
    codes = np.empty((len(words), len(columns)), np.int64)
    start = 0
    for index, fmt in enumerate(columns):
        word, shift = divmod(start, 32)
        both = padded[:, word] | (padded[:, word + 1] << np.uint64(32))
        field = ((both >> np.uint64(shift)) & np.uint64((1 << fmt.bits) - 1)).astype(np.int64)
        codes[:, index] = np.where(fmt.signed & (field >> (fmt.bits - 1) == 1), field - (1 << fmt.bits), field)
        start += fmt.bits
    return codes


RTL: FormKind[RtlForm, RtlConfig] = FormKind(
    "rtl",
    lambda source, folder, config: export_rtl(source.model, folder, config, source.origin),
    description="each kernel (MLP, map, table) as a Verilog pipeline, a vector a clock",
    settings=RtlConfig,
    estimate=count_primitives,
)
