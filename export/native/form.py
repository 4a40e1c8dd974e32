"""The native runtime as a form, and for users: `NativeModel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edgetrack.export.form import Capacity, InexactForm
from edgetrack.export.native.build import PATH_FLAGS, chosen_path, library, paths_here
from edgetrack.export.native.integer_dialect import IntegerDialect
from edgetrack.export.native.network_source import NetworkSource
from edgetrack.export.native.runtime import Runtime, as_codes, result_array
from edgetrack.models.rows import Graph, Rows, rows_of
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel


@dataclass(frozen=True)
class NativeConfig:
    """How the runtime is built and run.

    `paths`: those that are proven, of avx512vnni, avx2 and portable; none: all that this processor has. `threads` that
    each is run with. `optimise`: the compiler's -O level.
    """

    paths: tuple[str, ...] = ()
    threads: tuple[int, ...] = (1, 2)
    optimise: int = 3

    def __post_init__(self) -> None:
        unknown = sorted(set(self.paths) - set(PATH_FLAGS))
        if unknown:
            raise ValueError(f"paths has {unknown}, wanted some of {', '.join(PATH_FLAGS)}")
        if not self.threads or min(self.threads) < 1:
            raise ValueError(f"threads is {list(self.threads)}, wanted numbers of at least 1")
        if self.optimise not in (0, 1, 2, 3):
            raise ValueError(f"optimise is {self.optimise}, wanted 0, 1, 2 or 3")


class NativeModel:
    """An `IntegerModel` as compiled code: the same integers, for any order of edges and any number of threads.

    `path` is avx512vnni, avx2 or portable; by default what the variable EDGETRACK_NATIVE_PATH says, else the fastest
    that this processor has. Compiled at first use (seconds) and kept in the user's cache.
    Cost: O(N + E) times the sizes of the MLPs; memory: what passes leave behind, 4 bytes a plane of four 8-bit columns,
    and 4 bytes a summed number, node and thread. Nothing of the size E × hidden units is ever stored.
    Raises FormUnavailable without a compiler; ValueError for a path that this processor lacks, and for a step that the
    runtime does not know.
    """

    def __init__(self, model: IntegerModel, path: str = "", threads: int = 1, optimise: int = 3) -> None:
        self.model, self.threads = model, threads
        self.source = NetworkSource(IntegerDialect(model))
        path = chosen_path(path)
        built = library(self.source.text, self.source.symbol, path, () if optimise == 3 else (f"-O{optimise}",))
        self.runtime = Runtime(self.source, built, path)

    def codes(self, graph: Graph) -> NDArray[np.int32]:
        """(elements, width) codes of the output."""
        rows = rows_of(graph, self.model.description)
        codes = np.empty(self._shape(rows), np.int32)
        self.runtime.run(rows, self.threads, codes=codes)
        return codes

    def logits(self, graph: Graph, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """(E,) edge logits as real numbers, exact; (elements, width) of a wider output. Into `out` where given."""
        rows = rows_of(graph, self.model.description)
        reals = result_array(*self._shape(rows), out)
        self.runtime.run(rows, self.threads, reals=reals)
        return reals

    def tensor_logits(self, rows: Rows[Tensor]) -> Tensor:
        """`logits` of the rows of a graph as PyTorch tensors on the CPU, which share their memory with it."""
        import torch

        arrays = Rows(
            rows.domains,
            rows.counts,
            {name: value.detach().numpy() for name, value in rows.features.items()},
            {name: value.numpy() for name, value in rows.ends.items()},
            rows.name,
        )
        return torch.from_numpy(self.logits(arrays))

    def values(self, graph: Graph, threads: int | None = None) -> dict[str, IntArray]:
        """Codes of every value and hidden layer that the output needs, in the order of the steps."""
        rows = rows_of(graph, self.model.description)
        shown = {one.name: np.empty((rows.counts[one.domain], one.width), np.int32) for one in self.source.shown}
        self.runtime.run(rows, threads or self.threads, shown=list(shown.values()))
        return as_codes(shown)

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one MLP, map or table for codes of the inputs of `IntegerModel.submodel`."""
        description = self.model.description
        number = [step.name for step in description.kernels].index(kernel)
        names = [value.name for value in description.submodel(kernel).inputs]
        arrays = [np.ascontiguousarray(inputs[name], np.int32) for name in names]
        return self.runtime.kernel(number, arrays, description.shape(kernel).width).astype(np.int64)

    def _shape(self, rows: Rows[NDArray[Any]]) -> tuple[int, int]:
        shape = self.model.description.shape(self.model.description.output)
        return rows.counts[shape.domain], shape.width


class NativeForm:
    """The network on every path that this processor has, with several numbers of threads: they must all agree."""

    name = "native"
    capacity: Capacity | None = None

    def __init__(self, model: IntegerModel, config: NativeConfig) -> None:
        self.config = config
        missing = [path for path in config.paths if path not in paths_here()]
        if missing:
            chosen_path(missing[0])
        paths = config.paths or paths_here()
        self.models = {path: NativeModel(model, path, optimise=config.optimise) for path in paths}

    def run_graph(self, graph: Graph) -> Mapping[str, IntArray]:
        """Codes of every value and every hidden layer. Raises InexactForm where two paths or runs differ."""
        runs = {
            f"{path}, {threads} threads": model.values(graph, threads)
            for path, model in self.models.items()
            for threads in self.config.threads
        }
        return self._agreed(runs)

    def run_kernel(self, kernel: str, inputs: Mapping[str, IntArray]) -> IntArray:
        """Output codes (n, width) of one kernel."""
        runs = {path: {kernel: model.run_kernel(kernel, inputs)} for path, model in self.models.items()}
        return self._agreed(runs)[kernel]

    def _agreed(self, runs: Mapping[str, Mapping[str, IntArray]]) -> Mapping[str, IntArray]:
        (first, wanted), *others = runs.items()
        for other, values in others:
            for name, codes in values.items():
                if not np.array_equal(codes, wanted[name]):
                    index = tuple(int(i) for i in np.argwhere(codes != wanted[name])[0])
                    raise InexactForm(
                        f"native: {name} at {list(index)} is {codes[index]} ({other}) and {wanted[name][index]} "
                        f"({first})",
                        name,
                        index,
                    )
        return wanted
