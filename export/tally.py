"""The one comparison of received and wanted integers: counts, and the place of the first difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from edgetrack.export.form import InexactForm
from edgetrack.quantize.fixed_point import IntArray


@dataclass(frozen=True)
class Mismatch:
    """Where a form first departs from the integer model."""

    form: str
    layer: str  # first divergent value or layer, in the order of the network's steps
    graph: str  # graph's name, or "vectors" for an MLP on its own
    index: tuple[int, ...]  # row (node, edge or vector) and column
    wanted: int | None  # None where what the form gives cannot be compared: `note` says why
    got: int | None
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.form}: {self.layer or 'a value'} in {self.graph}: {self.note}"
        return (
            f"{self.form}: {self.layer} differs in {self.graph} at {list(self.index)}: "
            f"got {self.got}, wanted {self.wanted}"
        )


class Tally:
    """Counts the integers of one form that were compared and those that differ, and remembers the first that does."""

    def __init__(self, form: str, output: str) -> None:
        self.form, self.output = form, output
        self.runs = self.values = self.mismatches = 0  # graphs or batches, integers, and those that differ
        self.first: Mismatch | None = None
        self.outputs: set[int] = set()  # different codes of `output` that the form gave: a single one proves nothing

    @property
    def failed(self) -> bool:
        """Something differs, or nothing was proved: outputs that are all the same equal by chance."""
        return self.mismatches > 0 or len(self.outputs) < 2

    def compare(self, graph: str, wanted: Mapping[str, IntArray], got: Mapping[str, IntArray]) -> None:
        """Values of one graph by name, in the order of `wanted`. Raises InexactForm for a value of another shape, or
        one that `wanted` lacks."""
        self.runs += 1
        unknown = set(got) - set(wanted)
        if unknown:
            raise InexactForm(f"the form shows values {sorted(unknown)} that the network does not have")
        for layer in (name for name in wanted if name in got):
            self._compare_layer(graph, layer, wanted[layer], np.asarray(got[layer]))
        if self.output in got:
            self.outputs.update(np.unique(got[self.output]).tolist())

    def compare_outputs(self, graphs: Iterable[str], wanted: Iterable[IntArray], got: Iterable[IntArray]) -> None:
        """The output's codes of several graphs."""
        for graph, want, have in zip(graphs, wanted, got, strict=True):
            self.compare(graph, {self.output: want}, {self.output: have})

    def reject(self, graph: str, error: InexactForm, count: int = 1) -> None:
        """`count` integers that cannot be compared: each is a mismatch."""
        self.mismatches += max(count, 1)
        if self.first is None:
            self.first = Mismatch(self.form, error.layer, graph, error.index, None, None, str(error))

    def _compare_layer(self, graph: str, layer: str, wanted: IntArray, got: IntArray) -> None:
        if got.shape != wanted.shape:
            raise InexactForm(f"its shape is {got.shape}, wanted {wanted.shape}", layer)
        self.values += wanted.size
        different = got != wanted
        count = int(np.count_nonzero(different))
        if count and self.first is None:
            index = tuple(int(i) for i in np.argwhere(different)[0])
            self.first = Mismatch(self.form, layer, graph, index, int(wanted[index]), int(got[index]))
        self.mismatches += count
