"""The native runtime of a float network: `NativeFloat`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.native.build import chosen_path, library
from edgetrack.export.native.float_dialect import FloatDialect
from edgetrack.export.native.form import NativeConfig
from edgetrack.export.native.network_source import NetworkSource
from edgetrack.export.native.package import write_package
from edgetrack.export.native.runtime import Runtime, result_array
from edgetrack.models.network import GraphNetwork
from edgetrack.models.rows import Graph, rows_of


class NativeFloat:
    """A float network as compiled code; float32, equal to PyTorch up to the order in which numbers are added.

    Path, cost, memory and errors as of `NativeModel`, but 4 bytes a number that a pass leaves behind.
    """

    def __init__(self, network: GraphNetwork, path: str = "", threads: int = 1, optimise: int = 3) -> None:
        self.threads = threads
        self.source = NetworkSource(FloatDialect.of(network))
        path = chosen_path(path)
        built = library(self.source.text, self.source.symbol, path, () if optimise == 3 else (f"-O{optimise}",))
        self.runtime = Runtime(self.source, built, path)

    def logits(self, graph: Graph, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """(E,) logits; (elements, width) of a wider output. Into `out` where given."""
        rows = rows_of(graph, self.source.description)
        shape = self.source.description.shape(self.source.description.output)
        reals = result_array(rows.counts[shape.domain], shape.width, out)
        self.runtime.run(rows, self.threads, reals=reals)
        return reals


def export_native_float(network: GraphNetwork, folder: Path, config: NativeConfig) -> NativeFloat:
    """The network compiled on the first of the paths, and its sources, as of the form `native`, in `folder`."""
    native = NativeFloat(network, config.paths[0] if config.paths else "", optimise=config.optimise)
    write_package(native.source, folder)
    return native
