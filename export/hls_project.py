"""The complete edge classifier as one hls4ml project, run through its C simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.form import Capacity
from edgetrack.export.hls_config import HlsConfig
from edgetrack.export.hls_network import HlsNetwork, hls_network
from edgetrack.export.hls_simulation import HlsProject
from edgetrack.export.hls_writer import write_project
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class HlsForm:
    """An hls4ml project of the network, and one of each MLP (written at first use) for vectors of its inputs."""

    model: IntegerModel
    config: HlsConfig
    folder: Path
    network: HlsNetwork
    project: HlsProject
    name: str = "hls4ml"

    @property
    def capacity(self) -> Capacity:
        return self.config.capacity

    def run_graph(self, graph: HitGraph) -> dict[str, IntArray]:
        """Codes of every step's value, hidden activations of MLPs included, from one call of the C simulation.

        Inputs are put on their grid in software, as the hardware receives them. Raises ValueError for a graph beyond
        the capacity.
        """
        codes = self.model.quantize_inputs({"x": graph.x, "edge_attr": graph.edge_attr})
        return self.run_codes(codes, graph.edge_index, graph.num_nodes)

    def run_codes(self, codes: Mapping[str, IntArray], edge_index: NDArray[np.int64],
                  num_nodes: int) -> dict[str, IntArray]:
        """As `run_graph`, from codes of the inputs."""
        num_edges = edge_index.shape[1]
        if num_nodes > self.capacity.nodes or num_edges > self.capacity.edges:
            raise ValueError(f"hls4ml: graph of {num_nodes} nodes and {num_edges} edges, wanted at most "
                             f"{self.capacity}; split it into sectors or export for more")
        padded = self._padded(codes, edge_index)
        made = self.project.trace(padded)
        used = {"node": num_nodes, "edge": num_edges}
        return {
            value: self._codes(value, made[layer])[:used[self._domain(value)]]
            for layer, value in self.network.values.items()
        }

    def run_mlp(self, mlp: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one MLP, one call of its C simulation a row: near 10⁵ rows a second."""
        submodel, project = self._mlp_projects(mlp)
        values = {name: submodel.formats[name].dequantize(inputs[name])[:, None, :] for name in project.inputs}
        return self._codes(mlp, project.run(values)[:, 0, :])

    @cached_property
    def _projects(self) -> dict[str, tuple[IntegerModel, HlsProject]]:
        return {}

    def _mlp_projects(self, mlp: str) -> tuple[IntegerModel, HlsProject]:
        if mlp not in self._projects:
            submodel = self.model.submodel(mlp)
            network = hls_network(submodel, Capacity(1, 1))
            folder = self.folder / "mlps" / mlp
            project = write_project(network, submodel.description.name, folder, self.config)
            self._projects[mlp] = submodel, project
        return self._projects[mlp]

    def _padded(self, codes: Mapping[str, IntArray], edge_index: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Real inputs of exactly the capacity: zeros for unused rows, edges from the dummy node to itself."""
        made = {}
        for value in self.model.description.inputs:
            rows = self.config.nodes if value.domain == "node" else self.config.edges
            made[value.name] = np.zeros((rows, value.width))
            made[value.name][:len(codes[value.name])] = codes[value.name] * self.model.formats[value.name].step
        for end, numbers in zip(("source", "target"), edge_index, strict=True):
            index = np.full((self.config.edges, 1), self.config.nodes - 1, np.float64)
            index[:len(numbers), 0] = numbers
            made[f"edge_{end}"] = index
        return made

    def _codes(self, value: str, real: NDArray[np.float64]) -> IntArray:
        scaled = real * 2.0**-self._exponent(value)
        codes = np.rint(scaled).astype(np.int64)
        if not np.array_equal(codes, scaled):
            raise RuntimeError(f"hls4ml: {value} has values between the codes of its format; its type is too fine")
        return codes

    def _exponent(self, value: str) -> int:
        mlp, _, layer = value.partition(".")
        return self.model.layers[mlp][int(layer)].activation.exponent if layer else self.model.exponent(value)

    def _domain(self, value: str) -> str:
        return self.model.description.shape(value.partition(".")[0]).domain


def export_hls4ml(model: IntegerModel, folder: Path, config: HlsConfig | None = None) -> HlsForm:
    """Write the hls4ml project of the whole network into `folder`; its C simulation is compiled at first use.

    Raises ValueError, naming the layer, where hls4ml has no way to build a step.
    """
    config = config or HlsConfig()
    network = hls_network(model, Capacity(config.nodes, config.edges))
    project = write_project(network, model.description.name, folder, config)
    return HlsForm(model, config, folder, network, project)
