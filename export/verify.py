"""The proof that a form equals the integer model, bit by bit, with the place of the first difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrack.export.cases import count_vectors, mlp_vectors
from edgetrack.export.form import Form
from edgetrack.graphs.hitgraph import HitGraph
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerModel

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Mismatch:
    """Where a form first departs from the integer model."""

    form: str
    layer: str  # first divergent value or layer, in the order of the network's steps
    graph: str  # graph's name, or "vectors" for an MLP on its own
    index: tuple[int, ...]  # row (node, edge or vector) and column
    wanted: int
    got: int

    def __str__(self) -> str:
        return (
            f"{self.form}: {self.layer} differs in {self.graph} at {list(self.index)}: "
            f"got {self.got}, wanted {self.wanted}"
        )


@dataclass(frozen=True)
class FormResult:
    """What was compared of one form, and how many integers differed."""

    form: str
    vectors: Mapping[str, int]  # compared input vectors, by MLP
    graphs: int  # compared whole graphs; 0 for a form that has none
    values: int  # compared integers
    distinct_outputs: int  # different output codes seen: 1 would prove nothing
    mismatches: int
    first: Mismatch | None
    skipped: str = ""  # why the form was not compared at all

    @property
    def failed(self) -> bool:
        return self.mismatches > 0 or (not self.skipped and self.distinct_outputs < 2)

    def to_json(self) -> dict[str, Any]:
        smallest = min(self.vectors.values(), default=0)
        result: dict[str, Any] = {
            "vectors": smallest, "vectors_by_mlp": dict(self.vectors), "graphs": self.graphs, "values": self.values,
            "distinct_outputs": self.distinct_outputs, "mismatches": self.mismatches,
        }
        if self.first:
            result["first_mismatch"] = str(self.first)
        if self.skipped:
            result["skipped"] = self.skipped
        return result


def skipped(form: str, why: str) -> FormResult:
    """The visible result of a form that cannot run here."""
    return FormResult(form, {}, 0, 0, 0, 0, None, why)


def verify_form(
    reference: IntegerModel, form: Form, graphs: Sequence[HitGraph], vectors: int, seed: int, report: Report
) -> FormResult:
    """Compare `form` with `reference` on `vectors` inputs of each MLP and on `graphs`.

    Every value that the form shows is compared, in the order of the steps; an integer that differs counts as one
    mismatch. `report(done, total)` is called after each MLP and each graph.
    """
    tally = _Tally(form.name, reference.description.output)
    mlps = [mlp.name for mlp in reference.description.mlps]
    total = len(mlps) + len(graphs)
    compared: dict[str, int] = {}
    for done, mlp in enumerate(mlps, 1):
        inputs = mlp_vectors(reference, mlp, vectors, seed)
        wanted = reference.submodel(mlp).run(inputs)[mlp]
        tally.compare("vectors", {mlp: wanted}, {mlp: form.run_mlp(mlp, inputs)})
        compared[mlp] = count_vectors(inputs)
        report(done, total)
    seen = 0
    for done, graph in enumerate(graphs, len(mlps) + 1):
        got = form.run_graph(graph)
        if got is not None:
            tally.compare(graph.name, reference.run_graph(graph, hidden=True), got)
            seen += 1
        report(done, total)
    return FormResult(form.name, compared, seen, tally.values, len(tally.outputs), tally.mismatches, tally.first)


class _Tally:
    """Counts differences and remembers the first."""

    def __init__(self, form: str, output: str) -> None:
        self.form, self.output = form, output
        self.values = self.mismatches = 0
        self.first: Mismatch | None = None
        self.outputs: set[int] = set()

    def compare(self, graph: str, wanted: Mapping[str, IntArray], got: Mapping[str, IntArray]) -> None:
        unknown = set(got) - set(wanted)
        if unknown:
            raise ValueError(f"{self.form} shows values {sorted(unknown)} that the network does not have")
        for layer in (name for name in wanted if name in got):
            self._compare_layer(graph, layer, wanted[layer], np.asarray(got[layer]))
        if self.output in got:
            self.outputs.update(np.unique(got[self.output]).tolist())

    def _compare_layer(self, graph: str, layer: str, wanted: IntArray, got: IntArray) -> None:
        if got.shape != wanted.shape:
            raise ValueError(f"{self.form}: {layer} has shape {got.shape} in {graph}, wanted {wanted.shape}")
        self.values += wanted.size
        different = got != wanted
        count = int(np.count_nonzero(different))
        if count and self.first is None:
            index = tuple(int(i) for i in np.argwhere(different)[0])
            self.first = Mismatch(self.form, layer, graph, index, int(wanted[index]), int(got[index]))
        self.mismatches += count
