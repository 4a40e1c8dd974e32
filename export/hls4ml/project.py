"""A complete network as one hls4ml project, run through its C simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.exact_codes import exact_codes
from edgetrack.export.form import Capacity
from edgetrack.export.hls4ml.config import Beats, HlsConfig
from edgetrack.export.hls4ml.layer_graph import HlsNetwork
from edgetrack.export.hls4ml.layer_list import hls_network, index_inputs
from edgetrack.export.hls4ml.simulation import HlsProject
from edgetrack.export.hls4ml.test_bench import write_test_bench
from edgetrack.export.hls4ml.writer import write_project
from edgetrack.export.kind import FormKind
from edgetrack.models.padding import padded
from edgetrack.models.rows import Graph, rows_of
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class HlsForm:
    """An hls4ml project of the network, and one of each kernel (written at first use) for vectors of its inputs."""

    model: IntegerModel
    config: HlsConfig
    folder: Path
    beats: Mapping[str, Beats]
    network: HlsNetwork
    project: HlsProject
    name: str = "hls4ml"

    @property
    def capacity(self) -> Capacity:
        return self.config.capacity_for(self.model.description)

    def run_graph(self, graph: Graph) -> dict[str, IntArray]:
        """Codes of every step's value, hidden activations of MLPs included, from one call of the C simulation.

        Inputs are put on their grid in software, as the hardware receives them. Raises ValueError for a graph beyond
        the capacity, InexactForm for a value between the codes of its format.
        """
        traced = self.project.trace(self.inputs(graph))
        used = rows_of(graph, self.model.description).counts
        codes = {}
        for layer, value in self.network.values.items():
            domain = self.model.description.shape(value.partition(".")[0]).domain
            rows = traced[layer].reshape(self.beats[domain].rows, -1)[: used[domain]]
            codes[value] = self._codes(value, rows)
        return codes

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel, one call of its C simulation a row: near 10⁵ rows a second."""
        submodel, project = self._kernel_project(kernel)
        values = {name: submodel.formats[name].dequantize(inputs[name])[:, None, :] for name in project.inputs}
        return self._codes(kernel, project.run(values)[:, 0, :])

    @cached_property
    def _projects(self) -> dict[str, tuple[IntegerModel, HlsProject]]:
        return {}

    def _kernel_project(self, kernel: str) -> tuple[IntegerModel, HlsProject]:
        if kernel not in self._projects:
            submodel = self.model.submodel(kernel)
            network = hls_network(submodel, {domain.name: Beats(1) for domain in submodel.description.domains})
            folder = self.folder / "kernels" / kernel
            project = write_project(network, submodel.description.name, folder, self.config)
            self._projects[kernel] = submodel, project
        return self._projects[kernel]

    def inputs(self, graph: Graph) -> dict[str, NDArray[np.float64]]:
        """Real inputs of exactly the project's size, on their grids, and the row at each end."""
        counts = {domain: beats.rows for domain, beats in self.beats.items()}
        filled = padded(self.model.description, rows_of(graph, self.model.description), counts)
        codes = self.model.quantize_inputs(filled.features)
        real = {name: self.model.formats[name].dequantize(values) for name, values in codes.items()}
        real |= index_inputs(filled)
        return {name: real[name].reshape(self.project.shapes[name]) for name in self.project.inputs}

    def _codes(self, value: str, real: NDArray[np.float64]) -> IntArray:
        return exact_codes(value, real, self._exponent(value))

    def _exponent(self, value: str) -> int:
        mlp, _, layer = value.partition(".")
        return self.model.layers[mlp][int(layer)].activation.exponent if layer else self.model.exponent(value)


def export_hls4ml(model: IntegerModel, folder: Path, config: HlsConfig | None = None) -> HlsForm:
    """Write the hls4ml project of the whole network into `folder`; its C simulation is compiled at first use.

    The folder is complete for the vendor's tools: `vitis-run --mode hls --tcl build_prj.tcl` (Vivado HLS:
    `vivado_hls -f build_prj.tcl`) simulates, synthesises and co-simulates it, then `vivado_implement.tcl` places and
    routes; oneAPI: `cmake -B build` and `make -C build fpga_emu`, `report` or `fpga`.

    Raises ValueError, naming the layer, where hls4ml has no way to build a step.
    """
    config = config or HlsConfig()
    beats = config.all_beats(model.description)
    model.check_capacity({domain: each.rows for domain, each in beats.items()}, "hls4ml")
    network = hls_network(model, beats)
    project = write_project(network, model.description.name, folder, config)
    write_test_bench(project, model, {domain: each.rows for domain, each in beats.items()})
    return HlsForm(model, config, folder, beats, network, project)


HLS4ML: FormKind[HlsForm, HlsConfig] = FormKind(
    "hls4ml",
    lambda source, folder, config: export_hls4ml(source.model, folder, config),
    description="the whole network as one hls4ml project, graphs of fixed size",
    settings=HlsConfig,
    capacity=lambda config: config.capacity,
)
